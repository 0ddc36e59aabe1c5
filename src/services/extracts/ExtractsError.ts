/** The error of every operation on the extracts directory, and how an error of the system becomes one. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as SystemCall from "../files/SystemCall.ts"

/** An operation on the extracts directory failed: the disk is full or read-only, or permission is missing. */
export class ExtractsError extends Data.TaggedError("ExtractsError")<{
  /** The operation: `publish the root`, … */
  readonly operation: string
  readonly path: string
  /** The error code: `EROFS`, `ENOSPC`, … */
  readonly code: string
  readonly cause: unknown
}> {
  override get message(): string {
    return `cannot ${this.operation} at ${this.path}: ${this.code}`
  }
}

/** Converts an error of the system to one that names the operation and the path. */
export const failing =
  (operation: string, path: string) =>
  <A, R>(effect: Effect.Effect<A, NodeJS.ErrnoException, R>): Effect.Effect<A, ExtractsError, R> =>
    Effect.mapError(
      effect,
      (cause) => new ExtractsError({ operation, path, code: cause.code ?? "unknown", cause })
    )

/** Runs `body`, and converts its errors in the same way. */
export const attempt = <A>(operation: string, path: string, body: () => A): Effect.Effect<A, ExtractsError> =>
  SystemCall.run(body).pipe(failing(operation, path))
