/** The error of layer data that does not match its media type, or cannot be decompressed. */
import { TaggedError } from "../../domain/text/TaggedError.ts"

/** The compressed data is damaged, or of another kind. */
export class CompressionInvalid extends TaggedError("CompressionInvalid")<{
  /** The compression that the media type states. */
  readonly compression: "none" | "gzip" | "zstd"
  readonly problem: string
  /** The decoder's own error, if there is one. */
  readonly cause?: unknown
}> {
  override get message() {
    return `the ${this.compression === "none" ? "uncompressed" : this.compression} data ${this.problem}`
  }
}
