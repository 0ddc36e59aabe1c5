/** Lists what services have written to their roots. */
import type { CatalogImage } from "../program/Catalog.ts"
import type { DiffOptions } from "../program/RootDiff.ts"
import { task } from "./Task.ts"

export type { Change, RootChange } from "../domain/verify/RootChange.ts"
export type { Diffed, DiffOptions, RootNotCompared } from "../program/RootDiff.ts"

/**
 * Lists the changes of a root to that of its image: of the image that runs, even if the layout has another one by now, or
 * else of the one that the next start runs. Volumes and all else that is mounted in the root are no part of it. Only root
 * can do this.
 */
export const diff = (image: CatalogImage, options: DiffOptions) =>
  task(
    () => import("../program/RootDiff.ts"),
    ({ diff }) => diff(image, options)
  )
