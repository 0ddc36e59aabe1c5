/** A reference to a blob (image-spec descriptor.md). */
import * as Schema from "effect/Schema"
import { Digest } from "./Digest.ts"

/** Go writes empty maps and lists as `null`: absent and null are one. */
export const nullish = <A, I>(schema: Schema.Schema<A, I>) =>
  Schema.optionalWith(schema, { nullable: true, exact: true })

/** A field that must not be there, because then the document could be read as one of another kind. */
export const absent = (reason: string) => nullish(Schema.Never.annotations({ message: () => reason }))

export const Annotations = Schema.Record({ key: Schema.String, value: Schema.String })

export const Platform = Schema.Struct({
  architecture: Schema.String,
  os: Schema.String,
  variant: nullish(Schema.String),
  "os.version": nullish(Schema.String),
  "os.features": nullish(Schema.Array(Schema.String))
})
export type Platform = typeof Platform.Type

/** Bytes; past 2⁵³ a number is no longer exact, and no blob is that large. */
export const ByteCount = Schema.Int.pipe(Schema.between(0, Number.MAX_SAFE_INTEGER))

export const Descriptor = Schema.Struct({
  mediaType: Schema.String,
  digest: Digest,
  size: ByteCount,
  annotations: nullish(Annotations),
  platform: nullish(Platform),
  /** The blob itself, in base64: saves a read, and is used only when it has the digest. */
  data: nullish(Schema.String),
  /** Where else the blob may be had; nothing is ever fetched. */
  urls: nullish(Schema.Array(Schema.String)),
  artifactType: nullish(Schema.String)
})
export type Descriptor = typeof Descriptor.Type

/** The name of a manifest in its layout (image-spec annotations.md). */
export const REF_NAME = "org.opencontainers.image.ref.name"
