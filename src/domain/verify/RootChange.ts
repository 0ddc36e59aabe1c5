/**
 * What a service has changed at one path of its root: an entry of the upper directory of the overlay, compared with what was
 * there before the service started (the kernel's Documentation/filesystems/overlayfs.rst).
 */
import { type ByteString, display } from "../text/ByteString.ts"
import type { PathKind } from "./PathFacts.ts"

/** The entry at one path. */
export interface PathEntry {
  readonly kind: PathKind
  readonly uid: number
  readonly gid: number
  /** Permissions, with the set-user-ID, set-group-ID and sticky bits. */
  readonly mode: number
  /** In bytes. */
  readonly size: number
}

/** An entry of the upper directory. */
export interface UpperEntry extends PathEntry {
  /** Whether it stands for the absence of what the lower root has there. */
  readonly isWhiteout: boolean
  /** Whether it hides the directory of the lower root. */
  readonly isOpaque: boolean
  /** Whether it shows a directory of the lower root that has another path: the service has renamed that directory. */
  readonly isRedirected: boolean
}

/** The entries at a path before the service started. */
export interface Before {
  /** The entry of the image's root. */
  readonly lower: PathEntry | undefined
  /** The entry that was made in the upper directory for the service, such as a mount point. */
  readonly made: PathEntry | undefined
}

export interface Verdict {
  readonly change: Change | undefined
  /** Whether it is the directory that was there before, so that only what differs in it is a change. */
  readonly isSameDirectory: boolean
}

/** The kinds of changes. */
export type Change = "added" | "changed" | "removed"

/** Compares the entry of one path. A directory has changed if its owner or mode has, or if it is another one. */
export const classify = (upper: UpperEntry, { lower, made }: Before): Verdict => {
  if (upper.isWhiteout) return lower === undefined ? UNCHANGED : { ...UNCHANGED, change: "removed" }
  const before = lower ?? made
  if (before === undefined) return { change: "added", isSameDirectory: false }
  if (upper.kind === "Directory" && before.kind === "Directory") {
    // Where the lower root has nothing, an opaque directory hides nothing.
    const isSameDirectory = !upper.isRedirected && (lower === undefined || !upper.isOpaque)
    return { change: isSameDirectory && isEqual(upper, before) ? undefined : "changed", isSameDirectory }
  }
  // Files of the image are copied to the upper directory when they are changed, and not before.
  const isUntouched = lower === undefined && isEqual(upper, before) && upper.size === before.size
  return isUntouched ? UNCHANGED : { change: "changed", isSameDirectory: false }
}

/**
 * Whether an entry at the top of a root is one that systemd makes at each start where the image has none (its
 * base-filesystem.c). `target` is that of a link.
 */
export const isMadeBySystemd = (
  name: ByteString,
  { gid, kind, mode, uid }: PathEntry,
  target: ByteString | undefined
): boolean =>
  uid === 0 &&
  gid === 0 &&
  (kind === "Directory"
    ? SYSTEMDS_DIRECTORIES.get(name) === mode
    : SYSTEMDS_LINKS.has(name) && target?.startsWith("usr/") === true)

/** Their modes. The template has the other ones, which are mount points as well. */
const SYSTEMDS_DIRECTORIES: ReadonlyMap<string, number> = new Map([
  ["root", 0o750],
  ["usr", 0o755],
  ["var", 0o755],
  ["etc", 0o755]
])
const SYSTEMDS_LINKS: ReadonlySet<string> = new Set(["bin", "lib", "lib64", "sbin"])

const UNCHANGED: Verdict = { change: undefined, isSameDirectory: false }

const isEqual = (a: PathEntry, b: PathEntry): boolean =>
  a.kind === b.kind && a.uid === b.uid && a.gid === b.gid && a.mode === b.mode

/** A change, as it is listed. */
export interface RootChange {
  readonly change: Change
  /** The path relative to the root; empty for the root itself. */
  readonly path: ByteString
  /** What is at the path now, or was there if it is removed. */
  readonly kind: PathKind
  /** What was at the path before; `undefined` if nothing was. */
  readonly before: PathKind | undefined
  /** How many files of any kind but directories are below a directory that is new or another one. */
  readonly files: number | undefined
  /** Bytes of a file, or of all these files. */
  readonly size: number | undefined
}

/** Returns a change as JSON. */
export const toJson = ({ before, change, files, kind, path, size }: RootChange) => ({
  change,
  path: `/${display(path)}`,
  type: TYPES[kind],
  before: before === undefined ? null : TYPES[before],
  files: files ?? null,
  size: size ?? null
})

const TYPES: Readonly<Record<PathKind, string>> = {
  File: "file",
  Directory: "directory",
  Symlink: "symlink",
  CharacterDevice: "character device",
  BlockDevice: "block device",
  Fifo: "fifo",
  Socket: "socket"
}
