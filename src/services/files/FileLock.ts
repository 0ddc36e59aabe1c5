/**
 * Locks on files and directories, by flock(2). The kernel releases the locks of a dead process, so nothing has to be
 * guessed from ids or ages.
 *
 * Only the holder may remove a locked file, while it holds the lock. A process that then gets the lock of a file that
 * is no longer at the path has nothing, and starts over.
 */

import { randomBytes } from "node:crypto"
import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, unlinkSync } from "node:fs"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { PRIVATE } from "./DirectoryMode.ts"
import * as Durable from "./Durable.ts"
import type { LockMode } from "./LockCalls.ts"
import type { Calls } from "./NativeCalls.ts"
import * as SystemCall from "./SystemCall.ts"
import * as TreeRemoval from "./TreeRemoval.ts"
import * as Warning from "./Warning.ts"

type Errno = NodeJS.ErrnoException

/** Waits for the lock file at `path`, holds it for the scope, and removes it at the end. */
export const lockFile = (calls: Calls, path: string): Effect.Effect<void, Errno, Scope.Scope> =>
  Effect.gen(function* () {
    const fd = yield* Effect.acquireRelease(
      SystemCall.run(() => openSync(path, LOCK_FILE, 0o600)),
      close
    )
    yield* calls.lockWaiting(fd, "exclusive")
    if (!isStillAt(fd, path)) return yield* lockFile(calls, path)
    yield* Effect.addFinalizer(() => Effect.ignore(SystemCall.run(() => unlinkSync(path))))
  })

/** Waits for an existing directory, and holds it for the scope. Others may have put another one in its place meanwhile. */
export const lockDirectory = (calls: Calls, path: string): Effect.Effect<void, Errno, Scope.Scope> =>
  Effect.flatMap(
    Effect.acquireRelease(
      SystemCall.run(() => openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)),
      close
    ),
    (fd) => calls.lockWaiting(fd, "exclusive")
  )

export interface LockedDirectory {
  readonly path: string
  readonly fd: number
}

/**
 * Makes a new directory of mode 0700 below `parent`, locks it for the scope, and removes it with its content at the
 * end.
 */
export const temporaryDirectory = (
  calls: Calls,
  parent: string
): Effect.Effect<LockedDirectory, Errno, Scope.Scope> =>
  Effect.acquireRelease(
    SystemCall.run(() => {
      for (;;) {
        const path = `${parent}/${randomBytes(NAME_BYTES).toString("hex")}`
        mkdirSync(path, PRIVATE)
        // It is undefined if another process removed the directory first.
        const fd = tryHold(calls, path)
        if (fd !== undefined) return { path, fd }
      }
    }),
    removeAndClose
  )

/** Protects a directory from removal for the scope, with a shared lock. Returns false if it does not exist. */
export const share = (calls: Calls, path: string): Effect.Effect<boolean, Errno, Scope.Scope> =>
  Effect.acquireRelease(
    SystemCall.run(() => tryHold(calls, path, "shared")),
    (fd) => (fd === undefined ? Effect.void : close(fd))
  ).pipe(Effect.map((fd) => fd !== undefined))

/** Removes the file or directory at `path` unless it is locked, and returns whether it did. */
export const removeAbandoned = (calls: Calls, path: string): Effect.Effect<boolean, Errno> =>
  Effect.acquireUseRelease(
    SystemCall.run(() => tryHold(calls, path)),
    (fd) =>
      fd === undefined
        ? Effect.succeed(false)
        : Effect.as(
            TreeRemoval.remove(path, (cause) => cause as Errno),
            true
          ),
    (fd) => (fd === undefined ? Effect.void : close(fd))
  )

/** Renames the file or directory at `path` to `to` unless it is locked, and returns whether it did. */
export const takeAway = (calls: Calls, path: string, to: string): Effect.Effect<boolean, Errno> =>
  Effect.acquireUseRelease(
    SystemCall.run(() => tryHold(calls, path)),
    (fd) =>
      fd === undefined
        ? Effect.succeed(false)
        : SystemCall.run(() => {
            Durable.move(path, to)
            return true
          }),
    (fd) => (fd === undefined ? Effect.void : close(fd))
  )

/** Whether a process holds the lock. A missing file is not locked. */
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

/** Removes and closes. A directory that cannot be removed now is left to a later sweep. */
const removeAndClose = ({ fd, path }: LockedDirectory): Effect.Effect<void> =>
  TreeRemoval.remove(path, (cause) => cause as Errno).pipe(
    Effect.catchAll((cause) =>
      Warning.log({ code: "LeftoversKept", path, message: `cannot remove ${path} yet: ${cause.message}` })
    ),
    Effect.ensuring(close(fd))
  )

const LOCK_FILE = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW
const NOTHING_TO_HOLD: ReadonlySet<string> = new Set(["ENOENT", "ELOOP", "ENXIO"])
const NAME_BYTES = 12
