/**
 * The image's `Env` as `Environment=` (systemd.exec(5)): one quoted assignment a line.
 *
 *     assignment = name "=" value        name = ( letter | "_" ) *( letter | digit | "_" )
 *
 * `$` means nothing here and is not doubled. systemd drops other names in silence: they are told, not lost.
 */
import * as Either from "effect/Either"
import { TaggedError } from "../text/TaggedError.ts"
import { hasNoncharacter, type UnitValue, word } from "./UnitValue.ts"

export interface Assignment {
  readonly name: string
  readonly value: string
}

/** An entry of `Env` that no unit can carry. `name` is its place in the list where what it has might not be a name. */
export class EnvironmentRefused extends TaggedError("EnvironmentRefused")<{
  readonly name: string | number
  readonly reason: string
}> {
  override get message(): string {
    const { name } = this
    return typeof name === "number"
      ? `the entry ${name} of the environment ${this.reason}`
      : `the environment variable ${JSON.stringify(name.slice(0, MAX_SHOWN))} ${this.reason}`
  }
}

/** Later entries win, as in a process's environment; an entry without `=` is refused. Values stay out of errors, and what may be part of one. */
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
        new EnvironmentRefused({ name, reason: "holds a Unicode noncharacter, which systemd does not take" })
      )
    } else assignments.set(name, entry.slice(equals + 1))
  }
  return { assignments: [...assignments].map(([name, value]) => ({ name, value })), refused }
}

export const render = ({ name, value }: Assignment): Either.Either<UnitValue, EnvironmentRefused> =>
  Either.mapLeft(word(name, `${name}=${value}`), ({ reason }) => new EnvironmentRefused({ name, reason }))

/** Names that other programs take. A line of a key, which was torn apart at its ends, is none. */
const SPOKEN_NAME = /^[A-Za-z_][A-Za-z0-9_.-]*$/
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/
const MAX_SHOWN = 80
