/**
 * The configuration of a health check. Each key replaces one field of the image's `Healthcheck`.
 *
 *     healthcmd = NONE                   no check
 *               | CMD-SHELL line         given to the image's shell
 *               | CMD word …             program and arguments, split at white space, or a JSON list
 *               | JSON list of strings   program and arguments; where the first is CMD, CMD-SHELL
 *                                        or NONE, Docker's own `Test`, as an image has it
 *               | anything else          passed to the image's shell unchanged
 *
 * The three words count in any case, as with `podman run --health-cmd`, whose values people carry over from Quadlet.
 * `[ -e /ready ]` is a script, since it is not JSON.
 */
import * as Either from "effect/Either"
import type { ProcessConfig } from "../image/ImageConfig.ts"
import * as TimeSpan from "../systemd/TimeSpan.ts"
import { refuse, ValueRefused } from "../text/ValueRefused.ts"
import { natural, optional, type SettingKeys } from "./SettingKey.ts"

/**
 * Settings of a health check. Undefined ones are left to the image and to Docker's defaults. Times are in
 * milliseconds.
 */
export interface HealthSettings {
  /** The command in the form of Docker's `Test`. */
  readonly healthcmd: readonly string[] | undefined
  readonly healthinterval: number | undefined
  readonly healthtimeout: number | undefined
  readonly healthretries: number | undefined
  readonly healthstartperiod: number | undefined
  readonly healthstartinterval: number | undefined
}

type Healthcheck = NonNullable<ProcessConfig["Healthcheck"]>

/**
 * Returns the image's health check with the configured fields replaced. An image cannot have itself checked more than
 * once a second; the configuration can.
 */
export const over = (
  check: ProcessConfig["Healthcheck"],
  settings: HealthSettings
): ProcessConfig["Healthcheck"] => {
  const said: Partial<Record<keyof Healthcheck, unknown>> = {}
  for (const field of ["Interval", "StartInterval"] as const) {
    const own = check?.[field]
    if (own !== undefined && own > 0 && own < SHORTEST) said[field] = SHORTEST
  }
  for (const key of Object.keys(FIELDS) as ReadonlyArray<keyof HealthSettings>) {
    const field = FIELDS[key]
    const value = settings[key]
    if (value !== undefined)
      said[field] = field === "Test" || field === "Retries" ? value : nanoseconds(value)
  }
  return Object.keys(said).length === 0 ? check : ({ ...check, ...said } as Healthcheck)
}

/** A second, in nanoseconds: each check is a process and a job of systemd's. */
const SHORTEST = 1e9

const nanoseconds = (milliseconds: HealthSettings[keyof HealthSettings]): number => Number(milliseconds) * 1e6

/** The field that each key replaces. */
export const FIELDS: Readonly<Record<keyof HealthSettings, keyof Healthcheck>> = {
  healthcmd: "Test",
  healthinterval: "Interval",
  healthtimeout: "Timeout",
  healthretries: "Retries",
  healthstartperiod: "StartPeriod",
  healthstartinterval: "StartInterval"
}

/** Parses a command to the form of Docker's `Test`. */
export const parseCommand = (text: string): Either.Either<readonly string[], ValueRefused> => {
  if (text.includes("\0")) return refuse("a command cannot contain a NUL")
  const [, word, rest = ""] = WORD.exec(text) ?? []
  const kind = word?.toUpperCase()
  if (kind === "NONE") return Either.right([kind])
  if (kind === "CMD-SHELL") return rest === "" ? refuse(WANTED) : Either.right([kind, rest])
  if (kind === "CMD") {
    const list = json(rest) ?? rest.split(/\s+/)
    return isProgram(list) ? Either.right([kind, ...list]) : refuse(WANTED)
  }
  const list = text.startsWith("[") ? json(text) : undefined
  // A program can be called `[`, but none is called `["`.
  if (list === undefined) return text.startsWith('["') ? refuse(WANTED) : Either.right(["CMD-SHELL", text])
  const [first, ...others] = list
  const named = typeof first === "string" ? first.toUpperCase() : ""
  if (named === "NONE") return Either.right([named])
  const test = KINDS.has(named) ? others : list
  return isProgram(test) ? Either.right([KINDS.has(named) ? named : "CMD", ...test]) : refuse(WANTED)
}

/** Whether the list has words alone, and a program first. */
const isProgram = (list: readonly unknown[]): list is readonly string[] =>
  list.every((word) => typeof word === "string" && !word.includes("\0")) && (list[0] ?? "") !== ""

/** The word with which a line may begin, and what follows. */
const WORD = /^(NONE|CMD-SHELL|CMD)(?:\s+(.*))?$/is

/** Prints a command as a JSON list, the form that can express every command. */
export const printCommand = (test: readonly string[]): string =>
  test[0] === "NONE" ? "none" : JSON.stringify(test)

const json = (text: string): readonly unknown[] | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

const KINDS: ReadonlySet<string> = new Set(["CMD", "CMD-SHELL"])
const WANTED =
  'none, a line for the shell, CMD and a program, or a JSON list of strings such as ["curl", "-f", "http://localhost"] is expected'

const time = (help: string, isNoneTaken = false) =>
  optional(
    "TIME",
    help,
    (value) =>
      Either.filterOrLeft(
        TimeSpan.parse(value),
        (milliseconds) => milliseconds > 0 || isNoneTaken,
        () => new ValueRefused({ reason: "a time of more than 0 is expected" })
      ),
    TimeSpan.print
  )

/** @internal */
export const KEYS: SettingKeys<HealthSettings> = {
  healthcmd: {
    ...optional(
      'SHELL LINE | ["PROGRAM", …] | none',
      "The health check that replaces the image's; the command is the whole rest of the line, # and ; included; empty: the image's.",
      parseCommand,
      printCommand
    ),
    verbatim: true
  },
  healthinterval: time("Time between checks, and before the first; empty: the image's, or 30s."),
  healthtimeout: time("Time that a check may take; empty: the image's, or 30s."),
  healthretries: optional(
    "NUMBER",
    "Failures in a row that make the service unhealthy; empty: the image's, or 3.",
    natural(1, "").parse,
    String
  ),
  healthstartperiod: time(
    "Time after the start in which failures do not count; empty: the image's, or 0s.",
    true
  ),
  healthstartinterval: time("Time between checks in that period; empty: the image's, or 5s.")
}
