/**
 * Files and directories that one process at a time holds, by flock(2): the kernel lets go of what a dead process held,
 * so nothing has to be guessed from ids or ages.
 *
 * A claimed thing may be removed by its holder alone, while it is held; who then gets the lock of what is no longer at
 * the path has nothing, and starts over.
 */

import { randomBytes } from "node:crypto"
import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, unlinkSync } from "node:fs"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Durable from "./Durable.ts"
import type { Calls, LockMode } from "./NativeCalls.ts"
import * as TreeRemoval from "./TreeRemoval.ts"

type Errno = NodeJS.ErrnoException

const attempt = <A>(body: () => A): Effect.Effect<A, Errno> =>
  Effect.try({ try: body, catch: (cause) => cause as Errno })

/** Waits for the lock file at `path`, holds it for the scope, and removes it at the end. */
export const lockFile = (calls: Calls, path: string): Effect.Effect<void, Errno, Scope.Scope> =>
  Effect.gen(function* () {
    const fd = yield* Effect.acquireRelease(
      attempt(() => openSync(path, LOCK_FILE, 0o600)),
      close
    )
    yield* calls.lockWaiting(fd, "exclusive")
    if (!isStillAt(fd, path)) return yield* lockFile(calls, path)
    yield* Effect.addFinalizer(() => Effect.ignore(attempt(() => unlinkSync(path))))
  })

export interface Claimed {
  readonly path: string
  readonly fd: number
}

/** A new directory of mode 0700 below `parent`, held for the scope and removed with all that is in it at the end. */
export const temporaryDirectory = (
  calls: Calls,
  parent: string
): Effect.Effect<Claimed, Errno, Scope.Scope> =>
  Effect.acquireRelease(
    attempt(() => {
      for (;;) {
        const path = `${parent}/${randomBytes(NAME_BYTES).toString("hex")}`
        mkdirSync(path, 0o700)
        // undefined: a sweep was quicker
        const fd = tryHold(calls, path)
        if (fd !== undefined) return { path, fd }
      }
    }),
    removeAndClose
  )

/** Keeps a directory from being removed, together with others who do, for the scope. False where it is not there. */
export const share = (calls: Calls, path: string): Effect.Effect<boolean, Errno, Scope.Scope> =>
  Effect.acquireRelease(
    attempt(() => tryHold(calls, path, "shared")),
    (fd) => (fd === undefined ? Effect.void : close(fd))
  ).pipe(Effect.map((fd) => fd !== undefined))

/** Removes the file or directory at `path` unless somebody holds it; says whether it did. */
export const removeAbandoned = (calls: Calls, path: string): Effect.Effect<boolean, Errno> =>
  Effect.acquireUseRelease(
    attempt(() => tryHold(calls, path)),
    (fd) =>
      fd === undefined
        ? Effect.succeed(false)
        : Effect.as(
            TreeRemoval.remove(path, (cause) => cause as Errno),
            true
          ),
    (fd) => (fd === undefined ? Effect.void : close(fd))
  )

/** Moves the file or directory at `path` to `to`, by one rename, unless somebody holds it; says whether it did. */
export const takeAway = (calls: Calls, path: string, to: string): Effect.Effect<boolean, Errno> =>
  Effect.acquireUseRelease(
    attempt(() => tryHold(calls, path)),
    (fd) =>
      fd === undefined
        ? Effect.succeed(false)
        : attempt(() => {
            Durable.move(path, to)
            return true
          }),
    (fd) => (fd === undefined ? Effect.void : close(fd))
  )

/** Does somebody hold it? What is not there is nobody's. */
export const isHeld = (calls: Calls, path: string): boolean => {
  const fd = tryHold(calls, path)
  if (fd === undefined) return lstatSync(path, { throwIfNoEntry: false }) !== undefined
  closeSync(fd)
  return false
}

const tryHold = (calls: Calls, path: string, mode: LockMode = "exclusive"): number | undefined => {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (cause) {
    if (NOTHING_TO_HOLD.has((cause as Errno).code ?? "")) return undefined
    throw cause
  }
  try {
    if (calls.lock(fd, mode) && isStillAt(fd, path)) return fd
  } catch (cause) {
    closeSync(fd)
    throw cause
  }
  closeSync(fd)
  return undefined
}

const isStillAt = (fd: number, path: string): boolean => {
  const there = lstatSync(path, { bigint: true, throwIfNoEntry: false })
  const held = fstatSync(fd, { bigint: true })
  return there?.ino === held.ino && there.dev === held.dev
}

const close = (fd: number): Effect.Effect<void> => Effect.sync(() => closeSync(fd))

/** What cannot be removed now is left to a later sweep. */
const removeAndClose = ({ fd, path }: Claimed): Effect.Effect<void> =>
  TreeRemoval.remove(path, (cause) => cause as Errno).pipe(
    Effect.catchAll((cause) => Effect.logWarning(`cannot remove ${path} yet: ${cause.message}`)),
    Effect.ensuring(close(fd))
  )

const LOCK_FILE = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW
const NOTHING_TO_HOLD: ReadonlySet<string> = new Set(["ENOENT", "ELOOP", "ENXIO"])
const NAME_BYTES = 12
