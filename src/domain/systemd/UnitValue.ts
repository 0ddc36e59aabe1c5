/**
 * What may stand behind the `=` of a directive, so that systemd reads back exactly what was meant.
 *
 *     line    = key "=" value        at most 1 MiB (LONG_LINE_MAX), no newline, no "\" at its end (a continuation)
 *     word    = '"' *( char | "\\" | '\"' | "\n" | "\t" | "\xNN" | "%%" ) '"'
 *     path    = raw bytes, "%" doubled, never quoted
 *
 * Follows systemd.syntax(7) and the specifiers of systemd.unit(5). A `UnitValue` is made here only: whatever an
 * image's strings hold, no value can end its line, add a directive or name a specifier.
 */
import * as Either from "effect/Either"
import { TaggedError } from "../text/TaggedError.ts"

declare const UnitValueBrand: unique symbol
export type UnitValue = string & { readonly [UnitValueBrand]: "UnitValue" }

/** Why a text cannot stand in a unit. `what` names the text's role. */
export class Unwritable extends TaggedError("Unwritable")<{
  readonly what: string
  readonly value: string
  readonly reason: string
}> {
  override get message(): string {
    return `${this.what} ${abbreviate(this.value)} ${this.reason}`
  }
}

/** A text of our own that needs no escaping: a constant, a number, a unit's name. */
export const literal = (text: string): UnitValue => {
  if (NOT_LITERAL.test(text) || text.endsWith("\\") || text.trim() !== text)
    throw new Error(`not a literal: ${JSON.stringify(text)}`)
  return text.replaceAll("%", "%%") as UnitValue
}

/** One word, quoted: an argument, an assignment. */
export const word = (what: string, text: string): Either.Either<UnitValue, Unwritable> => {
  if (text.length <= MAX_PLAIN && PLAIN.test(text)) return Either.right(`"${text}"` as UnitValue)
  const fault = textFault(text)
  return fault === undefined
    ? Either.right(`"${text.replace(specialInWord(), escapeCharacter)}"` as UnitValue)
    : Either.left(new Unwritable({ what, value: text, reason: fault }))
}

/** A path as `RootDirectory=`, `WorkingDirectory=` and `Where=` take it: nothing is unquoted there. */
export const path = (what: string, text: string): Either.Either<UnitValue, Unwritable> => {
  if (text.length <= MAX_PLAIN && PLAIN_PATH.test(text)) return Either.right(text as UnitValue)
  const fault = textFault(text) ?? pathFault(text)
  return fault === undefined
    ? Either.right(text.replaceAll("%", "%%") as UnitValue)
    : Either.left(new Unwritable({ what, value: text, reason: fault }))
}

/**
 * A source and a destination as `BindPaths=` takes them. Both are paths without quotes, colons, backslashes and control
 * characters, which the versions of systemd read differently here; each of the two may be quoted alone.
 */
export const bind = (source: string, destination: string): UnitValue =>
  [source, destination]
    .map((path) => {
      if (ODD_IN_BIND.test(path)) throw new Error(`not to be bound: ${JSON.stringify(path)}`)
      return path.includes(" ") ? `"${path}"` : path
    })
    .join(":")
    .replaceAll("%", "%%") as UnitValue

/** A text for people, as `Description=` shows it: control characters and line ends become blanks. */
export const prose = (text: string): UnitValue =>
  comment(text)
    .trim()
    .slice(0, MAX_PROSE)
    .toWellFormed()
    .replace(/[\s\\]+$/, "")
    .replaceAll("%", "%%") as UnitValue

/** Several values, with a blank between them unless told otherwise. */
export const join = (values: readonly UnitValue[], between: " " | "" = " "): UnitValue =>
  values.join(between) as UnitValue

/** A text inside a comment line, which is cut where systemd might not read the line, and with it the unit. */
export const comment = (text: string): string => {
  const shown = text.length > MAX_COMMENT ? `${text.slice(0, MAX_COMMENT)}…` : text
  return PLAIN.test(shown) ? shown : shown.toWellFormed().replace(notProse(), " ")
}

const textFault = (text: string): string | undefined => {
  if (text.includes("\0")) return "holds a NUL byte"
  if (!text.isWellFormed()) return "is not Unicode text"
  if (isLonger(text, MAX_TEXT)) return `is longer than the ${MAX_TEXT} bytes that Linux takes`
  return undefined
}

const pathFault = (text: string): string | undefined => {
  if (!text.startsWith("/")) return "is not an absolute path"
  if (isLonger(text, MAX_PATH)) return `is longer than the ${MAX_PATH} bytes that Linux takes`
  if (hasNoncharacter(text)) return "holds a Unicode noncharacter, which systemd does not take"
  if (CONTROL.test(text)) return "holds a control character, which systemd does not take in a path"
  if (text.trimEnd() !== text) return "ends in white space, which systemd cuts off"
  if (text.endsWith("\\")) return "ends in a backslash, which continues the line in a unit"
  return undefined
}

/** systemd takes a line that holds one for no UTF-8 at all. */
export const hasNoncharacter = (text: string): boolean =>
  !PLAIN.test(text) && /\p{Noncharacter_Code_Point}/u.test(text)

/** In bytes. Few are long enough to be counted: no character has more than three for each of its own. */
const isLonger = (text: string, bytes: number): boolean =>
  text.length * 3 > bytes && new TextEncoder().encode(text).length > bytes

const escapeCharacter = (character: string): string => {
  switch (character) {
    case "\\":
      return "\\\\"
    case '"':
      return '\\"'
    case "\n":
      return "\\n"
    case "\t":
      return "\\t"
    case "%":
      return "%%"
    default:
      return Array.from(
        new TextEncoder().encode(character),
        (byte) => `\\x${byte.toString(16).padStart(2, "0")}`
      ).join("")
  }
}

const abbreviate = (text: string): string =>
  JSON.stringify(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text)

/** execve(2)'s MAX_ARG_STRLEN less the NUL. Escaped it may be four times as long, and is half of LONG_LINE_MAX then. */
const MAX_TEXT = 128 * 1024 - 1
/** PATH_MAX less the NUL. */
const MAX_PATH = 4095
/** Printable ASCII without quotation marks, percent signs and backslashes: nothing is ever done to it, and it is most of what there is. */
const PLAIN = /^[ !#$&-[\]-~]*$/
/** The same of an absolute path: without a blank at its end. */
const PLAIN_PATH = /^\/(?:[ !#$&-[\]-~]*[!#$&-[\]-~])?$/
/** Below all other limits. */
const MAX_PLAIN = 1024
/** Far below LONG_LINE_MAX, in bytes whatever the script: comments are for people. */
const MAX_COMMENT = 16 * 1024
/** A description is for a list on a terminal. */
const MAX_PROSE = 200
const MAX_SHOWN = 80
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
const NOT_LITERAL = /[\u0000-\u001f\u007f]/
// Properties of Unicode take as long to look up as units of an image to be made: they are where there is more than ASCII only.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped
const specialInWord = () => /[\\"%\u0001-\u001f\u007f]|\p{Noncharacter_Code_Point}/gu
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\u0001-\u001f\u007f]/
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const ODD_IN_BIND = /["'\\:\u0000-\u001f\u007f]/
/** Besides control characters, what ends a line somewhere or turns text around. */
const notProse = () =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is replaced
  /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]|\p{Noncharacter_Code_Point}/gu
