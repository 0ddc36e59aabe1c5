/** Breaks text into lines at its spaces, and indents all lines but the first. */
import * as DisplayWidth from "./DisplayWidth.ts"

/** Wraps a text. A word that is longer than a line is broken at the end of the line. */
export const wrap = (text: string, width: number, indent = ""): readonly string[] => {
  if (!Number.isFinite(width)) return [text]
  const room = Math.max(width - indent.length, NARROWEST)
  const lines: string[] = []
  let line = ""
  for (const word of text.split(/(?<=\s)(?=\S)/u).flatMap((word) => pieces(word, room))) {
    if (line !== "" && DisplayWidth.of(line + word.trimEnd()) > (lines.length === 0 ? width : room)) {
      lines.push(line.trimEnd())
      line = ""
    }
    line += word
  }
  lines.push(line.trimEnd())
  return lines.map((each, index) => (index === 0 ? each : indent + each))
}

const pieces = (word: string, room: number): readonly string[] => {
  if (DisplayWidth.of(word) <= room) return [word]
  const first = DisplayWidth.head(word, room)
  return first === "" ? [word] : [first, ...pieces(word.slice(first.length), room)]
}

/** Narrower text is not broken. */
const NARROWEST = 20
