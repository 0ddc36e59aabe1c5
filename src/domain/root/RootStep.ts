/**
 * One step of writing a root filesystem, as data: `RootPlan` plans it, and the `RootWriter` service carries it out.
 *
 * Every path is relative to the root, without a leading slash, without `.`, `..` or empty components; the root itself
 * is `""`. All components but the last are directories that earlier `MakeDirectory` steps made, so that no step
 * follows a link.
 */
import type * as Data from "effect/Data"
import type { FileContent, Metadata } from "../archive/LayerEntry.ts"
import type { ByteString } from "../text/ByteString.ts"

export type RootStep = Data.TaggedEnum<{
  /** Makes an empty directory, private until `SetDirectory`. There is no such step for the root, which exists. */
  MakeDirectory: { readonly path: ByteString }
  /** A file of `size` bytes, whose data is in a layer's archive. */
  MakeFile: {
    readonly path: ByteString
    readonly content: FileContent
    readonly size: number
    readonly metadata: Metadata
  }
  MakeNode: {
    readonly path: ByteString
    readonly kind: "fifo" | "character" | "block"
    readonly major: number
    readonly minor: number
    readonly metadata: Metadata
  }
  MakeSymlink: { readonly path: ByteString; readonly target: ByteString; readonly metadata: Metadata }
  /** Another name of what an earlier step made at `existing` (anything but a directory). */
  MakeLink: { readonly path: ByteString; readonly existing: ByteString }
  /** Sets the final metadata of a directory, after all its children: deepest first, the root last. */
  SetDirectory: { readonly path: ByteString; readonly metadata: Metadata }
}>

type Of<Tag extends RootStep["_tag"]> = Extract<RootStep, { readonly _tag: Tag }>
type Fields<Tag extends RootStep["_tag"]> = Omit<Of<Tag>, "_tag">

/** Constructors, written by hand for the same reason as those of `LayerEntry`. */
export const RootStep = {
  /** Makes an empty directory, whose attributes are set last. */
  MakeDirectory: ({ path }: Fields<"MakeDirectory">): Of<"MakeDirectory"> => ({
    _tag: "MakeDirectory",
    path
  }),
  /** A regular file. */
  MakeFile: ({ content, metadata, path, size }: Fields<"MakeFile">): Of<"MakeFile"> => ({
    _tag: "MakeFile",
    path,
    content,
    size,
    metadata
  }),
  /** Makes a device or a fifo. */
  MakeNode: ({ kind, major, metadata, minor, path }: Fields<"MakeNode">): Of<"MakeNode"> => ({
    _tag: "MakeNode",
    path,
    kind,
    major,
    minor,
    metadata
  }),
  /** Makes a symbolic link. */
  MakeSymlink: ({ metadata, path, target }: Fields<"MakeSymlink">): Of<"MakeSymlink"> => ({
    _tag: "MakeSymlink",
    path,
    target,
    metadata
  }),
  /** Gives another name to an existing node. */
  MakeLink: ({ existing, path }: Fields<"MakeLink">): Of<"MakeLink"> => ({
    _tag: "MakeLink",
    path,
    existing
  }),
  /** Sets the attributes of a directory after its content is complete. */
  SetDirectory: ({ metadata, path }: Fields<"SetDirectory">): Of<"SetDirectory"> => ({
    _tag: "SetDirectory",
    path,
    metadata
  })
} as const
