/**
 * The command of a service, in place of the image's `Entrypoint` and `Cmd`.
 *
 *     entrypoint | command = words, split and quoted as for ExecStart=       `CommandWords`
 *                          | JSON list of strings, as in a Dockerfile
 *
 * As with the container engines, an entrypoint takes the image's `Cmd` away too. `entrypoint = ""` is no entrypoint at all.
 */
import * as Either from "effect/Either"
import type { ProcessConfig } from "../image/ImageConfig.ts"
import * as CommandWords from "../systemd/CommandWords.ts"
import { refuse, ValueRefused } from "../text/ValueRefused.ts"
import { optional, type SettingKeys } from "./SettingKey.ts"

/** Settings of a service's command. Undefined ones are left to the image. */
export interface CommandSettings {
  readonly entrypoint: readonly string[] | undefined
  readonly command: readonly string[] | undefined
}

/** Returns the fields of the image's configuration that the settings replace. */
export const over = ({
  command,
  entrypoint
}: CommandSettings): Partial<Pick<ProcessConfig, "Cmd" | "Entrypoint">> => ({
  ...(entrypoint === undefined ? {} : { Entrypoint: entrypoint, Cmd: [] }),
  ...(command === undefined ? {} : { Cmd: command })
})

export const parse = (text: string): Either.Either<readonly string[], ValueRefused> => {
  const list = text.startsWith("[") ? json(text) : undefined
  // A program can be called `[`, but none is called `["`.
  if (list === undefined && text.startsWith('["')) return refuse(WANTED)
  const words = list === undefined ? CommandWords.parse(text) : Either.right(list)
  return Either.filterOrLeft(
    words,
    (all) => !all.some((word) => word.includes("\0") || !word.isWellFormed()),
    () => new ValueRefused({ reason: "a command cannot contain a NUL or half a character" })
  )
}

/** Prints words as a JSON list, the form that can express every command. */
export const print = (words: readonly string[]): string => JSON.stringify(words)

const json = (text: string): readonly string[] | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) && value.every((word) => typeof word === "string") ? value : undefined
  } catch {
    return undefined
  }
}

const WANTED =
  'a list that begins with [" has to be a JSON list of strings, such as ["myapp", "--port", "80"]'

const words = (help: string) => ({
  ...optional('WORD … | ["WORD", …]', help, parse, print),
  verbatim: true as const
})

/** @internal */
export const KEYS: SettingKeys<CommandSettings> = {
  entrypoint: words(
    "The program and its first arguments, in place of the image's Entrypoint and Cmd; the whole rest of the line, quoted as in ExecStart=; empty: the image's."
  ),
  command: words(
    "The arguments after the entrypoint, or without one the program and its arguments, in place of the image's Cmd; the whole rest of the line, quoted as in ExecStart=; empty: the image's."
  )
}
