/**
 * One member of a layer archive as it was read: names are not resolved and whiteouts are not recognized yet
 * (image-spec layer.md).
 */
import type * as Data from "effect/Data"
import type { ByteString } from "../text/ByteString.ts"

/** A point in time: whole seconds since 1970 (may be negative) and 0 … 999,999,999 nanoseconds after them. */
export interface Timestamp {
  readonly seconds: number
  readonly nanoseconds: number
}

/** The first second of 1970. */
export const EPOCH: Timestamp = { seconds: 0, nanoseconds: 0 }

/** The metadata of an inode, apart from its type and data. */
export interface Metadata {
  /** Permission bits with setuid, setgid and sticky: 0 … 0o7777. */
  readonly mode: number
  /** The user id, from 0 to 2³²−2, because 2³²−1 means "unchanged" to chown(2). */
  readonly uid: number
  readonly gid: number
  readonly mtime: Timestamp
  readonly xattrs: ReadonlyMap<ByteString, Uint8Array>
}

const NO_XATTRS: ReadonlyMap<ByteString, Uint8Array> = new Map()

/** The metadata of a parent directory that no entry describes: 0755 0:0, time 0. */
export const IMPLIED_PARENT: Metadata = { mode: 0o755, uid: 0, gid: 0, mtime: EPOCH, xattrs: NO_XATTRS }

/** Where the data of a regular file is: in an image's layers, each decompressed. */
export interface FileContent {
  /** The layer's number in its image; the lowest is 0. */
  readonly layer: number
  /** Where in the archive the data begins, in bytes. No two files of a layer have one offset, empty files included. */
  readonly offset: number
  /**
   * The pieces of a sparse file that have data: offset, length, offset, length, …, none of them empty
   * (`SparseMap`). The archive holds those pieces one after another.
   */
  readonly runs?: ReadonlyArray<number>
}

/**
 * A member. `path` is the name as the archive spells it: `./a`, `/a`, `a//b/` and `a/../b` are all possible. `size`
 * is in bytes. A `Hardlink` names another member or a file of a lower layer, and its own metadata does not count.
 */
export type LayerEntry = Data.TaggedEnum<{
  File: {
    readonly path: ByteString
    readonly metadata: Metadata
    readonly size: number
    readonly content: FileContent
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

/** Constructors, written by hand because `Data.taggedEnum` takes ten times as long, and each entry calls one. */
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
  /** A hard link: another name of a file. */
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
