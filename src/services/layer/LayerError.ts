/** Why a layer could not be staged. `layer` is its digest: what the manifest calls it by. */
import * as Schema from "effect/Schema"
import { CompressionInvalid } from "./Decompression.ts"
import { TarInvalid } from "./TarReader.ts"

/** The blob's file is missing, cannot be read, or is no regular file. */
export class LayerUnreadable extends Schema.TaggedError<LayerUnreadable>()("LayerUnreadable", {
  layer: Schema.String,
  path: Schema.String,
  /** A clause that follows the path: "is a fifo, not a file". */
  reason: Schema.String,
  cause: Schema.optional(Schema.Defect)
}) {
  override get message() {
    return `layer ${this.layer}: ${this.path} ${this.reason}`
  }
}

/** A blob is longer or shorter than its descriptor says. */
export class LayerSizeMismatch extends Schema.TaggedError<LayerSizeMismatch>()("LayerSizeMismatch", {
  layer: Schema.String,
  expected: Schema.Number,
  actual: Schema.Number
}) {
  override get message() {
    return `layer ${this.layer}: its descriptor says ${this.expected} bytes, and the blob has ${this.actual}`
  }
}

/** The blob's bytes are not what its digest names; `cause` is what went wrong with them before that was known. */
export class LayerDigestMismatch extends Schema.TaggedError<LayerDigestMismatch>()("LayerDigestMismatch", {
  layer: Schema.String,
  actual: Schema.String,
  cause: Schema.optional(Schema.Defect)
}) {
  override get message() {
    return `layer ${this.layer}: the blob is damaged, its digest is ${this.actual}`
  }
}

/** The uncompressed layer is not what the image configuration names. */
export class DiffIdMismatch extends Schema.TaggedError<DiffIdMismatch>()("DiffIdMismatch", {
  layer: Schema.String,
  expected: Schema.String,
  actual: Schema.String
}) {
  override get message() {
    return `layer ${this.layer}: the image expects the uncompressed digest ${this.expected}, and it is ${this.actual}`
  }
}

/** Damaged compressed data, or another form than the media type says. */
export class LayerCompressionInvalid extends Schema.TaggedError<LayerCompressionInvalid>()(
  "LayerCompressionInvalid",
  {
    layer: Schema.String,
    cause: CompressionInvalid
  }
) {
  override get message() {
    return `layer ${this.layer}: ${this.cause.message}`
  }
}

/** Something in the archive that cannot be, or could be read in two ways. */
export class LayerArchiveInvalid extends Schema.TaggedError<LayerArchiveInvalid>()("LayerArchiveInvalid", {
  layer: Schema.String,
  cause: TarInvalid
}) {
  override get message() {
    return `layer ${this.layer}: ${this.cause.message}`
  }
}

/** The layer is larger than the configuration allows. */
export class LayerLimitExceeded extends Schema.TaggedError<LayerLimitExceeded>()("LayerLimitExceeded", {
  layer: Schema.String,
  limit: Schema.Literal("entries", "bytes", "ratio", "metadata"),
  allowed: Schema.Number
}) {
  override get message() {
    return `layer ${this.layer}: ${EXCEEDED[this.limit](this.allowed)}`
  }
}

const EXCEEDED: Record<LayerLimitExceeded["limit"], (allowed: number) => string> = {
  entries: (allowed) => `it has more than the ${allowed} entries allowed (maxentries)`,
  bytes: (allowed) => `it unpacks to more than the ${allowed} bytes allowed (maxbytes)`,
  ratio: (allowed) => `it unpacks to more than ${allowed} times its size (maxratio)`,
  metadata: (allowed) => `its names and attributes are more than the ${allowed} bytes allowed`
}

/** `code` is the system's name of the error: `ENOSPC`, `EROFS`, … */
export class LayerUnwritable extends Schema.TaggedError<LayerUnwritable>()("LayerUnwritable", {
  layer: Schema.String,
  /** The entry being written, for people. */
  entry: Schema.NullOr(Schema.String),
  code: Schema.String,
  cause: Schema.Defect
}) {
  override get message() {
    const what = this.entry === null ? "its directory" : JSON.stringify(this.entry)
    return `layer ${this.layer}: ${what} cannot be written: ${this.code}`
  }
}

/** The schema of all of them. */
export const LayerError = Schema.Union(
  LayerUnreadable,
  LayerSizeMismatch,
  LayerDigestMismatch,
  DiffIdMismatch,
  LayerCompressionInvalid,
  LayerArchiveInvalid,
  LayerLimitExceeded,
  LayerUnwritable
)
/** Why a layer cannot be taken apart. */
export type LayerError = typeof LayerError.Type
