/** What a command line asks for, before it is parsed: help, a command, or something that there is not. */
import * as Data from "effect/Data"
import * as Resemblance from "../domain/naming/Resemblance.ts"
import * as CommandLine from "./manual/CommandLine.ts"

export type Invocation = Data.TaggedEnum<{
  /** Of the program, or of a command. */
  Help: { readonly command: CommandLine.Command | undefined }
  /** Nothing at all was said. */
  Nothing: object
  UnknownCommand: { readonly name: string; readonly near: readonly string[] }
  /** `@effect/cli` would take it for an argument, where there may be any number of those. */
  UnknownOption: {
    /** `undefined`: it stands where no command is. */
    readonly command: string | undefined
    readonly option: string
    readonly near: readonly string[]
  }
  /** Nothing follows an option that takes something, or another option does; `@effect/cli` would take that, or none. */
  MissingValue: { readonly command: string | undefined; readonly option: string; readonly value: string }
  /** `undefined`: only options were given, and `@effect/cli` has some of its own. */
  Run: { readonly command: string | undefined }
}>
export const Invocation = Data.taggedEnum<Invocation>()

/** `args` are without the program. */
export const of = (args: readonly string[], program: CommandLine.Program): Invocation => {
  if (args.length === 0) return Invocation.Nothing()
  const end = args.indexOf("--")
  const words = end < 0 ? args : args.slice(0, end)
  const at = words.findIndex((word, index) => !word.startsWith("-") && !isValue(words, index, BEFORE))
  const name = words[at]
  const named = (wanted: string | undefined) => program.commands.find((command) => command.name === wanted)
  if (name === "help") return Invocation.Help({ command: named(words[at + 1]) })
  const command = named(name)
  if (name !== undefined && command === undefined) {
    const known = program.commands.map((each) => each.name)
    return Invocation.UnknownCommand({ name, near: Resemblance.nearest(name, known) })
  }
  if (words.some((word) => word === "--help" || word === "-h")) return Invocation.Help({ command })
  const own =
    command === undefined
      ? [...program.options, ...CommandLine.BUILT_IN]
      : CommandLine.allOptions(program, command)
  const options: readonly Taking[] = [...own, ...BEFORE]
  const known = options.flatMap(({ names }) => names)
  const wanting = words.find(
    (word, index) =>
      takesValue(word, options) &&
      !isValue(words, index, options) &&
      (words[index + 1] === undefined || known.includes(words[index + 1] ?? ""))
  )
  if (wanting !== undefined) {
    const takes = own.find(({ names }) => names.includes(wanting))?.takes
    return Invocation.MissingValue({ command: name, option: wanting, value: takes?.word ?? "a value" })
  }
  const option = words
    .filter((word, index) => word.startsWith("-") && word !== "-" && !isValue(words, index, options))
    .map((word) => word.replace(/=.*$/s, ""))
    .find((word) => !known.includes(word))
  return option === undefined
    ? Invocation.Run({ command: name })
    : Invocation.UnknownOption({ command: name, option, near: like(option, known) })
}

/** Of one letter, those that begin with it: any two of such options are alike. */
const like = (option: string, known: readonly string[]): readonly string[] => {
  const long = known.filter((name) => name.startsWith("--"))
  return /^-[^-]$/.test(option)
    ? long.filter((name) => name.startsWith(`-${option}`) && !HIDDEN.has(name))
    : Resemblance.nearest(option, long)
}

type Taking = Pick<CommandLine.Option, "names"> & { readonly takes: unknown }

const takesValue = (word: string | undefined, options: readonly Taking[]): boolean =>
  options.some(({ names, takes }) => takes !== undefined && names.some((name) => name === word))

/** Does the word belong to the option before it? */
const isValue = (words: readonly string[], index: number, options: readonly Taking[]): boolean =>
  takesValue(words[index - 1], options)

/** Of `@effect/cli`: nobody is led to them. */
const HIDDEN: ReadonlySet<string> = new Set(["--log-level", "--completions", "--wizard"])

/** What may stand before the command: our own, and what `@effect/cli` adds. */
const BEFORE: readonly Taking[] = [
  { names: ["--config"], takes: "FILE" },
  { names: ["--log-level"], takes: "LEVEL" },
  { names: ["--completions"], takes: "SHELL" },
  { names: ["--wizard"], takes: undefined }
]
