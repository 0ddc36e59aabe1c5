/**
 * A command line of the configuration, split into words as `ExecStart=` is (systemd.syntax(7), "Quoting").
 *
 *     line   = [ word *( blanks word ) ]
 *     word   = 1*( char | escape | '"' *( char | escape ) '"' | "'" *( char | escape ) "'" )
 *     escape = "\" ( one of abfnrstv\"' | "x" 2 hex | 3 octal | "u" 4 hex | "U" 8 hex )
 *
 * Nothing else has a meaning: no shell, no variables, no specifiers, no `;` between commands.
 */
import * as Either from "effect/Either"
import { refuse, type ValueRefused } from "../text/ValueRefused.ts"

export const parse = (text: string): Either.Either<readonly string[], ValueRefused> => {
  const words: string[] = []
  let word: string | undefined
  let quote: string | undefined
  for (let at = 0; at < text.length; ) {
    const character = text[at] ?? ""
    if (character === "\\") {
      const [whole, escape = ""] = ESCAPE.exec(text.slice(at, at + LONGEST_ESCAPE)) ?? []
      if (whole === undefined)
        return refuse(`${JSON.stringify(text.slice(at, at + 2))} is not an escape of systemd.syntax(7)`)
      const meant = characterOf(escape)
      if (meant === undefined) return refuse(`${JSON.stringify(whole)} stands for no character of a text`)
      word = (word ?? "") + meant
      at += whole.length
      continue
    }
    at++
    if (quote !== undefined) {
      if (character === quote) quote = undefined
      else word = (word ?? "") + character
    } else if (character === '"' || character === "'") {
      quote = character
      word ??= ""
    } else if (BLANK.test(character)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? "") + character
  }
  if (quote !== undefined) return refuse(`a quotation mark ${quote} is not closed`)
  if (word !== undefined) words.push(word)
  return Either.right(words)
}

const characterOf = (escape: string): string | undefined => {
  const letter = LETTERS[escape]
  if (letter !== undefined) return letter
  const isOctal = /^[0-7]/.test(escape)
  const code = Number.parseInt(isOctal ? escape : escape.slice(1), isOctal ? 8 : 16)
  // Bytes beyond ASCII are parts of characters, which are written themselves.
  const highest = isOctal || escape.startsWith("x") ? HIGHEST_ASCII : HIGHEST
  return code === 0 || code > highest || (code >= 0xd800 && code <= 0xdfff)
    ? undefined
    : String.fromCodePoint(code)
}

const LETTERS: Readonly<Record<string, string>> = {
  a: "\u0007",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  s: " ",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
  "'": "'"
}
const ESCAPE = /^\\([abfnrstv\\"']|x[0-9a-fA-F]{2}|[0-3][0-7]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})/
/** The length of `\UXXXXXXXX`. */
const LONGEST_ESCAPE = 10
const BLANK = /[ \t\n\r]/
const HIGHEST_ASCII = 0x7f
const HIGHEST = 0x10ffff
