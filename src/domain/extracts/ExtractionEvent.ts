/** What an extraction says of itself while it runs: how far it is, layer by layer, for who shows progress. */
import * as Data from "effect/Data"
import type { Digest } from "../document/Digest.ts"
import type { ImageName } from "../naming/ImageName.ts"

/** Begun, LayerRead and LayerReady for each layer, RootWritten now and then, Published; only Published is sure to be the last. */
export type ExtractionEvent = Data.TaggedEnum<{
  /** The image has to be extracted. Sizes are of the blobs, compressed, in bytes; the lowest layer is the first. */
  Begun: {
    readonly image: ImageName
    readonly layers: ReadonlyArray<{ readonly digest: Digest; readonly size: number }>
  }
  /** `read` bytes of the layer's blob were read and `entries` entries found in them; about once a mebibyte. */
  LayerRead: {
    readonly image: ImageName
    readonly layer: number
    readonly read: number
    readonly entries: number
  }
  /** All of the layer is verified. `found`: it was there already, from another image. `bytes` are uncompressed. */
  LayerReady: {
    readonly image: ImageName
    readonly layer: number
    readonly entries: number
    readonly bytes: number
    readonly found: boolean
  }
  /** Of the `total` steps that make the root, `done` are done. */
  RootWritten: { readonly image: ImageName; readonly done: number; readonly total: number }
  /** The root is there. */
  Published: { readonly image: ImageName; readonly root: string }
}>

/** Constructors, and `$is` and `$match`. */
export const ExtractionEvent = Data.taggedEnum<ExtractionEvent>()
