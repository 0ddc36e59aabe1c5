/**
 * Warnings of what is unusual but does not stop the work. They go to Effect's log. Facts on which a program can act
 * are annotations of the entry.
 */
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"

/** What a warning says. */
export interface Warning {
  /** The kind of warning, for programs: `DuplicateEntry`, `MissingPrivilege`, … */
  readonly code: string
  /** One sentence for people. */
  readonly message: string
  /** The path that it is about, if it is about one: in the image, or on this machine. */
  readonly path?: string
}

/** Logs the warning. */
export const log = ({ code, message, path }: Warning): Effect.Effect<void> =>
  Effect.logWarning(message).pipe(
    Effect.annotateLogs({ [CODE]: code, ...(path === undefined ? {} : { [PATH]: path }) })
  )

/** Reads a warning from what a logger is given. A message of another module has the code `Other`. */
export const of = (message: unknown, annotations: HashMap.HashMap<string, unknown>): Warning => {
  const fact = (key: string): string | undefined => {
    const value = Option.getOrUndefined(HashMap.get(annotations, key))
    return typeof value === "string" ? value : undefined
  }
  const path = fact(PATH)
  return {
    code: fact(CODE) ?? "Other",
    message: Array.isArray(message) ? message.map(String).join(" ") : String(message),
    ...(path === undefined ? {} : { path })
  }
}

const CODE = "oci-systemd/code"
const PATH = "oci-systemd/path"
