/** What a command line asks for, before it is parsed: help, or a command, or something that there is not. */
import * as Data from "effect/Data"
import * as Resemblance from "../domain/Resemblance.ts"

export type Wanted = Data.TaggedEnum<{
  /** Of the program, or of a command. */
  Help: { readonly command: string | undefined }
  /** Nothing at all was said. */
  Nothing: object
  UnknownCommand: { readonly name: string; readonly near: readonly string[] }
  Command: { readonly command: string }
  /** Only options: `@effect/cli` has some of its own. */
  Options: object
}>
export const Wanted = Data.taggedEnum<Wanted>()

/** `args` are without the program. */
export const of = (args: readonly string[], commands: readonly string[]): Wanted => {
  if (args.length === 0) return Wanted.Nothing()
  const end = args.indexOf("--")
  const before = end < 0 ? args : args.slice(0, end)
  const name = before.find((word, index) => !word.startsWith("-") && !takesNext(before[index - 1]))
  if (name === "help")
    return Wanted.Help({ command: commands.find((known) => known === before[before.indexOf(name) + 1]) })
  if (name !== undefined && !commands.includes(name)) {
    return Wanted.UnknownCommand({ name, near: Resemblance.nearest(name, commands) })
  }
  if (before.some((word) => word === "--help" || word === "-h")) return Wanted.Help({ command: name })
  return name === undefined ? Wanted.Options() : Wanted.Command({ command: name })
}

/** Before the command, these are followed by a word that is none. */
const takesNext = (word: string | undefined): boolean =>
  word === "--config" || word === "--log-level" || word === "--completions"

/** An option that a command does not have, which would be taken for an argument; `options` as they are written. */
export const unknownOption = (
  args: readonly string[],
  options: readonly string[]
): { readonly option: string; readonly near: readonly string[] } | undefined => {
  const end = args.indexOf("--")
  const taking = new Map(
    [...options, ...BUILT_IN].map((option) => [option.split(" ")[0] ?? "", option.includes(" ")])
  )
  let isValue = false
  for (const word of end < 0 ? args : args.slice(0, end)) {
    if (isValue || !word.startsWith("-") || word === "-") {
      isValue = false
      continue
    }
    const name = word.replace(/=.*$/s, "")
    const takes = taking.get(name)
    if (takes === undefined) return { option: name, near: Resemblance.nearest(name, [...taking.keys()]) }
    isValue = takes && !word.includes("=")
  }
  return undefined
}

/** Those of `@effect/cli`, wherever they stand. */
const BUILT_IN = [
  "--config FILE",
  "--log-level LEVEL",
  "--completions SHELL",
  "--wizard",
  "--version",
  "--help",
  "-h"
]
