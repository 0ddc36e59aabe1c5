/** A private directory for large temporary files, removed in any case. */

import { existsSync, mkdirSync, mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { PRIVATE } from "./DirectoryMode.ts"
import * as SystemCall from "./SystemCall.ts"
import * as TreeRemoval from "./TreeRemoval.ts"
import * as Warning from "./Warning.ts"

/** The temporary directory cannot be made. */
export class TemporaryDirectoryError extends Data.TaggedError("TemporaryDirectoryError")<{
  readonly parent: string
  /** The error code, such as `ENOSPC`. */
  readonly code: string
  readonly cause: unknown
}> {
  override get message(): string {
    return `cannot make a temporary directory in ${this.parent}: ${this.code}`
  }
}

/** Makes a directory of mode 0700 for the scope. */
export const make = (parent: string = usual()): Effect.Effect<string, TemporaryDirectoryError, Scope.Scope> =>
  Effect.acquireRelease(
    attempt(parent, () => mkdtempSync(`${parent}/oci-systemd-`)),
    (path) =>
      TreeRemoval.remove(path, (cause) => cause as NodeJS.ErrnoException).pipe(
        Effect.catchAll((cause) =>
          Warning.log({ code: "LeftoversKept", path, message: `cannot remove ${path}: ${cause.message}` })
        )
      )
  )

/** Makes a directory in it, which is removed with it. */
export const below = (parent: string, name: string): Effect.Effect<string, TemporaryDirectoryError> =>
  attempt(parent, () => {
    mkdirSync(`${parent}/${name}`, PRIVATE)
    return `${parent}/${name}`
  })

const attempt = <A>(parent: string, body: () => A): Effect.Effect<A, TemporaryDirectoryError> =>
  SystemCall.attempt(
    body,
    (cause) => new TemporaryDirectoryError({ parent, code: cause.code ?? "unknown", cause })
  )

/** The usual parent. On many systems `/tmp` is in memory (file-hierarchy(7)), so it is not used by default. */
const usual = (): string => process.env.TMPDIR || (existsSync("/var/tmp") ? "/var/tmp" : tmpdir())
