/** A piece of an extracts directory or of the volumes, which is removed or kept as a whole. */

/** Pieces in the extracts directory that belong to images. */
export type ExtractsKind =
  | "root"
  | "image"
  | "layer"
  | "listing"
  | "record"
  | "config"
  | "facts"
  | "name"
  | "scratch"
  | "template"

/** All kinds: also an image's volumes, and leftovers of dead processes. */
export type GarbageKind = ExtractsKind | "volumes" | "leftover"

export interface ExtractsPiece {
  readonly kind: ExtractsKind
  /** The path below the extracts directory. */
  readonly path: string
  /** The target of a name's link, below the extracts directory; absent if the link leads elsewhere. */
  readonly target?: string
}

/** A piece that no image needs. */
export interface GarbagePiece {
  readonly kind: GarbageKind
  /** An absolute path. */
  readonly path: string
  /** The images that used a root last. */
  readonly images?: readonly string[]
}

/** A piece that is kept although no image needs it. */
export interface KeptPiece extends GarbagePiece {
  readonly reason: string
}
