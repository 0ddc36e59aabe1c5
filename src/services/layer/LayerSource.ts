/** A layer as a manifest and its configuration have it: where its blob is, what that holds, and what must come out. */
import type { Descriptor } from "../../domain/image/Descriptor.ts"
import type { Digest } from "../../domain/document/Digest.ts"
import * as MediaType from "../../domain/image/MediaType.ts"
import * as Blobs from "../layout/Blobs.ts"
import type { Request } from "./LayerIntake.ts"

export type LayerSource = Pick<Request, "blob" | "diffId" | "compression">

/** `layout` is the layout's directory. */
export const of = (layout: string, descriptor: Descriptor, diffId: Digest): LayerSource => ({
  blob: { ...Blobs.source(layout, descriptor), digest: descriptor.digest, size: descriptor.size },
  diffId,
  compression: MediaType.layerCompression(descriptor.mediaType) ?? "none"
})
