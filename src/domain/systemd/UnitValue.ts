/**
 * The text after the `=` of a directive, escaped so that systemd reads back exactly what was meant.
 *
 *     line    = key "=" value        at most 1 MiB (LONG_LINE_MAX), no newline, no "\" at its end (a continuation)
 *     word    = '"' *( char | "\\" | '\"' | "\n" | "\t" | "\xNN" | "%%" ) '"'
 *     path    = raw bytes, "%" doubled, never quoted
 *
 * Follows systemd.syntax(7) and the specifiers of systemd.unit(5). Only this module makes a `UnitValue`: whatever an
 * image's strings hold, no value can end its line, add a directive or name a specifier.
 */
import * as Either from "effect/Either"
import { LONGEST_PATH } from "../text/PathLimits.ts"
import { TaggedError } from "../text/TaggedError.ts"

declare const UnitValueBrand: unique symbol
/** The value of a directive, escaped as systemd reads it. */
export type UnitValue = string & { readonly [UnitValueBrand]: "UnitValue" }

/** Why a text cannot be written in a unit. `what` names the role of the text. */
export class Unwritable extends TaggedError("Unwritable")<{
  readonly what: string
  readonly value: string
  readonly reason: string
}> {
  override get message(): string {
    return `${this.what} ${abbreviate(this.value)} ${this.reason}`
  }
}

/** Returns a text of our own that needs no escaping: a constant, a number, a unit's name. */
export const literal = (text: string): UnitValue => {
  if (NOT_LITERAL.test(text) || text.endsWith("\\") || text.trim() !== text)
    throw new Error(`not a literal: ${JSON.stringify(text)}`)
  return text.replaceAll("%", "%%") as UnitValue
}

/** Quotes one word: an argument or an assignment. */
export const word = (what: string, text: string): Either.Either<UnitValue, Unwritable> => {
  if (text.length <= MAX_PLAIN && PLAIN.test(text)) return Either.right(`"${text}"` as UnitValue)
  const fault = textFault(text)
  return fault === undefined
    ? Either.right(`"${text.replace(specialInWord(), escapeCharacter)}"` as UnitValue)
    : Either.left(new Unwritable({ what, value: text, reason: fault }))
}

/** Escapes a path for `RootDirectory=`, `WorkingDirectory=` and `Where=`, where systemd removes no quotes. */
export const path = (what: string, text: string): Either.Either<UnitValue, Unwritable> => {
  if (text.length <= MAX_PLAIN && PLAIN_PATH.test(text)) return Either.right(text as UnitValue)
  const fault = textFault(text) ?? pathFault(text)
  return fault === undefined
    ? Either.right(text.replaceAll("%", "%%") as UnitValue)
    : Either.left(new Unwritable({ what, value: text, reason: fault }))
}

/**
 * Writes a source and a destination for `BindPaths=`. Neither path may hold quotes, colons, backslashes or control
 * characters, which systemd's versions read differently here; each of the two may be quoted on its own.
 */
export const bind = (source: string, destination: string): UnitValue =>
  [source, destination].map(listed).join(":").replaceAll("%", "%%") as UnitValue

/**
 * Writes a path inside the root, for directives that list paths, such as `ReadWritePaths=`. It must not hold the
 * characters that `bind` excludes.
 */
export const inRoot = (path: string): UnitValue => listed(`+${path}`).replaceAll("%", "%%") as UnitValue

const listed = (path: string): string => {
  if (ODD_IN_BIND.test(path)) throw new Error(`not to be bound: ${JSON.stringify(path)}`)
  return path.includes(" ") ? `"${path}"` : path
}

/** Writes a text for people, as in `Description=`: control characters and line ends become spaces. */
export const prose = (text: string): UnitValue =>
  comment(text)
    .trim()
    .slice(0, MAX_PROSE)
    .toWellFormed()
    .replace(/[\s\\]+$/, "")
    .replaceAll("%", "%%") as UnitValue

/** Joins several values, with a space between them by default. */
export const join = (values: readonly UnitValue[], between: " " | "" = " "): UnitValue =>
  values.join(between) as UnitValue

/**
 * Writes a text inside a comment line. It is cut where systemd might fail to read the line, and with it the whole
 * unit.
 */
export const comment = (text: string): string => {
  const shown = text.length > MAX_COMMENT ? `${text.slice(0, MAX_COMMENT)}…` : text
  return PLAIN.test(shown) ? shown : shown.toWellFormed().replace(notProse(), " ")
}

const textFault = (text: string): string | undefined => {
  if (text.includes("\0")) return "holds a NUL byte"
  if (!text.isWellFormed()) return "is not Unicode text"
  if (isLonger(text, MAX_TEXT)) return `is longer than the ${MAX_TEXT} bytes that Linux allows`
  return undefined
}

const pathFault = (text: string): string | undefined => {
  if (!text.startsWith("/")) return "is not an absolute path"
  if (isLonger(text, LONGEST_PATH)) return `is longer than the ${LONGEST_PATH} bytes that Linux allows`
  if (hasNoncharacter(text)) return "holds a Unicode noncharacter, which systemd does not accept"
  if (CONTROL.test(text)) return "holds a control character, which systemd does not accept in a path"
  if (text.trimEnd() !== text) return "ends in white space, which systemd cuts off"
  if (text.endsWith("\\")) return "ends in a backslash, which continues the line in a unit"
  return undefined
}

/** Whether a text holds a Unicode noncharacter. systemd rejects a line with one as invalid UTF-8. */
export const hasNoncharacter = (text: string): boolean =>
  !PLAIN.test(text) && /\p{Noncharacter_Code_Point}/u.test(text)

/**
 * Whether a text has more than this number of bytes. Few texts are counted, since no UTF-16 unit takes more than
 * three bytes.
 */
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

/**
 * MAX_ARG_STRLEN of execve(2) without the NUL. Escaped, a text may be four times as long, which is half of
 * LONG_LINE_MAX.
 */
const MAX_TEXT = 128 * 1024 - 1
/**
 * Printable ASCII without quotation marks, percent signs and backslashes. It needs no escaping, and most texts match.
 */
const PLAIN = /^[ !#$&-[\]-~]*$/
/** The same for an absolute path, which must not end in a space. */
const PLAIN_PATH = /^\/(?:[ !#$&-[\]-~]*[!#$&-[\]-~])?$/
/** A length below all other limits. */
const MAX_PLAIN = 1024
/** The longest comment in bytes, far below LONG_LINE_MAX: comments are for people. */
const MAX_COMMENT = 16 * 1024
/** The longest description, for a list on a terminal. */
const MAX_PROSE = 200
const MAX_SHOWN = 80
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
const NOT_LITERAL = /[\u0000-\u001f\u007f]/
// Looking up Unicode properties takes as long as making an image's units, so texts of pure ASCII skip it.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped
const specialInWord = () => /[\\"%\u0001-\u001f\u007f]|\p{Noncharacter_Code_Point}/gu
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\u0001-\u001f\u007f]/
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const ODD_IN_BIND = /["'\\:\u0000-\u001f\u007f]/
/** Besides control characters, everything that ends a line or changes the direction of text. */
const notProse = () =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is replaced
  /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]|\p{Noncharacter_Code_Point}/gu
