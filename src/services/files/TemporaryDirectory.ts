/** A private directory for what is large and needed for a while, removed in any case. */
import { existsSync, mkdirSync, mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as TreeRemoval from "./TreeRemoval.ts"

export class TemporaryDirectoryError extends Schema.TaggedError<TemporaryDirectoryError>()(
  "TemporaryDirectoryError",
  {
    parent: Schema.String,
    /** `ENOSPC`, … */
    code: Schema.String,
    cause: Schema.Defect
  }
) {
  override get message(): string {
    return `cannot make a temporary directory in ${this.parent}: ${this.code}`
  }
}

/** Of mode 0700, for the scope. */
export const make = (parent: string = usual()): Effect.Effect<string, TemporaryDirectoryError, Scope.Scope> =>
  Effect.acquireRelease(
    attempt(parent, () => mkdtempSync(`${parent}/oci-systemd-`)),
    (path) =>
      TreeRemoval.remove(path, (cause) => cause as NodeJS.ErrnoException).pipe(
        Effect.catchAll((cause) => Effect.logWarning(`cannot remove ${path}: ${cause.message}`))
      )
  )

/** One in it, which goes with it. */
export const below = (parent: string, name: string): Effect.Effect<string, TemporaryDirectoryError> =>
  attempt(parent, () => {
    mkdirSync(`${parent}/${name}`, PRIVATE)
    return `${parent}/${name}`
  })

const attempt = <A>(parent: string, body: () => A): Effect.Effect<A, TemporaryDirectoryError> =>
  Effect.try({
    try: body,
    catch: (cause) =>
      new TemporaryDirectoryError({ parent, code: (cause as NodeJS.ErrnoException).code ?? "unknown", cause })
  })

/** `/tmp` is memory on many systems (file-hierarchy(7)). */
const usual = (): string => process.env.TMPDIR || (existsSync("/var/tmp") ? "/var/tmp" : tmpdir())

const PRIVATE = 0o700
