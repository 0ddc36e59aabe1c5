/**
 * The image's `Env` as `Environment=` (systemd.exec(5)): one quoted assignment per line.
 *
 *     assignment = name "=" value        name = ( letter | "_" ) *( letter | digit | "_" )
 *
 * `$` has no meaning here and is not doubled. systemd silently drops entries with other names, so these are reported.
 */
import * as Either from "effect/Either"
import { TaggedError } from "../text/TaggedError.ts"
import { hasNoncharacter, type UnitValue, word } from "./UnitValue.ts"

/** A variable of an environment. */
export interface Assignment {
  readonly name: string
  readonly value: string
}

/**
 * An entry of `Env` that no unit can carry. `name` is the entry's index in the list if the text before `=` might not
 * be a name, and nothing where the reason is about the whole list.
 */
export class EnvironmentRefused extends TaggedError("EnvironmentRefused")<{
  readonly name: string | number | undefined
  readonly reason: string
}> {
  override get message(): string {
    const { name } = this
    if (name === undefined) return `the environment ${this.reason}`
    return typeof name === "number"
      ? `the entry ${name} of the environment ${this.reason}`
      : `the environment variable ${JSON.stringify(name.slice(0, MAX_SHOWN))} ${this.reason}`
  }
}

/**
 * Parses the environment. Later entries win, as in a process's environment; an entry without `=` is refused. Errors
 * show no values, and no text that may be part of a value.
 */
export const parse = (
  env: readonly string[]
): { readonly assignments: readonly Assignment[]; readonly refused: readonly EnvironmentRefused[] } => {
  const assignments = new Map<string, string>()
  const refused: EnvironmentRefused[] = []
  for (let index = 0; index < env.length; index++) {
    const entry = env[index] ?? ""
    const equals = entry.indexOf("=")
    const name = equals < 0 ? entry : entry.slice(0, equals)
    if (equals < 0) refused.push(new EnvironmentRefused({ name: index + 1, reason: "has no “=”" }))
    else if (!NAME.test(name)) {
      refused.push(
        new EnvironmentRefused({
          name: SPOKEN_NAME.test(name) ? name : index + 1,
          reason: "has a name that systemd does not take: letters, digits and “_” only"
        })
      )
    } else if (hasNoncharacter(entry)) {
      refused.push(
        new EnvironmentRefused({
          name,
          reason: "holds a Unicode noncharacter, which systemd does not accept"
        })
      )
    } else assignments.set(name, entry.slice(equals + 1))
  }
  return { assignments: [...assignments].map(([name, value]) => ({ name, value })), refused }
}

export const render = ({ name, value }: Assignment): Either.Either<UnitValue, EnvironmentRefused> =>
  Either.mapLeft(word(name, `${name}=${value}`), ({ reason }) => new EnvironmentRefused({ name, reason }))

/** Whether systemd takes a text as the name of a variable. */
export const isName = (text: string): boolean => NAME.test(text)

/** Whether all entries together are more than a program can be started with. */
export const isTooLong = (environment: readonly Assignment[]): boolean => {
  let length = 0
  for (const { name, value } of environment) length += name.length + value.length + 2
  // No UTF-16 unit takes more than three bytes.
  if (length * 3 <= MAX_TOTAL) return false
  const encoder = new TextEncoder()
  return (
    environment.reduce((sum, { name, value }) => sum + name.length + encoder.encode(value).length + 2, 0) >
    MAX_TOTAL
  )
}

export const tooLong = (): EnvironmentRefused =>
  new EnvironmentRefused({ name: undefined, reason: `is longer than ${MAX_TOTAL} bytes` })

/** Linux starts no program with more than 2 MiB of arguments and environment (execve(2)), where the stack has its usual limit. */
const MAX_TOTAL = 1024 * 1024
/** Names that other programs accept. A line of a key that was split by mistake does not match. */
const SPOKEN_NAME = /^[A-Za-z_][A-Za-z0-9_.-]*$/
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/
const MAX_SHOWN = 80
