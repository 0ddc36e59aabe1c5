/**
 * Finds the processes that hold a lock file or wait for it: they have it open. /proc/locks does not show those of this
 * program that wait, since `lockWaiting` tries again and again instead of waiting in the kernel.
 */
import * as fs from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import * as Effect from "effect/Effect"

/** How many descriptors a process has open on the file. */
export const openedBy = (pid: number, path: string): number => {
  try {
    return fs.readdirSync(`/proc/${pid}/fd`).filter((fd) => {
      try {
        return fs.readlinkSync(`/proc/${pid}/fd/${fd}`) === path
      } catch {
        // The descriptor that lists the others.
        return false
      }
    }).length
  } catch {
    // The process has ended.
    return 0
  }
}

/** Resolves when a process has the file open `count` times: its holders, and those who wait for it. */
export const opened = async (pid: number, path: string, count = 1): Promise<void> => {
  while (openedBy(pid, path) < count) await sleep(1)
}

/** Resolves when a process waits in the kernel for the lock of a file, as flock(1) does (proc_locks(5)). */
export const waitedFor = async (path: string): Promise<void> => {
  const waiter = new RegExp(`^\\d+: -> FLOCK .*:${fs.statSync(path).ino} `, "m")
  while (!waiter.test(fs.readFileSync("/proc/locks", "utf8"))) await sleep(1)
}

/** The same for this process. */
export const openedHere = (path: string, count: number): Effect.Effect<void> =>
  Effect.promise(() => opened(process.pid, path, count))
