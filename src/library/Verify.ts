/** Verifies images, and roots made from them. */
import type { CatalogImage } from "../program/Catalog.ts"
import type { VerifyOptions } from "../program/Verify.ts"
import { task } from "./Task.ts"

export * from "../program/NotIntact.ts"
export type { VerifyOptions } from "../program/Verify.ts"

/**
 * Verifies one image after another; a faulty image does not stop the others. A blob that images of a layout share is
 * read once.
 */
export const verify = (images: ReadonlyArray<CatalogImage>, options?: VerifyOptions) =>
  task(
    () => import("../program/Verify.ts"),
    ({ verify }) => verify(images, options)
  )
