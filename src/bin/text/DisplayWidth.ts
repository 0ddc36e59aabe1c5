/** How many columns of a terminal a text takes. */

/** Of printable text (`Printable`), without escape sequences. */
export const of = (text: string): number => {
  if (PLAIN.test(text)) return text.length
  let width = 0
  for (const cluster of clusters(text)) width += ofCluster(cluster)
  return width
}

/** The longest head that takes no more than `width` columns. */
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

/** The longest tail that does. */
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

/** Both ends of a text that is too long, with `…` between them: names differ at either. */
export const shorten = (text: string, width: number): string => {
  if (of(text) <= width) return text
  if (width <= 1) return head("…", width)
  const left = Math.ceil((width - 1) / 2)
  return `${head(text, left)}…${tail(text, width - 1 - left)}`
}

const clusters = (text: string): readonly string[] =>
  PLAIN.test(text) ? Array.from(text) : Array.from(SEGMENTER.segment(text), ({ segment }) => segment)

/** What a reader takes for one character is as wide as its widest part. */
const ofCluster = (cluster: string): number => {
  let width = 0
  for (const character of cluster) {
    width = Math.max(width, NO_WIDTH.test(character) ? 0 : WIDE.test(character) ? 2 : 1)
  }
  return EMOJI_STYLE.test(cluster) ? 2 : width
}

const SEGMENTER = new Intl.Segmenter("en", { granularity: "grapheme" })
const PLAIN = /^[ -~]*$/
const NO_WIDTH = /^(?:\p{Mn}|\p{Me}|[\u200b-\u200d])$/u
/** East Asian Wide and Fullwidth (Unicode Standard Annex 11), in blocks; and what is shown as a picture. */
const WIDE =
  /^(?:[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{17000}-\u{18cff}\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation})$/u
const EMOJI_STYLE = /\ufe0f/u
