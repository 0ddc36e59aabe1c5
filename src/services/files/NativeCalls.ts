/**
 * The system calls Node lacks (mknod, xattrs, nanosecond times, flock, syncfs), through koffi and the libc that Node itself runs on.
 *
 * Everything is one libc call, synchronous, and throws an error shaped as Node's own (`code`, `errno`, `syscall`,
 * `path`); the two that may take long are Effects. koffi is loaded when the layer is built, not before.
 */

import { Buffer } from "node:buffer"
import { getSystemErrorMap } from "node:util"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { type ByteString, fromBytes } from "../../domain/text/ByteString.ts"
import type { Timestamp } from "../../domain/archive/LayerEntry.ts"

/** koffi, or the libc behind it, is not to be had here. */
export class NativeCallsUnavailable extends Schema.TaggedError<NativeCallsUnavailable>()(
  "NativeCallsUnavailable",
  {
    platform: Schema.String,
    cause: Schema.Defect
  }
) {
  override get message(): string {
    return `native calls are not available on ${this.platform}: the koffi package cannot be loaded`
  }
}

export type NodeKind = "fifo" | "character" | "block"
export type LockMode = "exclusive" | "shared"

/** Paths are bytes without NUL; a last component that is a link is never followed. */
export interface Calls {
  /** mknod(2). `mode` is subject to the umask, as everywhere; major and minor up to 2³²−1. */
  readonly makeNode: (path: Uint8Array, kind: NodeKind, mode: number, major: number, minor: number) => void
  /** lsetxattr(2) */
  readonly setXattr: (path: Uint8Array, name: ByteString, value: Uint8Array) => void
  /** fsetxattr(2) */
  readonly setXattrOfFile: (fd: number, name: ByteString, value: Uint8Array) => void
  /** llistxattr(2) and lgetxattr(2) */
  readonly listXattrs: (path: Uint8Array) => ReadonlyMap<ByteString, Uint8Array>
  /** utimensat(2), of the link itself; the access time becomes the same. */
  readonly setModified: (path: Uint8Array, mtime: Timestamp) => void
  /** futimens(3); the access time becomes the same. */
  readonly setModifiedOfFile: (fd: number, mtime: Timestamp) => void
  /** lseek(2) with SEEK_DATA: where data begins at or after `offset`, or `undefined` where none does. */
  readonly nextData: (fd: number, offset: number) => number | undefined
  /** flock(2), which never waits: false where another open file holds it. Closing the descriptor lets go. */
  readonly lock: (fd: number, mode: LockMode) => boolean
  /** flock(2), which waits: it polls, so it can be interrupted and nothing freezes. */
  readonly lockWaiting: (fd: number, mode: LockMode) => Effect.Effect<void, NodeJS.ErrnoException>
  /** syncfs(2) of the file's file system; returns when all of it is on the disk. */
  readonly syncFileSystem: (fd: number) => void
  /** The same off the main thread. Interruption ends the waiting; the call itself runs on. */
  readonly syncFileSystemWaiting: (fd: number) => Effect.Effect<void, NodeJS.ErrnoException>
}

export class NativeCalls extends Context.Tag("oci-systemd/NativeCalls")<NativeCalls, Calls>() {
  static readonly layer: Layer.Layer<NativeCalls, NativeCallsUnavailable> = Layer.effect(
    NativeCalls,
    Effect.tryPromise({
      try: async () => bind((await import("koffi")).default),
      catch: (cause) => new NativeCallsUnavailable({ platform: `${process.platform}-${process.arch}`, cause })
    })
  )
}

type Koffi = typeof import("koffi").default

