/** An image for one platform: its configuration and its layers, lowest first (image-spec manifest.md). */
import * as Schema from "effect/Schema"
import { Annotations, Descriptor, nullish } from "./Descriptor.ts"

export const ImageManifest = Schema.Struct({
  schemaVersion: nullish(Schema.Literal(2)),
  mediaType: nullish(Schema.String),
  config: Descriptor,
  layers: Schema.Array(Descriptor),
  annotations: nullish(Annotations),
  artifactType: nullish(Schema.String)
})
export type ImageManifest = typeof ImageManifest.Type
