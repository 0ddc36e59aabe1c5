/** Lists what services have written to their roots, as effects. */
export type { Mount } from "../domain/machine/MountInfo.ts"
export type { Change, RootChange } from "../domain/verify/RootChange.ts"
export * from "../program/RootDiff.ts"
