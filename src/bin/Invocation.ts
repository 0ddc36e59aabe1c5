/** What a command line asks for, before it is parsed: help, a command, or something that there is not. */
import * as Data from "effect/Data"
import * as Resemblance from "../domain/Resemblance.ts"
import * as CommandLine from "./manual/CommandLine.ts"

export type Invocation = Data.TaggedEnum<{
  /** Of the program, or of a command. */
  Help: { readonly command: CommandLine.Command | undefined }
  /** Nothing at all was said. */
  Nothing: object
  UnknownCommand: { readonly name: string; readonly near: readonly string[] }
  /** `@effect/cli` would take it for an argument, where there may be any number of those. */
  UnknownOption: { readonly command: string; readonly option: string; readonly near: readonly string[] }
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
  if (command === undefined) return Invocation.Run({ command: name })
  const options = [...CommandLine.allOptions(program, command), ...BEFORE]
  const known = options.flatMap(({ names }) => names)
  const option = words
    .filter((word, index) => word.startsWith("-") && word !== "-" && !isValue(words, index, options))
    .map((word) => word.replace(/=.*$/s, ""))
    .find((word) => !known.includes(word))
  return option === undefined
    ? Invocation.Run({ command: name })
    : Invocation.UnknownOption({ command: command.name, option, near: Resemblance.nearest(option, known) })
}

type Taking = Pick<CommandLine.Option, "names"> & { readonly takes: unknown }

/** Does the word belong to the option before it? */
const isValue = (words: readonly string[], index: number, options: readonly Taking[]): boolean =>
  options.some(({ names, takes }) => takes !== undefined && names.some((name) => name === words[index - 1]))

/** What may stand before the command: our own, and what `@effect/cli` adds. */
const BEFORE: readonly Taking[] = [
  { names: ["--config"], takes: "FILE" },
  { names: ["--log-level"], takes: "LEVEL" },
  { names: ["--completions"], takes: "SHELL" },
  { names: ["--wizard"], takes: undefined }
]
