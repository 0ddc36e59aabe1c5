/**
 * The kernel's newer mount calls: fsopen(2), fsconfig(2), fsmount(2), move_mount(2). They are called by their
 * numbers, which are the same on all machines, because older libcs have no functions for them. With these calls, a
 * file system can be examined before it has a mount point, the kernel explains in words why it refuses a mount, and
 * the options together may exceed 4096 bytes.
 */
import { Buffer } from "node:buffer"
import { closeSync, readSync } from "node:fs"
import type { Libc } from "./Libc.ts"

/** The kernel refuses a mount. `code` is its error name (`ENOTBLK`); `reason` is its explanation, or empty. */
export class MountRefused extends Error {
  override readonly name = "MountRefused"
  readonly code: string
  readonly reason: string

  constructor(code: string, reason: string) {
    super(reason === "" ? code : `${code}: ${reason}`)
    this.code = code
    this.reason = reason
  }
}

/** The system calls that mount and unmount, on paths that nobody but root can change. */
export interface MountCalls {
  /**
   * Mounts a file system read-only, at no mount point yet, and returns a descriptor of its root. Closing the
   * descriptor unmounts it unless it was attached. `options` are keys and values; each value has 255 bytes at most.
   */
  readonly open: (type: string, options: ReadonlyArray<readonly [key: string, value: string]>) => number
  /** Attaches what `open` returned to a directory. */
  readonly attach: (mount: number, at: string) => void
  /** Calls umount2(2) with MNT_DETACH and UMOUNT_NOFOLLOW: processes that use the mount keep it. */
  readonly detach: (at: string) => void
  /** Does the same, and fails with EBUSY if something uses it. */
  readonly unmount: (at: string) => void
  /** Makes `from` appear at `at` too: read-only, without set-user-ID and device files, which users of this machine could use. */
  readonly bind: (from: string, at: string) => void
}

/** Binds the calls. */
export const bind = (libc: Libc): MountCalls => {
  const fsopen = libc.find("long syscall(long number, const char *type, uint32_t flags)")
  const fsconfig = libc.find(
    "long syscall(long number, int fd, uint32_t command, const char *key, const char *value, int auxiliary)"
  )
  const fsmount = libc.find("long syscall(long number, int fd, uint32_t flags, uint32_t attributes)")
  const moveMount = libc.find(
    "long syscall(long number, int from, const char *fromPath, int to, const char *toPath, uint32_t flags)"
  )
  const openTree = libc.find("long syscall(long number, int directory, const char *path, uint32_t flags)")
  const mountSetattr = libc.find(
    "long syscall(long number, int fd, const char *path, uint32_t flags, const void *attributes, size_t size)"
  )
  const umount2 = libc.find("int umount2(const char *path, int flags)")

  const refusal = (context?: number): MountRefused =>
    new MountRefused(libc.errorName(), context === undefined ? "" : said(context))

  const attach = (mount: number, at: string): void => {
    if (moveMount(MOVE_MOUNT, mount, "", AT_FDCWD, at, MOVE_MOUNT_F_EMPTY_PATH) < 0) throw refusal()
  }

  return {
    open: (type, options) => {
      const context = Number(fsopen(FSOPEN, type, FSOPEN_CLOEXEC))
      if (context < 0) throw refusal()
      try {
        for (const [key, value] of options) {
          if (fsconfig(FSCONFIG, context, SET_STRING, key, value, 0) < 0) throw refusal(context)
        }
        if (fsconfig(FSCONFIG, context, SET_FLAG, "ro", null, 0) < 0) throw refusal(context)
        if (fsconfig(FSCONFIG, context, CMD_CREATE, null, null, 0) < 0) throw refusal(context)
        const mount = Number(fsmount(FSMOUNT, context, FSMOUNT_CLOEXEC, RDONLY))
        if (mount < 0) throw refusal(context)
        return mount
      } finally {
        closeSync(context)
      }
    },
    attach,
    detach: (at) => {
      if (umount2(at, MNT_DETACH | UMOUNT_NOFOLLOW) !== 0) throw refusal()
    },
    unmount: (at) => {
      if (umount2(at, UMOUNT_NOFOLLOW) !== 0) throw refusal()
    },
    bind: (from, at) => {
      const tree = Number(openTree(OPEN_TREE, AT_FDCWD, from, OPEN_TREE_CLONE | O_CLOEXEC))
      if (tree < 0) throw refusal()
      try {
        // struct mount_attr: set, clear, propagation, user namespace.
        const attributes = BigUint64Array.of(BigInt(RDONLY | NOSUID | NODEV), 0n, 0n, 0n)
        if (mountSetattr(MOUNT_SETATTR, tree, "", AT_EMPTY_PATH, attributes, attributes.byteLength) < 0)
          throw refusal()
        attach(tree, at)
      } finally {
        closeSync(tree)
      }
    }
  }
}

/**
 * Returns the kernel's error messages about a file system's context. Each read gives one message; those of errors
 * begin with "e ".
 */
const said = (context: number): string => {
  const messages: Array<string> = []
  const buffer = Buffer.alloc(4096)
  for (;;) {
    try {
      const length = readSync(context, buffer, 0, buffer.length, null)
      const message = buffer.toString("utf8", 0, length).trim()
      if (message.startsWith("e ")) messages.push(message.slice(2))
    } catch {
      // ENODATA: there are no more messages.
      return messages.join("; ")
    }
  }
}

const OPEN_TREE = 428
const MOVE_MOUNT = 429
const FSOPEN = 430
const FSCONFIG = 431
const FSMOUNT = 432
const MOUNT_SETATTR = 442
const FSOPEN_CLOEXEC = 1
const FSMOUNT_CLOEXEC = 1
const SET_FLAG = 0
const SET_STRING = 1
const CMD_CREATE = 6
const RDONLY = 1
const NOSUID = 2
const NODEV = 4
const MOVE_MOUNT_F_EMPTY_PATH = 4
const OPEN_TREE_CLONE = 1
const O_CLOEXEC = 0o2000000
const AT_FDCWD = -100
const AT_EMPTY_PATH = 0x1000
const MNT_DETACH = 2
const UMOUNT_NOFOLLOW = 8