const bind = (koffi: Koffi): Calls => {
  // the symbols of the process itself: Node's own libc, whichever it is and whatever its file is called
  const libc = koffi.load(null)
  const mknod = mknodOf(libc)
  const lsetxattr = libc.func(
    "int lsetxattr(const void *path, const void *name, const void *value, size_t size, int flags)"
  )
  const fsetxattr = libc.func(
    "int fsetxattr(int fd, const void *name, const void *value, size_t size, int flags)"
  )
  const llistxattr = libc.func("intptr_t llistxattr(const void *path, void *list, size_t size)")
  const lgetxattr = libc.func(
    "intptr_t lgetxattr(const void *path, const void *name, void *value, size_t size)"
  )
  const utimensat = libc.func("int utimensat(int directory, const void *path, const void *times, int flags)")
  const futimens = libc.func("int futimens(int fd, const void *times)")
  // elsewhere `off_t` may have four bytes
  const lseek =
    koffi.sizeof("long") === 8 ? libc.func("int64_t lseek(int fd, int64_t offset, int whence)") : undefined
  const flock = libc.func("int flock(int fd, int operation)")
  const syncfs = libc.func("int syncfs(int fd)")
  const times = timesOf(koffi.sizeof("long"))

  const failure = (syscall: string, path?: Uint8Array) => errnoError(koffi, koffi.errno(), syscall, path)

  /** The size is asked for first; what grows between the two calls is asked for again. */
  const sized = (
    syscall: string,
    path: Uint8Array,
    call: (into: Uint8Array | null, size: number) => number
  ) => {
    for (;;) {
      const size = call(null, 0)
      if (size < 0) throw failure(syscall, path)
      if (size === 0) return new Uint8Array(0)
      const into = new Uint8Array(size)
      const length = call(into, size)
      if (length >= 0) return into.subarray(0, length)
      if (koffi.errno() !== koffi.os.errno.ERANGE) throw failure(syscall, path)
    }
  }

  const lock = (fd: number, mode: LockMode): boolean => {
    if (flock(fd, (mode === "exclusive" ? LOCK_EX : LOCK_SH) | LOCK_NB) === 0) return true
    if (koffi.errno() === koffi.os.errno.EWOULDBLOCK) return false
    throw failure("flock")
  }

  const attempt = <A>(body: () => A) =>
    Effect.try({ try: body, catch: (cause) => cause as NodeJS.ErrnoException })

  return {
    makeNode: (path, kind, mode, major, minor) => {
      const device = kind === "fifo" ? 0n : deviceNumber(major, minor)
      if (mknod(terminated(path), FILE_TYPE[kind] | mode, device) !== 0) throw failure("mknod", path)
    },
    setXattr: (path, name, value) => {
      if (lsetxattr(terminated(path), nameBytes(name), value, value.length, 0) !== 0)
        throw failure("lsetxattr", path)
    },
    setXattrOfFile: (fd, name, value) => {
      if (fsetxattr(fd, nameBytes(name), value, value.length, 0) !== 0) throw failure("fsetxattr")
    },
    listXattrs: (path) => {
      const at = terminated(path)
      const list = sized("llistxattr", path, (into, size) => Number(llistxattr(at, into, size)))
      const names = fromBytes(list).split("\0").slice(0, -1) as Array<ByteString>
      return new Map(
        names.map((name) => {
          const key = nameBytes(name)
          return [name, sized("lgetxattr", path, (into, size) => Number(lgetxattr(at, key, into, size)))]
        })
      )
    },
    setModified: (path, mtime) => {
      if (utimensat(AT_FDCWD, terminated(path), times(mtime), AT_SYMLINK_NOFOLLOW) !== 0) {
        throw failure("utimensat", path)
      }
    },
    setModifiedOfFile: (fd, mtime) => {
      if (futimens(fd, times(mtime)) !== 0) throw failure("futimens")
    },
    nextData: (fd, offset) => {
      if (lseek === undefined) return offset
      const at = Number(lseek(fd, offset, SEEK_DATA))
      if (at >= 0) return at
      return koffi.errno() === koffi.os.errno.ENXIO ? undefined : offset
    },
    lock,
    lockWaiting: (fd, mode) => {
      const poll = (pause: number): Effect.Effect<void, NodeJS.ErrnoException> =>
        Effect.flatMap(
          attempt(() => lock(fd, mode)),
          (taken) =>
            taken
              ? Effect.void
              : Effect.flatMap(Effect.sleep(pause), () => poll(Math.min(pause * 2, LONGEST_POLL)))
        )
      return Effect.suspend(() => poll(SHORTEST_POLL))
    },
    syncFileSystem: (fd) => {
      if (syncfs(fd) !== 0) throw failure("syncfs")
    },
    syncFileSystemWaiting: (fd) =>
      Effect.async((resume) => {
        syncfs.async(fd, (cause: unknown, result: number) => {
          const error = cause ?? (result === 0 ? undefined : failure("syncfs"))
          resume(error === undefined ? Effect.void : Effect.fail(error as NodeJS.ErrnoException))
        })
      })
  }
}

