/**
 * Limits on the cost of an image's tree. A name of 4096 bytes can create 2,000 directories, and symlinks can lead
 * long ways round.
 */
export interface MergeLimits {
  /** How many names the tree may have had, those that were replaced or removed included. */
  readonly nodes: number
  /** How many names may be looked up, through all symlinks. This bounds the time. */
  readonly lookups: number
}

/** The limits that apply by default. */
export const LIMITS: MergeLimits = { nodes: 2_000_000, lookups: 200_000_000 }
