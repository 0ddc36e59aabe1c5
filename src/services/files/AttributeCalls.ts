/** The system calls that make nodes and set what Node cannot: extended attributes, and times in nanoseconds. */
import type { Timestamp } from "../../domain/archive/LayerEntry.ts"
import { type ByteString, fromBytes } from "../../domain/text/ByteString.ts"
import * as DeviceNumber from "./DeviceNumber.ts"
import { type Libc, nameBytes, terminated } from "./Libc.ts"

/** The kinds of nodes that mknod(2) makes here. */
export type NodeKind = "fifo" | "character" | "block"
/** The calls. Paths are bytes without NUL; a link as the last component is never followed. */
export interface AttributeCalls {
  /** Calls mknod(2). `mode` is subject to the umask; major and minor are at most 2³²−1. */
  readonly makeNode: (path: Uint8Array, kind: NodeKind, mode: number, major: number, minor: number) => void
  /** Calls lsetxattr(2). */
  readonly setXattr: (path: Uint8Array, name: ByteString, value: Uint8Array) => void
  /** Calls fsetxattr(2). */
  readonly setXattrOfFile: (fd: number, name: ByteString, value: Uint8Array) => void
  /** Calls llistxattr(2) and lgetxattr(2). */
  readonly listXattrs: (path: Uint8Array) => ReadonlyMap<ByteString, Uint8Array>
  /** Calls lgetxattr(2). Returns `undefined` if the attribute is missing, or the file system has none. */
  readonly getXattr: (path: Uint8Array, name: ByteString) => Uint8Array | undefined
  /** Calls utimensat(2) on the link itself. The access time is set to the same value. */
  readonly setModified: (path: Uint8Array, mtime: Timestamp) => void
  /** Calls futimens(3). The access time is set to the same value. */
  readonly setModifiedOfFile: (fd: number, mtime: Timestamp) => void
}

/** Binds the calls; throws where one is missing. */
export const bind = (libc: Libc): AttributeCalls => ({
  ...nodes(libc),
  ...xattrs(libc),
  ...times(libc)
})

const nodes = (libc: Libc): Pick<AttributeCalls, "makeNode"> => {
  const mknod = mknodOf(libc)
  return {
    makeNode: (path, kind, mode, major, minor) => {
      const device = kind === "fifo" ? 0n : DeviceNumber.of(major, minor)
      if (mknod(terminated(path), FILE_TYPE[kind] | mode, device) !== 0) throw libc.failure("mknod", path)
    }
  }
}

/**
 * Binds `mknod`, a function of libc in musl and in glibc from 2.33 on; before, it was an inline function around
 * `__xmknod`.
 */
const mknodOf = (libc: Libc): ((path: Uint8Array, mode: number, device: bigint) => number) => {
  const mknod = libc.findIfThere("int mknod(const void *path, uint32_t mode, uint64_t device)")
  if (mknod !== undefined) return mknod
  const xmknod = libc.find("int __xmknod(int version, const void *path, uint32_t mode, const void *device)")
  return (path, mode, device) => xmknod(XMKNOD_VERSION, path, mode, BigUint64Array.of(device))
}

const xattrs = (
  libc: Libc
): Pick<AttributeCalls, "setXattr" | "setXattrOfFile" | "listXattrs" | "getXattr"> => {
  const lsetxattr = libc.find(
    "int lsetxattr(const void *path, const void *name, const void *value, size_t size, int flags)"
  )
  const fsetxattr = libc.find(
    "int fsetxattr(int fd, const void *name, const void *value, size_t size, int flags)"
  )
  const llistxattr = libc.find("intptr_t llistxattr(const void *path, void *list, size_t size)")
  const lgetxattr = libc.find(
    "intptr_t lgetxattr(const void *path, const void *name, void *value, size_t size)"
  )
  /** Asks for the size first, and asks again if the value grew between the two calls. `undefined` after an error. */
  const sizedIfAny = (call: (into: Uint8Array | null, size: number) => number): Uint8Array | undefined => {
    for (;;) {
      const size = call(null, 0)
      if (size < 0) return undefined
      if (size === 0) return new Uint8Array(0)
      const into = new Uint8Array(size)
      const length = call(into, size)
      if (length >= 0) return into.subarray(0, length)
      if (!libc.failedWith("ERANGE")) return undefined
    }
  }
  const sized = (
    syscall: string,
    path: Uint8Array,
    call: (into: Uint8Array | null, size: number) => number
  ): Uint8Array => {
    const value = sizedIfAny(call)
    if (value === undefined) throw libc.failure(syscall, path)
    return value
  }
  return {
    setXattr: (path, name, value) => {
      if (lsetxattr(terminated(path), nameBytes(name), value, value.length, 0) !== 0)
        throw libc.failure("lsetxattr", path)
    },
    setXattrOfFile: (fd, name, value) => {
      if (fsetxattr(fd, nameBytes(name), value, value.length, 0) !== 0) throw libc.failure("fsetxattr")
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
    getXattr: (path, name) => {
      const [at, key] = [terminated(path), nameBytes(name)]
      const value = sizedIfAny((into, size) => Number(lgetxattr(at, key, into, size)))
      // Most files have no such attribute, and an error takes long to make.
      if (value === undefined && !libc.failedWith("ENODATA", "ENOTSUP", "EOPNOTSUPP"))
        throw libc.failure("lgetxattr", path)
      return value
    }
  }
}

const times = (libc: Libc): Pick<AttributeCalls, "setModified" | "setModifiedOfFile"> => {
  const utimensat = libc.find("int utimensat(int directory, const void *path, const void *times, int flags)")
  const futimens = libc.find("int futimens(int fd, const void *times)")
  const encoded = timesOf(libc.sizeOf("long"))
  return {
    setModified: (path, mtime) => {
      if (utimensat(AT_FDCWD, terminated(path), encoded(mtime), AT_SYMLINK_NOFOLLOW) !== 0) {
        throw libc.failure("utimensat", path)
      }
    },
    setModifiedOfFile: (fd, mtime) => {
      if (futimens(fd, encoded(mtime)) !== 0) throw libc.failure("futimens")
    }
  }
}

/** Encodes `struct timespec[2]`: four `long`s, of 8 bytes on 64-bit machines and of 4 on others. */
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

const FILE_TYPE: Record<NodeKind, number> = { fifo: 0o010000, character: 0o020000, block: 0o060000 }
const AT_FDCWD = -100
const AT_SYMLINK_NOFOLLOW = 0x100
/** `_MKNOD_VER` of glibc on 64-bit machines. */
const XMKNOD_VERSION = 0
const INT32_MIN = -(2 ** 31)
const INT32_MAX = 2 ** 31 - 1
