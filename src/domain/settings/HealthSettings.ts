/**
 * A health check as the configuration says it: each key in place of one field of the image's `Healthcheck`.
 *
 *     healthcmd = none                   no check
 *               | JSON list of strings   program and arguments; where the first is CMD, CMD-SHELL
 *                                        or NONE, Docker's own `Test`, as an image has it
 *               | anything else          given to the image's shell, as it stands
 *
 * As with `podman run --health-cmd`. `[ -e /ready ]` is a script, since it is no JSON.
 */
import * as Either from "effect/Either"
import type { ProcessConfig } from "../image/ImageConfig.ts"
import { natural, optional, type SettingKeys } from "./SettingKey.ts"
import * as TimeSpan from "../systemd/TimeSpan.ts"

/** What is `undefined` is left to the image, and to Docker's defaults. Times are milliseconds. */
export interface HealthSettings {
  /** As Docker's `Test`. */
  readonly healthcmd: readonly string[] | undefined
  readonly healthinterval: number | undefined
  readonly healthtimeout: number | undefined
  readonly healthretries: number | undefined
  readonly healthstartperiod: number | undefined
  readonly healthstartinterval: number | undefined
}

type Healthcheck = NonNullable<ProcessConfig["Healthcheck"]>

/** The image's health check with what the configuration says in its place. */
export const over = (
  check: ProcessConfig["Healthcheck"],
  settings: HealthSettings
): ProcessConfig["Healthcheck"] => {
  const said: Partial<Record<keyof Healthcheck, unknown>> = {}
  for (const key of Object.keys(FIELDS) as ReadonlyArray<keyof HealthSettings>) {
    const field = FIELDS[key]
    const value = settings[key]
    if (value !== undefined)
      said[field] = field === "Test" || field === "Retries" ? value : nanoseconds(value)
  }
  return Object.keys(said).length === 0 ? check : ({ ...check, ...said } as Healthcheck)
}

const nanoseconds = (milliseconds: HealthSettings[keyof HealthSettings]): number => Number(milliseconds) * 1e6

/** What each key stands in the place of. */
export const FIELDS: Readonly<Record<keyof HealthSettings, keyof Healthcheck>> = {
  healthcmd: "Test",
  healthinterval: "Interval",
  healthtimeout: "Timeout",
  healthretries: "Retries",
  healthstartperiod: "StartPeriod",
  healthstartinterval: "StartInterval"
}

/** Docker's `Test`. */
export const parseCommand = (text: string): Either.Either<readonly string[], string> => {
  if (text.includes("\0")) return Either.left("no command has a NUL")
  if (/^none$/i.test(text)) return Either.right(["NONE"])
  const list = text.startsWith("[") ? json(text) : undefined
  // `[` is a program, and `["` never.
  if (list === undefined)
    return text.startsWith('["') ? Either.left(WANTED) : Either.right(["CMD-SHELL", text])
  if (!list.every((word) => typeof word === "string" && !word.includes("\0"))) return Either.left(WANTED)
  const words = list as readonly string[]
  const test = KINDS.has(words[0] ?? "") ? words : ["CMD", ...words]
  return test[0] === "NONE" || (test[1] ?? "") !== "" ? Either.right(test) : Either.left(WANTED)
}

/** Always the form that can hold everything. */
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

const KINDS: ReadonlySet<string> = new Set(["NONE", "CMD", "CMD-SHELL"])
const WANTED =
  'none, a JSON list of strings such as ["curl", "-f", "http://localhost"], or a line for the shell is wanted'

const time = (help: string, isNoneTaken = false) =>
  optional(
    "TIME",
    help,
    (value) =>
      Either.filterOrLeft(
        TimeSpan.parse(value),
        (milliseconds) => milliseconds > 0 || isNoneTaken,
        () => "a time of more than 0 is wanted"
      ),
    TimeSpan.print
  )

/** @internal */
export const KEYS: SettingKeys<HealthSettings> = {
  healthcmd: {
    ...optional(
      'SHELL LINE | ["PROGRAM", …] | none',
      "The health check, in place of the image's; the rest of the line is the command, # and ; too; empty: as the image says.",
      parseCommand,
      printCommand
    ),
    verbatim: true
  },
  healthinterval: time("Time between checks, and until the first; empty: as the image says, or 30s."),
  healthtimeout: time("Time that a check may take; empty: as the image says, or 30s."),
  healthretries: optional(
    "NUMBER",
    "Failures in a row that make it unhealthy; empty: as the image says, or 3.",
    natural(1, "").parse,
    String
  ),
  healthstartperiod: time(
    "Time from its start in which failures do not count; empty: as the image says, or 0s.",
    true
  ),
  healthstartinterval: time("Time between checks in that period; empty: as the image says, or 5s.")
}
