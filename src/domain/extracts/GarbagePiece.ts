/** What lies in an extracts directory, or beside it, and is removed, or stays, by itself. */

/** In the extracts directory, of images. */
export type ExtractsKind = "root" | "layer" | "record" | "config" | "facts" | "name" | "scratch" | "template"

/** And the volumes of an image, and what a process that died left. */
export type GarbageKind = ExtractsKind | "volumes" | "leftover"

export interface ExtractsPiece {
  readonly kind: ExtractsKind
  /** Below the extracts directory. */
  readonly path: string
  /** What a name's link leads to, below the extracts directory; of a link that leads elsewhere, nothing. */
  readonly target?: string
}

/** What no image needs. */
export interface GarbagePiece {
  readonly kind: GarbageKind
  /** Absolute. */
  readonly path: string
  /** Of a root: the images that had it last. */
  readonly images?: readonly string[]
}

/** And is left all the same. */
export interface KeptPiece extends GarbagePiece {
  readonly reason: string
}
