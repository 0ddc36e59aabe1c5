/** The progress of an extraction, layer by layer, for callers that show it. */
import type * as Data from "effect/Data"
import type { Digest } from "../document/Digest.ts"
import type { ImageName } from "../naming/ImageName.ts"
import { taggedUnion } from "../text/TaggedUnion.ts"

/**
 * The events of an extraction. If the root has to be made: Begun; LayerRead, about once a mebibyte, for each layer that has
 * to be read; LayerReady for each layer; RootWritten now and then; Published at the end. If the root exists already:
 * Published alone.
 */
export type ExtractionEvent = Data.TaggedEnum<{
  /** The image has to be extracted. Sizes are those of the compressed blobs in bytes, the lowest layer first. */
  Begun: {
    readonly image: ImageName
    readonly layers: ReadonlyArray<{ readonly digest: Digest; readonly size: number }>
  }
  /**
   * `read` bytes of the layer's blob were read, with `entries` entries in them. The event comes about once for each
   * mebibyte.
   */
  LayerRead: {
    readonly image: ImageName
    readonly layer: number
    readonly read: number
    readonly entries: number
  }
  /**
   * The whole layer is verified. `found` is true if it already existed, and so was not read. `bytes` counts
   * uncompressed bytes.
   */
  LayerReady: {
    readonly image: ImageName
    readonly layer: number
    readonly entries: number
    readonly bytes: number
    readonly found: boolean
  }
  /** `done` of the `total` steps that make the root are done. */
  RootWritten: { readonly image: ImageName; readonly done: number; readonly total: number }
  /** The root exists. `found` is true if it already existed. */
  Published: { readonly image: ImageName; readonly root: string; readonly found: boolean }
}>

/** Constructors, `$is` and `$match`. */
export const ExtractionEvent = taggedUnion<ExtractionEvent>()
