/**
 * A layer as its manifest and configuration describe it: the place of its blob, its content, and the expected result.
 */

import type { Digest } from "../../domain/document/Digest.ts"
import type { Descriptor } from "../../domain/image/Descriptor.ts"
import * as MediaType from "../../domain/image/MediaType.ts"
import * as Blobs from "../layout/Blobs.ts"
import type { Request } from "./LayerIntake.ts"

export type LayerSource = Pick<Request, "blob" | "diffId" | "compression">

/** Describes a layer. `layout` is the directory of the layout. */
export const of = (layout: string, descriptor: Descriptor, diffId: Digest): LayerSource => ({
  blob: { ...Blobs.source(layout, descriptor), digest: descriptor.digest, size: descriptor.size },
  diffId,
  compression: MediaType.layerCompression(descriptor.mediaType) ?? "none"
})