/** `mknod` is a function of libc in musl and from glibc 2.33; before, it was an inline of `__xmknod`. */
const mknodOf = (
  libc: ReturnType<Koffi["load"]>
): ((path: Uint8Array, mode: number, device: bigint) => number) => {
  try {
    return libc.func("int mknod(const void *path, uint32_t mode, uint64_t device)")
  } catch {
    const xmknod = libc.func("int __xmknod(int version, const void *path, uint32_t mode, const void *device)")
    return (path, mode, device) => xmknod(XMKNOD_VERSION, path, mode, BigUint64Array.of(device))
  }
}

/** `dev_t` as Linux's libcs encode it: twelve bits of major and eight of minor low, their upper parts above (makedev(3)). */
export const deviceNumber = (major: number, minor: number): bigint => {
  const [high, low] = [BigInt(major >>> 0), BigInt(minor >>> 0)]
  return (
    ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn)
  )
}

/** The two numbers of a device again. */
export const deviceParts = (device: bigint): { readonly major: number; readonly minor: number } => ({
  major: Number(((device >> 32n) & 0xfffff000n) | ((device >> 8n) & 0xfffn)),
  minor: Number(((device >> 12n) & 0xffffff00n) | (device & 0xffn))
})

/** `struct timespec[2]`: four `long`s, of 8 bytes on the 64-bit machines and of 4 on the others. */
const timesOf = (sizeOfLong: number): ((mtime: Timestamp) => ArrayBufferView) => {
  if (sizeOfLong === 8) {
    const spec = new BigInt64Array(4)
    return ({ nanoseconds, seconds }) => {
      spec[0] = spec[2] = BigInt(seconds)
      spec[1] = spec[3] = BigInt(nanoseconds)
      return spec
    }
  }
  const spec = new Int32Array(4)
  return ({ nanoseconds, seconds }) => {
    spec[0] = spec[2] = Math.max(INT32_MIN, Math.min(INT32_MAX, seconds))
    spec[1] = spec[3] = nanoseconds
    return spec
  }
}

/** With the NUL that C wants; one inside would cut the path short, so it is refused. */
const terminated = (bytes: Uint8Array): Uint8Array => {
  if (bytes.includes(0))
    throw Object.assign(new Error("EINVAL: a path holds NUL"), { code: "EINVAL", errno: -22 })
  const text = Buffer.allocUnsafe(bytes.length + 1)
  text.set(bytes)
  text[bytes.length] = 0
  return text
}

const nameBytes = (name: ByteString): Uint8Array => terminated(Buffer.from(name, "latin1"))

const errnoError = (
  koffi: Koffi,
  errno: number,
  syscall: string,
  path?: Uint8Array
): NodeJS.ErrnoException => {
  const known = getSystemErrorMap().get(-errno)
  const code =
    known?.[0] ?? Object.entries(koffi.os.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`
  const where = path === undefined ? undefined : Buffer.from(path).toString()
  const message = `${code}: ${known?.[1] ?? "system error"}, ${syscall}${where === undefined ? "" : ` '${where}'`}`
  return Object.assign(new Error(message), {
    code,
    errno: -errno,
    syscall,
    ...(where === undefined ? {} : { path: where })
  })
}

const FILE_TYPE: Record<NodeKind, number> = { fifo: 0o010000, character: 0o020000, block: 0o060000 }
const AT_FDCWD = -100
const AT_SYMLINK_NOFOLLOW = 0x100
const SEEK_DATA = 3
const LOCK_SH = 1
const LOCK_EX = 2
const LOCK_NB = 4
/** `_MKNOD_VER` of glibc on the 64-bit machines. */
const XMKNOD_VERSION = 0
/** A lock is asked for again after this many milliseconds, then after twice as many, up to the longest. */
const SHORTEST_POLL = 5
const LONGEST_POLL = 200
const INT32_MIN = -(2 ** 31)
const INT32_MAX = 2 ** 31 - 1
