/** What the tree that an image's layers become may cost. Names of 4096 bytes can ask for 2,000 directories each, and symlinks for long ways round. */
export interface MergeLimits {
  /** Names in the tree, those that were replaced or removed again included. */
  readonly nodes: number
  /** Names looked up, through all symlinks: what bounds the time. */
  readonly lookups: number
}

/** What is allowed unless the caller says otherwise. */
export const LIMITS: MergeLimits = { nodes: 2_000_000, lookups: 200_000_000 }
