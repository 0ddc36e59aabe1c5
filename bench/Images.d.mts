/** What the tests use of `Images.mjs`. */

export type Compression = "gzip" | "zstd"

export interface WrittenImage {
  /** As `oci-systemd` takes it. */
  readonly name: string
  /** The layout's directory; its reference is `v1`. */
  readonly layout: string
  readonly layers: ReadonlyArray<{
    readonly mediaType: string
    readonly digest: string
    readonly size: number
    readonly path: string
  }>
  readonly entries: number
  readonly bytes: number
}

export const writeLayouts: (options: {
  readonly directory: string
  readonly names: ReadonlyArray<string>
  readonly compression: Compression
  readonly cache?: string
}) => Promise<ReadonlyArray<WrittenImage>>
