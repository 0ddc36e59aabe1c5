/** Calls flock(2), with and without waiting. */
import * as Effect from "effect/Effect"
import type { Libc } from "./Libc.ts"
import * as SystemCall from "./SystemCall.ts"

/** How a file is locked. */
export type LockMode = "exclusive" | "shared"

export interface LockCalls {
  /**
   * Calls flock(2) without waiting, and returns false if another open file holds the lock. Closing the descriptor
   * releases it.
   */
  readonly lock: (fd: number, mode: LockMode) => boolean
  /** Waits for flock(2). It polls, so that it can be interrupted and blocks nothing. */
  readonly lockWaiting: (fd: number, mode: LockMode) => Effect.Effect<void, NodeJS.ErrnoException>
}

/** Binds the call. */
export const bind = (libc: Libc): LockCalls => {
  const flock = libc.find("int flock(int fd, int operation)")

  const lock = (fd: number, mode: LockMode): boolean => {
    if (flock(fd, (mode === "exclusive" ? LOCK_EX : LOCK_SH) | LOCK_NB) === 0) return true
    if (libc.failedWith("EWOULDBLOCK")) return false
    throw libc.failure("flock")
  }

  const poll = (fd: number, mode: LockMode, pause: number): Effect.Effect<void, NodeJS.ErrnoException> =>
    Effect.flatMap(
      SystemCall.run(() => lock(fd, mode)),
      (taken) =>
        taken
          ? Effect.void
          : Effect.flatMap(Effect.sleep(pause), () => poll(fd, mode, Math.min(pause * 2, LONGEST_POLL)))
    )

  return { lock, lockWaiting: (fd, mode) => Effect.suspend(() => poll(fd, mode, SHORTEST_POLL)) }
}

const LOCK_SH = 1
const LOCK_EX = 2
const LOCK_NB = 4
/** Milliseconds before the lock is tried again. The time doubles with each try, up to the longest. */
const SHORTEST_POLL = 5
const LONGEST_POLL = 200
