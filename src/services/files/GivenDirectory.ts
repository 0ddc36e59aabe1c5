/**
 * A directory of the caller's choice that is filled from nothing, and restored to its former state if that
 * fails.
 */

import * as fs from "node:fs"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { PRIVATE } from "./DirectoryMode.ts"
import type { Calls } from "./NativeCalls.ts"
import * as SystemCall from "./SystemCall.ts"
import * as TreeRemoval from "./TreeRemoval.ts"
import * as Warning from "./Warning.ts"

/** The directory cannot be used for an image. */
export class DirectoryUnfit extends Data.TaggedError("DirectoryUnfit")<{
  readonly directory: string
  readonly reason: string
}> {
  override get message(): string {
    return `nothing is unpacked to ${this.directory}: ${this.reason}`
  }
}

/** Opens all the files, or none of them. */
export const openAll = (paths: ReadonlyArray<string>, directory: string) =>
  attempt(directory, () => {
    const fds: Array<number> = []
    try {
      for (const path of paths) fds.push(fs.openSync(path, "r"))
      return fds
    } catch (cause) {
      for (const fd of fds) fs.closeSync(fd)
      throw cause
    }
  })

export const closeAll = (fds: ReadonlyArray<number>): Effect.Effect<void> =>
  Effect.sync(() => {
    for (const fd of fds) fs.closeSync(fd)
  })

/** Makes the directory, or finds that it exists and is empty. Returns whether it made the directory. */
export const claim = (directory: string): Effect.Effect<boolean, DirectoryUnfit> =>
  attempt(directory, () => {
    try {
      fs.mkdirSync(directory, PRIVATE)
      return true
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause
    }
    const [first] = fs.readdirSync(directory)
    if (first !== undefined) {
      throw new DirectoryUnfit({ directory, reason: `it is not empty: ${JSON.stringify(first)} is in it` })
    }
    return false
  })

/** Restores the state in which `claim` found the directory. */
export const clear = (directory: string, isOurs: boolean): Effect.Effect<void> =>
  Effect.gen(function* () {
    const failed = (cause: unknown) => unfit(directory, cause)
    if (isOurs) return yield* TreeRemoval.remove(directory, failed)
    const names = yield* attempt(directory, () => fs.readdirSync(directory))
    for (const name of names) yield* TreeRemoval.remove(`${directory}/${name}`, failed)
  }).pipe(Effect.catchAll(({ message }) => Warning.log({ code: "LeftoversKept", path: directory, message })))

/** Flushes everything on the directory's file system to the disk. */
export const flush = (calls: Calls, directory: string): Effect.Effect<void, DirectoryUnfit> =>
  Effect.acquireUseRelease(
    attempt(directory, () => fs.openSync(directory, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY)),
    (fd) => calls.syncFileSystemWaiting(fd).pipe(Effect.mapError((cause) => unfit(directory, cause))),
    (fd) => Effect.sync(() => fs.closeSync(fd))
  )

const attempt = <A>(directory: string, body: () => A): Effect.Effect<A, DirectoryUnfit> =>
  SystemCall.attempt(body, (cause) => unfit(directory, cause))

const unfit = (directory: string, cause: unknown): DirectoryUnfit =>
  cause instanceof DirectoryUnfit ? cause : new DirectoryUnfit({ directory, reason: refusalOf(cause) })

const refusalOf = (cause: unknown): string => {
  const { code } = cause as NodeJS.ErrnoException
  return code === undefined ? String(cause) : `the system refuses it with ${code}`
}
