/** What a layer's data fails with when it is not what its media type says, or cannot be decompressed. */
import * as Schema from "effect/Schema"

export class CompressionInvalid extends Schema.TaggedError<CompressionInvalid>()("CompressionInvalid", {
  /** What the media type says. */
  compression: Schema.Literal("none", "gzip", "zstd"),
  problem: Schema.String,
  /** The decoder's own error, where it has one. */
  cause: Schema.optional(Schema.Defect)
}) {
  override get message() {
    return `the ${this.compression === "none" ? "uncompressed" : this.compression} data ${this.problem}`
  }
}
