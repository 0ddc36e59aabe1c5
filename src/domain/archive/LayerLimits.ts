/** What a layer may unpack to: generous, since real ones are huge, but less than a full disk or memory. */
export interface LayerLimits {
  readonly entries: number
  /** Of the uncompressed archive; holes of sparse files do not count. */
  readonly bytes: number
  /** Uncompressed for compressed, once `RATIO_COUNTS_FROM` bytes are out. */
  readonly ratio: number
  /** Bytes of names, link targets and extended attributes. */
  readonly metadata: number
}

export const LIMITS: LayerLimits = { entries: 2_000_000, bytes: 2 ** 38, ratio: 500, metadata: 2 ** 28 }

/** Below this, a bomb does no harm, and small layers of zeros are common. */
export const RATIO_COUNTS_FROM = 2 ** 31
