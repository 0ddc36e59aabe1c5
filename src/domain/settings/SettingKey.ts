/**
 * A key of the configuration: what it takes, what it is when nobody says anything, and a line of help. One table of
 * these is what is parsed, what `-generate` prints and what docs/configuration.md is held against.
 */
import * as Either from "effect/Either"
import { UNIT_NAME } from "../naming/UnitName.ts"

export interface SettingKey<A> {
  /** What may stand behind the `=`, for the reference: `ephemeral | persistent | readonly`. */
  readonly takes: string
  readonly default: A
  /** One line. */
  readonly help: string
  /** The value, or a sentence that says what is wanted. */
  readonly parse: (value: string) => Either.Either<A, string>
  /** Is the value all that stands behind the `=`? Otherwise a comment may follow it, and quotes are taken off. */
  readonly verbatim?: true
  /** What `parse` reads as the value. */
  readonly print: (value: A) => string
}

/** A table with an entry for each key of `A`, none forgotten. */
export type SettingKeys<A> = { readonly [K in keyof A]: SettingKey<A[K]> }

export const oneOf = <const A extends string>(words: readonly [A, ...A[]], help: string): SettingKey<A> => ({
  takes: words.join(" | "),
  default: words[0],
  help,
  parse: (value) => {
    const word = words.find((known) => known === value)
    return word === undefined ? Either.left(`one of ${words.join(", ")} is wanted`) : Either.right(word)
  },
  print: (word) => word
})

/** systemd.syntax(7): "1, yes, true and on are equivalent". */
export const yesOrNo = (byDefault: boolean, help: string): SettingKey<boolean> => ({
  takes: "yes | no",
  default: byDefault,
  help,
  parse: (value) =>
    /^(?:yes|true|on|1)$/i.test(value)
      ? Either.right(true)
      : /^(?:no|false|off|0)$/i.test(value)
        ? Either.right(false)
        : Either.left("yes or no is wanted"),
  print: (yes) => (yes ? "yes" : "no")
})

/** Names of units with blanks between them. Given again, the list is replaced; given empty, there are none. */
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
      : Either.left(`${JSON.stringify(odd)} is not the name of ${kind}`)
  },
  print: (names) => names.join(" ")
})

/** Something that is left to be found out, or to the image, where the value is empty. */
export const optional = <A>(
  takes: string,
  help: string,
  parse: (value: string) => Either.Either<A, string>,
  print: (value: A) => string
): SettingKey<A | undefined> => ({
  takes: `${takes} | (empty)`,
  default: undefined,
  help,
  parse: (value) => (value === "" ? Either.right(undefined) : parse(value)),
  print: (value) => (value === undefined ? "" : print(value))
})

/** A whole number from 1 on. */
export const natural = (byDefault: number, help: string): SettingKey<number> => ({
  takes: "NUMBER",
  default: byDefault,
  help,
  parse: (value) =>
    /^[1-9][0-9]{0,15}$/.test(value) && Number.isSafeInteger(Number(value))
      ? Either.right(Number(value))
      : Either.left("a whole number from 1 on is wanted"),
  print: String
})

/** An absolute directory. It becomes part of mount options and unit lines, where the refused characters separate things. */
export const directory = (byDefault: string, help: string): SettingKey<string> => ({
  takes: "PATH",
  default: byDefault,
  help,
  parse: (value) => {
    const fault = pathFault(value)
    return fault === undefined ? Either.right(value.replace(/(.)\/+$/, "$1")) : Either.left(fault)
  },
  print: (path) => path
})

/** Why a path is not taken. */
export const pathFault = (path: string): string | undefined => {
  if (!path.startsWith("/")) return "an absolute path is wanted"
  if (path.split("/").some((component) => component === "." || component === ".."))
    return "“.” and “..” are not taken"
  return ODD_IN_PATH.test(path)
    ? 'blanks, control characters, and “:”, “,”, “\\”, “"” are not taken'
    : undefined
}

const ANY_UNIT = /\.(?:service|target|socket|timer|path|mount|slice|device)$/
/** `U.wants` has to be a file name, and so has the link in it. */
const MAX_UNIT = 240
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const ODD_IN_PATH = /[\s\u0000-\u001f\u007f:,\\"']/
