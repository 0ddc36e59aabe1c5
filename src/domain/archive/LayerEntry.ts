/** One member of a layer archive, as read: names not resolved, whiteouts not told apart (image-spec layer.md). */
import type * as Data from "effect/Data"
import type { ByteString } from "../text/ByteString.ts"

/** A point in time: whole seconds since 1970 (may be negative) and 0 … 999,999,999 nanoseconds after them. */
export interface Timestamp {
  readonly seconds: number
  readonly nanoseconds: number
}

/** The first second of 1970. */
export const EPOCH: Timestamp = { seconds: 0, nanoseconds: 0 }

/** What an inode carries besides its type and data. */
export interface Metadata {
  /** Permission bits with setuid, setgid and sticky: 0 … 0o7777. */
  readonly mode: number
  /** 0 … 2³²−2: 2³²−1 means "unchanged" to chown(2). */
  readonly uid: number
  readonly gid: number
  readonly mtime: Timestamp
  readonly xattrs: ReadonlyMap<ByteString, Uint8Array>
}

const NO_XATTRS: ReadonlyMap<ByteString, Uint8Array> = new Map()

/** What a parent that no entry describes gets: 0755 0:0, time 0. */
export const IMPLIED_PARENT: Metadata = { mode: 0o755, uid: 0, gid: 0, mtime: EPOCH, xattrs: NO_XATTRS }

/** Where a regular file's data is: the layer's number in its image (the lowest is 0), and the entry's in its layer. */
export interface ContentId {
  readonly layer: number
  readonly entry: number
}

/**
 * `path` is the name as the archive has it: `./a`, `/a`, `a//b/` and `a/../b` are all possible.
 * `size` is in bytes. A `Hardlink` names another member or a lower layer's file; its own metadata does not count.
 */
export type LayerEntry = Data.TaggedEnum<{
  File: {
    readonly path: ByteString
    readonly metadata: Metadata
    readonly size: number
    readonly content: ContentId
  }
  Directory: { readonly path: ByteString; readonly metadata: Metadata }
  Symlink: { readonly path: ByteString; readonly metadata: Metadata; readonly target: ByteString }
  Hardlink: { readonly path: ByteString; readonly target: ByteString }
  CharacterDevice: {
    readonly path: ByteString
    readonly metadata: Metadata
    readonly major: number
    readonly minor: number
  }
  BlockDevice: {
    readonly path: ByteString
    readonly metadata: Metadata
    readonly major: number
    readonly minor: number
  }
  Fifo: { readonly path: ByteString; readonly metadata: Metadata }
}>

type Of<Tag extends LayerEntry["_tag"]> = Extract<LayerEntry, { readonly _tag: Tag }>
type Fields<Tag extends LayerEntry["_tag"]> = Omit<Of<Tag>, "_tag">

/** By hand, not by `Data.taggedEnum`: there is one an entry, and these take a tenth of the time. */
export const LayerEntry = {
  /** A regular file. */
  File: ({ content, metadata, path, size }: Fields<"File">): Of<"File"> => ({
    _tag: "File",
    path,
    metadata,
    size,
    content
  }),
  /** A directory. */
  Directory: ({ metadata, path }: Fields<"Directory">): Of<"Directory"> => ({
    _tag: "Directory",
    path,
    metadata
  }),
  /** A symbolic link; its target may be anything. */
  Symlink: ({ metadata, path, target }: Fields<"Symlink">): Of<"Symlink"> => ({
    _tag: "Symlink",
    path,
    metadata,
    target
  }),
  /** Another name. */
  Hardlink: ({ path, target }: Fields<"Hardlink">): Of<"Hardlink"> => ({ _tag: "Hardlink", path, target }),
  /** A character device. */
  CharacterDevice: ({ major, metadata, minor, path }: Fields<"CharacterDevice">): Of<"CharacterDevice"> => ({
    _tag: "CharacterDevice",
    path,
    metadata,
    major,
    minor
  }),
  /** A block device. */
  BlockDevice: ({ major, metadata, minor, path }: Fields<"BlockDevice">): Of<"BlockDevice"> => ({
    _tag: "BlockDevice",
    path,
    metadata,
    major,
    minor
  }),
  /** A named pipe. */
  Fifo: ({ metadata, path }: Fields<"Fifo">): Of<"Fifo"> => ({ _tag: "Fifo", path, metadata })
} as const
