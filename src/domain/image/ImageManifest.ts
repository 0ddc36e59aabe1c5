/** An image for one platform: its configuration and its layers, lowest first (image-spec manifest.md). */

import * as JsonDecoder from "../document/JsonDecoder.ts"
import { Annotations, Descriptor, ownMediaType } from "./Descriptor.ts"
import * as MediaType from "./MediaType.ts"

/** Decodes a manifest to an Either. */
export const ImageManifest = JsonDecoder.struct({
  schemaVersion: JsonDecoder.nullish(JsonDecoder.literal(2)),
  mediaType: ownMediaType(MediaType.isManifest, "a manifest"),
  config: Descriptor,
  layers: JsonDecoder.list(Descriptor),
  annotations: JsonDecoder.nullish(Annotations),
  artifactType: JsonDecoder.nullish(JsonDecoder.string),
  /** The descriptor of the manifest that this one is attached to. It is not checked: an image may have a malformed one. */
  subject: JsonDecoder.nullish(JsonDecoder.unknown),
  manifests: JsonDecoder.absent("is a field of indexes, and this is a manifest")
})
/** A checked manifest. */
export interface ImageManifest extends JsonDecoder.Type<typeof ImageManifest> {}
