/** The errors of a layer that could not be read. `layer` is the digest by which the manifest names it. */
import { TaggedError } from "../../domain/text/TaggedError.ts"
import * as Privileges from "../files/Privileges.ts"
import { CompressionInvalid } from "./CompressionInvalid.ts"
import { TarInvalid } from "./TarReader.ts"
import { ZstdDecoderUnavailable } from "./ZstdDecoder.ts"

export type { ZstdDecoderUnavailable } from "./ZstdDecoder.ts"

/** The blob's file is missing, unreadable, or not a regular file. */
export class LayerUnreadable extends TaggedError("LayerUnreadable")<{
  readonly layer: string
  readonly path: string
  /** A clause that follows the path: "is a fifo, not a file". */
  readonly reason: string
  readonly cause?: unknown
}> {
  override get message() {
    return `layer ${this.layer}: ${this.path} ${this.reason}`
  }
}

/** A blob is longer or shorter than its descriptor says. */
export class LayerSizeMismatch extends TaggedError("LayerSizeMismatch")<{
  readonly layer: string
  readonly expected: number
  readonly actual: number
}> {
  override get message() {
    return `layer ${this.layer}: its descriptor says ${this.expected} bytes, but the blob has ${this.actual}`
  }
}

/** The blob's bytes do not have its digest; `cause` is an error in them that was found before. */
export class LayerDigestMismatch extends TaggedError("LayerDigestMismatch")<{
  readonly layer: string
  readonly actual: string
  readonly cause?: unknown
}> {
  override get message() {
    return `layer ${this.layer}: the blob is damaged, its digest is ${this.actual}`
  }
}

/** The uncompressed layer does not have the digest that the image configuration names. */
export class DiffIdMismatch extends TaggedError("DiffIdMismatch")<{
  readonly layer: string
  readonly expected: string
  readonly actual: string
}> {
  override get message() {
    return `layer ${this.layer}: the image expects the uncompressed digest ${this.expected}, but it is ${this.actual}`
  }
}

/** The compressed data is damaged, or has another format than the media type says. */
export class LayerCompressionInvalid extends TaggedError("LayerCompressionInvalid")<{
  readonly layer: string
  readonly cause: CompressionInvalid
}> {
  override get message() {
    return `layer ${this.layer}: ${this.cause.message}`
  }
}

/** This machine has no decoder for the layer's compression. That is no fault of the layer. */
export class LayerDecoderMissing extends TaggedError("LayerDecoderMissing")<{
  readonly layer: string
  readonly cause: ZstdDecoderUnavailable
}> {
  override get message() {
    return `layer ${this.layer}: ${this.cause.message}`
  }
}

/** The archive contains something impossible or ambiguous. */
export class LayerArchiveInvalid extends TaggedError("LayerArchiveInvalid")<{
  readonly layer: string
  readonly cause: TarInvalid
}> {
  override get message() {
    return `layer ${this.layer}: ${this.cause.message}`
  }
}

/** The layer is larger than the configuration allows. */
export class LayerLimitExceeded extends TaggedError("LayerLimitExceeded")<{
  readonly layer: string
  readonly limit: "entries" | "bytes" | "ratio" | "metadata"
  readonly allowed: number
}> {
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

/** A file cannot be written. `code` is the system's error name: `ENOSPC`, `EROFS`, … */
export class LayerUnwritable extends TaggedError("LayerUnwritable")<{
  readonly layer: string
  /** The entry being written, printable. */
  readonly entry: string | null
  readonly code: string
  readonly cause: unknown
}> {
  override get message() {
    const what = this.entry === null ? "its archive" : JSON.stringify(this.entry)
    return `layer ${this.layer}: ${what} cannot be written: ${this.code}`
  }
}

/** The classes of all these errors. @internal */
export const CLASSES = [
  LayerUnreadable,
  LayerSizeMismatch,
  LayerDigestMismatch,
  DiffIdMismatch,
  LayerCompressionInvalid,
  LayerDecoderMissing,
  LayerArchiveInvalid,
  LayerLimitExceeded,
  LayerUnwritable
] as const

/** Why a layer cannot be read. */
export type LayerError =
  | LayerUnreadable
  | LayerSizeMismatch
  | LayerDigestMismatch
  | DiffIdMismatch
  | LayerCompressionInvalid
  | LayerDecoderMissing
  | LayerArchiveInvalid
  | LayerLimitExceeded
  | LayerUnwritable

/** Whether an error is one of these. */
export const isLayerError = (error: unknown): error is LayerError =>
  CLASSES.some((each) => error instanceof each)

/** Returns the error of a layer for an error of its decoder or of its archive's reader; `undefined` for any other error. */
export const ofData = (layer: string, cause: unknown): LayerError | undefined => {
  if (cause instanceof CompressionInvalid) return new LayerCompressionInvalid({ layer, cause })
  if (cause instanceof TarInvalid) return new LayerArchiveInvalid({ layer, cause })
  if (cause instanceof ZstdDecoderUnavailable) return new LayerDecoderMissing({ layer, cause })
  return undefined
}

/** Whether the reason is this machine (a full disk, no permission, no decoder), so that the layer itself may be intact. */
export const isOfMachine = (error: LayerError): boolean =>
  error._tag === "LayerUnwritable" || error._tag === "LayerDecoderMissing" || Privileges.isDenied(error)
