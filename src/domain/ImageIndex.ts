/** A list of manifests: `index.json`, nested indexes, Docker's manifest lists (image-spec image-index.md). */
import * as Schema from "effect/Schema"
import { Annotations, Descriptor, nullish } from "./Descriptor.ts"

export const ImageIndex = Schema.Struct({
  schemaVersion: nullish(Schema.Literal(2)),
  mediaType: nullish(Schema.String),
  manifests: Schema.Array(Descriptor),
  annotations: nullish(Annotations)
})
export type ImageIndex = typeof ImageIndex.Type
