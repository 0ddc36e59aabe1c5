/**
 * Decides what a command line asks for before `@effect/cli` parses it: help, a command, or nothing that can be run.
 *
 * `@effect/cli` parses what is run. This module looks only for mistakes that it would not report. It takes an unknown
 * option for an argument, or drops it without a word; it does the same with an option whose value is missing; for an
 * unknown command it lists all commands, without the word that is wrong. `test/bin/Invocation.test.ts` shows what it says
 * in each case, so that what a later version reports itself can be removed here. The options and commands, and which of
 * them take a value, come from the definitions that `@effect/cli` runs.
 */
import * as Data from "effect/Data"
import * as Resemblance from "../domain/naming/Resemblance.ts"
import * as CommandLine from "./manual/CommandLine.ts"

export type Invocation = Data.TaggedEnum<{
  /** Help for the program, or for a command. */
  Help: { readonly command: CommandLine.Command | undefined }
  /** The command line is empty. */
  Nothing: object
  /** `others` are the arguments that follow it. */
  UnknownCommand: {
    readonly name: string
    readonly near: readonly string[]
    readonly others: readonly string[]
  }
  /** An unknown option. `@effect/cli` would take it for an argument of a command with any number of arguments. */
  UnknownOption: {
    /** `undefined` if the option precedes the command. */
    readonly command: string | undefined
    readonly option: string
    readonly near: readonly string[]
  }
  /**
   * An option that takes a value is last, or another option follows it. `@effect/cli` would take that option as the
   * value, or take none.
   */
  MissingValue: { readonly command: string | undefined; readonly option: string; readonly value: string }
  /** `undefined` if only options were given, since `@effect/cli` adds some of its own. */
  Run: { readonly command: string | undefined }
}>
export const Invocation = Data.taggedEnum<Invocation>()

/** Examines the arguments that follow the program's name. */
export const of = (args: readonly string[], program: CommandLine.Program): Invocation => {
  if (args.length === 0) return Invocation.Nothing()
  const end = args.indexOf("--")
  const words = end < 0 ? args : args.slice(0, end)
  const before = [...program.options, ...program.library]
  const at = words.findIndex((word, index) => !word.startsWith("-") && !isValue(words, index, before))
  const name = words[at]
  const named = (wanted: string | undefined) => program.commands.find((command) => command.name === wanted)
  if (name === "help") return Invocation.Help({ command: named(words[at + 1]) })
  const command = named(name)
  if (name !== undefined && command === undefined) {
    const known = program.commands.map((each) => each.name)
    const others = args.slice(at + 1).filter((word) => !word.startsWith("-"))
    return Invocation.UnknownCommand({ name, near: Resemblance.nearest(name, known), others })
  }
  if (words.some((word) => word === "--help" || word === "-h")) return Invocation.Help({ command })
  const options = [...(command?.options ?? []), ...before]
  const known = options.flatMap(({ names }) => names)
  const wanting = words.find(
    (word, index) =>
      takesValue(word, options) &&
      !isValue(words, index, options) &&
      (words[index + 1] === undefined || known.includes(words[index + 1] ?? ""))
  )
  if (wanting !== undefined) {
    const takes = options.find(({ names }) => names.includes(wanting))?.takes
    return Invocation.MissingValue({ command: name, option: wanting, value: takes?.word ?? "a value" })
  }
  const option = words
    .filter((word, index) => word.startsWith("-") && word !== "-" && !isValue(words, index, options))
    .map((word) => word.replace(/=.*$/s, ""))
    .find((word) => !known.includes(word))
  if (option === undefined) return Invocation.Run({ command: name })
  const shown = [...(command?.options ?? []), ...program.options, ...CommandLine.BUILT_IN]
  return Invocation.UnknownOption({ command: name, option, near: like(option, shown) })
}

/**
 * Suggests options. For an option of one letter these are the long options that begin with it, since any two letters
 * are alike.
 */
const like = (option: string, options: readonly CommandLine.Option[]): readonly string[] => {
  const long = options.flatMap(({ names }) => names).filter((name) => name.startsWith("--"))
  return /^-[^-]$/.test(option)
    ? long.filter((name) => name.startsWith(`-${option}`))
    : Resemblance.nearest(option, long)
}

const takesValue = (word: string | undefined, options: readonly CommandLine.Option[]): boolean =>
  options.some(({ names, takes }) => takes !== undefined && names.some((name) => name === word))

/** Whether the word is the value of the option before it. */
const isValue = (words: readonly string[], index: number, options: readonly CommandLine.Option[]): boolean =>
  takesValue(words[index - 1], options)
