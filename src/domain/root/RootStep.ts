/**
 * One step of writing a root filesystem, as data: planned by `RootPlan`, carried out by the `RootWriter` service.
 *
 * Every path is relative to the root, without a leading slash, without `.`, `..` or empty components; the root itself
 * is `""`. Every component but the last is a directory that an earlier `MakeDirectory` made, so that carrying a plan
 * out never follows a link.
 */
import type * as Data from "effect/Data"
import type { ByteString } from "../text/ByteString.ts"
import type { ContentId, Metadata } from "../archive/LayerEntry.ts"

export type RootStep = Data.TaggedEnum<{
  /** An empty directory, private until `SetDirectory`. Never for the root, which is there. */
  MakeDirectory: { readonly path: ByteString }
  /** The staged data, with its metadata set already, gets this name: its only one, or one of several. */
  PlaceFile: { readonly path: ByteString; readonly content: ContentId }
  MakeNode: {
    readonly path: ByteString
    readonly kind: "fifo" | "character" | "block"
    readonly major: number
    readonly minor: number
    readonly metadata: Metadata
  }
  MakeSymlink: { readonly path: ByteString; readonly target: ByteString; readonly metadata: Metadata }
  /** Another name of what an earlier step made at `existing` (a node or a symlink). */
  MakeLink: { readonly path: ByteString; readonly existing: ByteString }
  /** The directory's final metadata: after all its children, deepest first, the root last. */
  SetDirectory: { readonly path: ByteString; readonly metadata: Metadata }
}>

type Of<Tag extends RootStep["_tag"]> = Extract<RootStep, { readonly _tag: Tag }>
type Fields<Tag extends RootStep["_tag"]> = Omit<Of<Tag>, "_tag">

/** Constructors; by hand, as those of `LayerEntry` and for the same reason. */
export const RootStep = {
  /** An empty directory; its attributes come last. */
  MakeDirectory: ({ path }: Fields<"MakeDirectory">): Of<"MakeDirectory"> => ({
    _tag: "MakeDirectory",
    path
  }),
  /** A file that was staged, with all its attributes. */
  PlaceFile: ({ content, path }: Fields<"PlaceFile">): Of<"PlaceFile"> => ({
    _tag: "PlaceFile",
    path,
    content
  }),
  /** A device or a fifo. */
  MakeNode: ({ kind, major, metadata, minor, path }: Fields<"MakeNode">): Of<"MakeNode"> => ({
    _tag: "MakeNode",
    path,
    kind,
    major,
    minor,
    metadata
  }),
  /** A symbolic link. */
  MakeSymlink: ({ metadata, path, target }: Fields<"MakeSymlink">): Of<"MakeSymlink"> => ({
    _tag: "MakeSymlink",
    path,
    target,
    metadata
  }),
  /** A further name of what is there already. */
  MakeLink: ({ existing, path }: Fields<"MakeLink">): Of<"MakeLink"> => ({
    _tag: "MakeLink",
    path,
    existing
  }),
  /** The attributes of a directory, when all is in it. */
  SetDirectory: ({ metadata, path }: Fields<"SetDirectory">): Of<"SetDirectory"> => ({
    _tag: "SetDirectory",
    path,
    metadata
  })
} as const
