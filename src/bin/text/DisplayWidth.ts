/** Computes how many columns of a terminal a text takes. Widths are those of Unicode Standard Annex 11. */
import { eastAsianWidth } from "get-east-asian-width"

/** Returns the width of printable text (`Printable`) without escape sequences. */
export const of = (text: string): number => {
  if (PLAIN.test(text)) return text.length
  let width = 0
  for (const cluster of clusters(text)) width += ofCluster(cluster)
  return width
}

/** Returns the longest beginning that takes at most `width` columns. */
export const head = (text: string, width: number): string => {
  let taken = 0
  let result = ""
  for (const cluster of clusters(text)) {
    taken += ofCluster(cluster)
    if (taken > width) break
    result += cluster
  }
  return result
}

/** Returns the longest end that takes at most `width` columns. */
export const tail = (text: string, width: number): string => {
  const all = clusters(text)
  let taken = 0
  let from = all.length
  while (from > 0) {
    taken += ofCluster(all[from - 1] ?? "")
    if (taken > width) break
    from--
  }
  return all.slice(from).join("")
}

/** Shortens a long text to its two ends with `…` between them, since names may differ at either end. */
export const shorten = (text: string, width: number): string => {
  if (of(text) <= width) return text
  if (width <= 1) return head("…", width)
  const left = Math.ceil((width - 1) / 2)
  return `${head(text, left)}…${tail(text, width - 1 - left)}`
}

const clusters = (text: string): readonly string[] =>
  PLAIN.test(text) ? Array.from(text) : Array.from(SEGMENTER.segment(text), ({ segment }) => segment)

/** Returns the width of a character as readers see it, which is that of its widest part. */
const ofCluster = (cluster: string): number => {
  let width = 0
  for (const character of cluster) {
    width = Math.max(width, ofCharacter(character))
  }
  return EMOJI_STYLE.test(cluster) ? 2 : width
}

const ofCharacter = (character: string): number => {
  if (NO_WIDTH.test(character)) return 0
  return PICTURE.test(character) ? 2 : eastAsianWidth(character.codePointAt(0) ?? 0)
}

const SEGMENTER = new Intl.Segmenter("en", { granularity: "grapheme" })
const PLAIN = /^[ -~]*$/
const NO_WIDTH = /^(?:\p{Mn}|\p{Me}|[\u200b-\u200d])$/u
/** Characters shown as pictures, among them the halves of flags, whose width alone is one. */
const PICTURE = /^\p{Emoji_Presentation}$/u
const EMOJI_STYLE = /\ufe0f/u
