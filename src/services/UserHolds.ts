/**
 * Which services need which of our user records: an empty file for each, below a directory for each service.
 *
 *     /run/oci/users/HOLDER/oci-u1000
 *
 * `oci-release` takes a service's away when it stops, and removes the records that nobody holds any more. Both do so
 * under one lock, so that none is removed between being found and being used.
 */
import { closeSync, constants, openSync, writeFileSync } from "node:fs"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Identity } from "../domain/ImageUser.ts"
import { groupName, userName } from "../domain/UserRecord.ts"
import * as Durable from "./Durable.ts"
import type { Calls } from "./NativeCalls.ts"

export class UsersNotHeld extends Schema.TaggedError<UsersNotHeld>()("UsersNotHeld", {
  path: Schema.String,
  cause: Schema.Defect
}) {
  override get message(): string {
    return `the user records cannot be held at ${this.path}: ${this.cause instanceof Error ? this.cause.message : this.cause}`
  }
}

export const DIRECTORY = "/run/oci/users"

/** `holder` is a file name. Nobody releases anything while `make` runs, which makes the records. */
export const hold = <A, E, R>(
  calls: Calls,
  holder: string,
  { uid, gid, supplementaryGids }: Identity,
  make: Effect.Effect<A, E, R>,
  directory = DIRECTORY
): Effect.Effect<A, E | UsersNotHeld, R> =>
  Effect.gen(function* () {
    const own = `${directory}/${holder}`
    const failed = (cause: unknown) => new UsersNotHeld({ path: own, cause })
    const fd = yield* Effect.acquireRelease(
      Effect.try({
        try: () => {
          Durable.makeDirectory(own, 0o755)
          return openSync(`${directory}/.lock`, constants.O_RDWR | constants.O_CREAT, 0o600)
        },
        catch: failed
      }),
      (fd) => Effect.sync(() => closeSync(fd))
    )
    yield* Effect.mapError(calls.lockWaiting(fd, "exclusive"), failed)
    yield* Effect.try({
      try: () => {
        // Made once more: a release may have removed it before this had the lock.
        Durable.makeDirectory(own, 0o755)
        for (const name of [userName(uid), ...[gid, ...supplementaryGids].map(groupName)]) {
          writeFileSync(`${own}/${name}`, "")
        }
      },
      catch: failed
    })
    return yield* make
  }).pipe(Effect.scoped)
