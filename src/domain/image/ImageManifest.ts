/** An image for one platform: its configuration and its layers, lowest first (image-spec manifest.md). */
import { Annotations, Descriptor, ownMediaType } from "./Descriptor.ts"
import * as Form from "../document/JsonDecoder.ts"
import * as MediaType from "./MediaType.ts"

/** The form: `ImageManifest(json)` is an Either. */
export const ImageManifest = Form.struct({
  schemaVersion: Form.nullish(Form.literal(2)),
  mediaType: ownMediaType(MediaType.isManifest, "a manifest"),
  config: Descriptor,
  layers: Form.list(Descriptor),
  annotations: Form.nullish(Annotations),
  artifactType: Form.nullish(Form.string),
  manifests: Form.absent("is a field of indexes, and this is a manifest")
})
/** A manifest, checked. */
export interface ImageManifest extends Form.Type<typeof ImageManifest> {}
