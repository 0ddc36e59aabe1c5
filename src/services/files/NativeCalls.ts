/**
 * The system calls that Node lacks (mknod, xattrs, nanosecond times, flock, syncfs), through koffi and the libc that
 * Node itself uses.
 *
 * Each function is one synchronous libc call, and throws an error in the form of Node's own (`code`, `errno`,
 * `syscall`, `path`); the two that may take long are Effects. koffi is loaded when the layer is built, not before.
 */

import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as AttributeCalls from "./AttributeCalls.ts"
import * as DataCalls from "./DataCalls.ts"
import { type Koffi, Libc } from "./Libc.ts"
import * as LockCalls from "./LockCalls.ts"
import * as MountCalls from "./MountCalls.ts"

/** koffi, or the libc behind it, is not available here. */
export class NativeCallsUnavailable extends Data.TaggedError("NativeCallsUnavailable")<{
  readonly platform: string
  readonly cause: unknown
}> {
  override get message(): string {
    const why = this.platform.startsWith("linux-")
      ? "the koffi package cannot be loaded"
      : "extraction needs Linux"
    return `native calls are not available on ${this.platform}: ${why}`
  }
}

/** Says that they are not available on this machine. @internal */
export const unavailable = (cause: unknown): NativeCallsUnavailable =>
  new NativeCallsUnavailable({ platform: `${process.platform}-${process.arch}`, cause })

/** The calls that wait until everything is on the disk. */
export interface FlushCalls {
  /** Calls syncfs(2) for the file's file system, and returns when everything is on the disk. */
  readonly syncFileSystem: (fd: number) => void
  /** Does the same on another thread. Interruption ends the waiting, but not the call itself. */
  readonly syncFileSystemWaiting: (fd: number) => Effect.Effect<void, NodeJS.ErrnoException>
}

/** The calls. Paths are bytes without NUL; a link as the last component is never followed. */
export interface Calls
  extends AttributeCalls.AttributeCalls,
    DataCalls.DataCalls,
    LockCalls.LockCalls,
    FlushCalls {
  readonly mounts: MountCalls.MountCalls
}

/** The service that makes the system calls. */
export class NativeCalls extends Context.Tag("oci-systemd/NativeCalls")<NativeCalls, Calls>() {
  static readonly layer: Layer.Layer<NativeCalls, NativeCallsUnavailable> = Layer.effect(
    NativeCalls,
    Effect.tryPromise({
      try: async () => bind((await import("koffi")).default),
      catch: unavailable
    })
  )
}

/** Finds the functions; throws where one is missing. @internal */
export const bind = (koffi: Koffi): Calls => {
  const libc = new Libc(koffi)
  return {
    ...AttributeCalls.bind(libc),
    ...DataCalls.bind(libc),
    ...LockCalls.bind(libc),
    ...flushing(libc),
    mounts: MountCalls.bind(libc)
  }
}

const flushing = (libc: Libc): FlushCalls => {
  const syncfs = libc.find("int syncfs(int fd)")
  return {
    syncFileSystem: (fd) => {
      if (syncfs(fd) !== 0) throw libc.failure("syncfs")
    },
    syncFileSystemWaiting: (fd) =>
      Effect.async((resume) => {
        syncfs.async(fd, (cause: unknown, result: number) => {
          const error = cause ?? (result === 0 ? undefined : libc.failure("syncfs"))
          resume(error === undefined ? Effect.void : Effect.fail(error as NodeJS.ErrnoException))
        })
      })
  }
}
