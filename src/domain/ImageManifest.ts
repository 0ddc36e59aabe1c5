/** An image for one platform: its configuration and its layers, lowest first (image-spec manifest.md). */
import * as Schema from "effect/Schema"
import { Annotations, absent, Descriptor, nullish } from "./Descriptor.ts"
import * as MediaType from "./MediaType.ts"

/** The schema. */
export const ImageManifest = Schema.Struct({
  schemaVersion: nullish(Schema.Literal(2)),
  mediaType: nullish(
    Schema.String.pipe(
      Schema.filter(MediaType.isManifest, {
        message: ({ actual }) => `${JSON.stringify(actual)} is not the media type of a manifest`
      })
    )
  ),
  config: Descriptor,
  layers: Schema.Array(Descriptor),
  annotations: nullish(Annotations),
  artifactType: nullish(Schema.String),
  manifests: absent("is a field of indexes, and this is a manifest")
})
/** A manifest, checked. */
export type ImageManifest = typeof ImageManifest.Type
