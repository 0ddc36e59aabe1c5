/**
 * A key of the configuration: its allowed values, its default and a line of help. A single table of such keys is the
 * source for the parser, for what `-generate` prints, and for a test of docs/configuration.md.
 */
import * as Either from "effect/Either"
import { UNIT_NAME } from "../naming/UnitName.ts"
import { refuse, type ValueRefused } from "../text/ValueRefused.ts"

export interface SettingKey<A> {
  /** The allowed values, for the reference: `ephemeral | persistent | readonly`. */
  readonly takes: string
  readonly default: A
  /** Help in one line. */
  readonly help: string
  /** Returns the value, or a sentence that says what is expected. */
  readonly parse: (value: string) => Either.Either<A, ValueRefused>
  /**
   * Whether the whole rest of the line is the value. Otherwise a comment may follow the value, and quotes are
   * removed.
   */
  readonly verbatim?: true
  /**
   * Whether messages leave the value out, because it may be a secret.
   */
  readonly unspoken?: true
  /**
   * Adds the entries of a later line to a list, for keys whose lines add up. An empty list removes all entries before it. The
   * entries that stay are the same objects, from which `Settings.originsFor` knows their lines.
   */
  readonly add?: (before: A, more: A) => A
  /** Prints the value so that `parse` reads it back. */
  readonly print: (value: A) => string
}

/** A table with one entry for each key of `A`. */
export type SettingKeys<A> = { readonly [K in keyof A]: SettingKey<A[K]> }

export const oneOf = <const A extends string>(words: readonly [A, ...A[]], help: string): SettingKey<A> => ({
  takes: words.join(" | "),
  default: words[0],
  help,
  parse: (value) => {
    const word = words.find((known) => known === value)
    return word === undefined ? refuse(`one of ${words.join(", ")} is expected`) : Either.right(word)
  },
  print: (word) => word
})

/**
 * Makes the function that adds up lists of entries. Of two entries that stand for the same only the later counts, at the place of the
 * later.
 */
export const adding =
  <E extends object>(standsFor: (entry: E) => string) =>
  (before: readonly E[], more: readonly E[]): readonly E[] =>
    more.length === 0
      ? []
      : [
          ...before.filter((entry) => !more.some((other) => standsFor(other) === standsFor(entry))),
          ...more.filter(
            (entry, index) => !more.slice(index + 1).some((other) => standsFor(other) === standsFor(entry))
          )
        ]

/** Accepts booleans as systemd.syntax(7) has them: "1, yes, true and on are equivalent". */
export const yesOrNo = (byDefault: boolean, help: string): SettingKey<boolean> => ({
  takes: "yes | no",
  default: byDefault,
  help,
  parse: (value) =>
    /^(?:yes|true|on|1)$/i.test(value)
      ? Either.right(true)
      : /^(?:no|false|off|0)$/i.test(value)
        ? Either.right(false)
        : refuse("yes or no is expected"),
  print: (yes) => (yes ? "yes" : "no")
})

/** Accepts names of units, separated by spaces. A later line replaces the list, and an empty one clears it. */
export const units = (
  help: string,
  allowed: RegExp = ANY_UNIT,
  kind = "a unit"
): SettingKey<readonly string[]> => ({
  takes: "UNIT …",
  default: [],
  help,
  parse: (value) => {
    const names = value.split(/\s+/).filter((name) => name !== "")
    const odd = names.find((name) => name.length > MAX_UNIT || !UNIT_NAME.test(name) || !allowed.test(name))
    return odd === undefined
      ? Either.right([...new Set(names)])
      : refuse(`${JSON.stringify(odd)} is not the name of ${kind}`)
  },
  print: (names) => names.join(" ")
})

/** Makes the key of a setting that may be empty, in which case the value is found out or taken from the image. */
export const optional = <A>(
  takes: string,
  help: string,
  parse: (value: string) => Either.Either<A, ValueRefused>,
  print: (value: A) => string
): SettingKey<A | undefined> => ({
  takes: `${takes} | (empty)`,
  default: undefined,
  help,
  parse: (value) => (value === "" ? Either.right(undefined) : parse(value)),
  print: (value) => (value === undefined ? "" : print(value))
})

/** Accepts a whole number of at least 1. */
export const natural = (byDefault: number, help: string): SettingKey<number> => ({
  takes: "NUMBER",
  default: byDefault,
  help,
  parse: (value) =>
    /^[1-9][0-9]{0,15}$/.test(value) && Number.isSafeInteger(Number(value))
      ? Either.right(Number(value))
      : refuse("a whole number of at least 1 is expected"),
  print: String
})

/**
 * Accepts an absolute directory. The path becomes part of mount options and unit lines, where the refused characters
 * are separators.
 */
export const directory = (byDefault: string, help: string): SettingKey<string> => ({
  takes: "PATH",
  default: byDefault,
  help,
  parse: (value) => {
    const fault = pathFault(value)
    return fault === undefined ? Either.right(value.replace(/(.)\/+$/, "$1")) : refuse(fault)
  },
  print: (path) => path
})

/** Returns why a path is refused; `undefined` if it is accepted. */
export const pathFault = (path: string): string | undefined => {
  if (!path.startsWith("/")) return "an absolute path is expected"
  if (path.split("/").some((component) => component === "." || component === ".."))
    return "the path must not contain the components “.” and “..”"
  return ODD_IN_PATH.test(path)
    ? 'blanks, control characters, and “:”, “,”, “\\”, “"” are not allowed'
    : undefined
}

const ANY_UNIT = /\.(?:service|target|socket|timer|path|mount|slice|device)$/
/** The longest unit name: `U.wants` and the link in it have to be file names. */
const MAX_UNIT = 240
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const ODD_IN_PATH = /[\s\u0000-\u001f\u007f:,\\"']/
