/**
 * The chain id (image-spec config.md, "Layer ChainID"), which names the result of applying layers on top of each
 * other.
 *
 *     ChainID(L₀)        = DiffID(L₀)
 *     ChainID(L₀|…|Lₙ)   = SHA256(ChainID(L₀|…|Lₙ₋₁) + " " + DiffID(Lₙ))
 */
import type * as Arr from "effect/Array"
import type { Digest, Sha256 } from "../document/Digest.ts"

/** Computes the chain id from the layers' diff ids, the lowest layer first. */
export const fromDiffIds = (diffIds: Arr.NonEmptyReadonlyArray<Digest>, sha256: Sha256): Digest => {
  const [lowest, ...upper] = diffIds
  return upper.reduce((chain, diffId) => `sha256:${sha256(`${chain} ${diffId}`)}` as Digest, lowest)
}
