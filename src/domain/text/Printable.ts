/**
 * Makes foreign strings safe to print on a terminal: no control character moves the cursor, no mark changes the
 * direction of the text that follows, and no invisible character hides between visible ones.
 */

/** Replaces each character that is not plain text by `\xNN`, or by `\u{N}` above U+00FF. */
export const line = (text: string): string => text.replace(NOT_TEXT, escaped)

/** Does the same for each line of a text, and keeps the line breaks. */
export const lines = (text: string): string => text.split("\n").map(line).join("\n")

/** Returns equivalent JSON that holds only plain text and line breaks. */
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

/**
 * Control characters, format characters (direction, joiners, tags), line and paragraph separators, lone surrogates.
 */
const NOT_TEXT = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu
