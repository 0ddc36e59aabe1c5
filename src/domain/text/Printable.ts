/**
 * Other people's strings as text that does nothing to a terminal: no control character moves its cursor, no mark turns
 * the direction of what follows, and nothing that cannot be seen stands between what can.
 */

/** Each character that is not text becomes `\xNN`, or `\u{N}` above U+00FF; what is text stays as it is. */
export const line = (text: string): string => text.replace(NOT_TEXT, escaped)

/** The same, and lines stay lines. */
export const lines = (text: string): string => text.split("\n").map(line).join("\n")

/** JSON that says the same and has nothing but text in it, and line breaks. */
export const json = (text: string): string =>
  text.replace(NOT_TEXT, (character) =>
    character === "\n"
      ? character
      : Array.from(
          { length: character.length },
          (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`
        ).join("")
  )

const escaped = (character: string): string => {
  const code = character.codePointAt(0) ?? 0
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`
}

/** Controls, format characters (direction, joiners, tags), separators of lines and paragraphs, lone surrogates. */
const NOT_TEXT = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu
