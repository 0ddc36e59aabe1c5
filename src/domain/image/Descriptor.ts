/** A reference to a blob (image-spec descriptor.md). */
import { digest } from "../document/Digest.ts"
import * as Form from "../document/JsonDecoder.ts"

export const Annotations = Form.dictionary(Form.string)

/** What a document may say that it is; `what` it should be, for people. */
export const ownMediaType = (is: (mediaType: string) => boolean, what: string) =>
  Form.nullish(
    Form.where(
      Form.string,
      (type): type is string => is(type),
      (type) => `${Form.show(type)} is not the media type of ${what}`
    )
  )

export const Platform = Form.struct({
  architecture: Form.string,
  os: Form.string,
  variant: Form.nullish(Form.string),
  "os.version": Form.nullish(Form.string),
  "os.features": Form.nullish(Form.list(Form.string))
})
export interface Platform extends Form.Type<typeof Platform> {}

export const Descriptor = Form.struct({
  mediaType: Form.string,
  digest,
  /** Bytes. */
  size: Form.integer(0),
  annotations: Form.nullish(Annotations),
  platform: Form.nullish(Platform),
  /** The blob itself, in base64: saves a read, and is used only when it has the digest. */
  data: Form.nullish(Form.string),
  /** Where else the blob may be had; nothing is ever fetched. */
  urls: Form.nullish(Form.list(Form.string)),
  artifactType: Form.nullish(Form.string)
})
export interface Descriptor extends Form.Type<typeof Descriptor> {}

/** The name of a manifest in its layout (image-spec annotations.md). */
export const REF_NAME = "org.opencontainers.image.ref.name"
