/** A reference to a blob (image-spec descriptor.md). */
import { digest } from "../document/Digest.ts"
import * as JsonDecoder from "../document/JsonDecoder.ts"

export const Annotations = JsonDecoder.dictionary(JsonDecoder.string)

/** Checks the media type that a document states for itself; `what` is the expected kind, for the message. */
export const ownMediaType = (is: (mediaType: string) => boolean, what: string) =>
  JsonDecoder.nullish(
    JsonDecoder.where(
      JsonDecoder.string,
      (type): type is string => is(type),
      (type) => `${JsonDecoder.show(type)} is not the media type of ${what}`
    )
  )

/** Decodes the platform of a descriptor. */
export const Platform = JsonDecoder.struct({
  architecture: JsonDecoder.string,
  os: JsonDecoder.string,
  variant: JsonDecoder.nullish(JsonDecoder.string),
  "os.version": JsonDecoder.nullish(JsonDecoder.string),
  "os.features": JsonDecoder.nullish(JsonDecoder.list(JsonDecoder.string))
})
/** The platform that a descriptor names. */
export interface Platform extends JsonDecoder.Type<typeof Platform> {}

/** Decodes a descriptor (image-spec descriptor.md). */
export const Descriptor = JsonDecoder.struct({
  mediaType: JsonDecoder.string,
  digest,
  /** The blob's size in bytes. */
  size: JsonDecoder.integer(0),
  annotations: JsonDecoder.nullish(Annotations),
  platform: JsonDecoder.nullish(Platform),
  /** The blob itself in base64, which saves reading a file. It is used only if its digest is right. */
  data: JsonDecoder.nullish(JsonDecoder.string),
  /** Other places where the blob can be found. Nothing is ever downloaded. */
  urls: JsonDecoder.nullish(JsonDecoder.list(JsonDecoder.string)),
  artifactType: JsonDecoder.nullish(JsonDecoder.string)
})
/** A document's description of a blob: type, digest and size. */
export interface Descriptor extends JsonDecoder.Type<typeof Descriptor> {}

/** The annotation that names a manifest in its layout (image-spec annotations.md). */
export const REF_NAME = "org.opencontainers.image.ref.name"
