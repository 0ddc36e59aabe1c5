/**
 * Decides what is removed from an extracts directory and from volumes, and what is kept although no image needs
 * it.
 */
import type { GarbagePiece, KeptPiece } from "./GarbagePiece.ts"

/** A piece with all facts about it, found before anything is decided. */
export interface ExaminedPiece {
  readonly piece: GarbagePiece
  readonly isNeeded: boolean
  /** The process that uses it. */
  readonly user: string | undefined
  /** Whether it holds data that cannot be made again. */
  readonly isData: boolean
  /** Paths of the pieces with which it is kept: a record is kept as long as a root that it describes. */
  readonly belongsTo: readonly string[]
}

export interface GarbagePlan {
  readonly doomed: readonly GarbagePiece[]
  /**
   * Pieces that no image needs and that are kept for another reason. A piece that is kept with another one is
   * not listed.
   */
  readonly kept: readonly KeptPiece[]
}

/** Makes the plan. With `volumes`, data is removed as well. */
export const plan = (
  pieces: readonly ExaminedPiece[],
  options: { readonly volumes?: boolean | undefined }
): GarbagePlan => {
  const reasonOf = ({ isData, user }: ExaminedPiece): string | undefined => {
    if (user !== undefined) return `in use by ${user}`
    return isData && options.volumes !== true ? DATA : undefined
  }
  const unneeded = pieces.filter(({ isNeeded }) => !isNeeded)
  const kept = unneeded.flatMap((examined): readonly KeptPiece[] => {
    const reason = reasonOf(examined)
    return reason === undefined ? [] : [{ ...examined.piece, reason }]
  })
  const staying = new Set(kept.map(({ path }) => path))
  const doomed = unneeded.flatMap(({ belongsTo, piece }) =>
    staying.has(piece.path) || belongsTo.some((path) => staying.has(path)) ? [] : [piece]
  )
  return { doomed, kept }
}

const DATA = "data that cannot be restored: --volumes removes it"
