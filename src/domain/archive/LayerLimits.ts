/**
 * Limits on the content of a layer. They are generous, since real layers are huge, but below what fills a disk or
 * memory.
 */
export interface LayerLimits {
  readonly entries: number
  /** Bytes of the uncompressed archive, without the holes of sparse files. */
  readonly bytes: number
  /** Ratio of uncompressed to compressed bytes, checked from `RATIO_COUNTS_FROM` uncompressed bytes on. */
  readonly ratio: number
  /** Total bytes of names, link targets, extended attributes and the maps of sparse files. */
  readonly metadata: number
}

export const LIMITS: LayerLimits = { entries: 2_000_000, bytes: 2 ** 38, ratio: 500, metadata: 2 ** 28 }

/** Below this size a decompression bomb does no harm, and small layers full of zeros are common. */
export const RATIO_COUNTS_FROM = 2 ** 31
