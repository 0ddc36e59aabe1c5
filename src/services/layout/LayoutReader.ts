/**
 * Reads image layouts: which there are below a directory, the names in one, and the documents of an image. The
 * generator calls these functions directly, and other programs get them from the service `Layouts`.
 */
import * as Artifacts from "./Artifacts.ts"
import * as ImageResolution from "./ImageResolution.ts"
import * as LayoutSearch from "./LayoutSearch.ts"
import * as LayoutNames from "./Layouts.ts"
import * as Signatures from "./Signatures.ts"

/** The functions return when their work is done. Their results are values, or an `Either`, which is an Effect. */
export interface LayoutReader {
  /** Finds the layouts below a directory. */
  readonly find: typeof LayoutSearch.find
  /** Reads the names in a layout. */
  readonly references: typeof LayoutNames.references
  /** Reads the documents of an image. */
  readonly resolve: typeof ImageResolution.resolve
  /** Reads whether a name in a layout stands for something else than an image, and what that is. */
  readonly artifact: typeof Artifacts.of
  /** Reads everything in a layout that is not an image. */
  readonly artifacts: typeof LayoutNames.artifacts
  /** Reads the signatures of the images in a layout. */
  readonly signatures: typeof Signatures.inLayout
}

/** Reads the layouts of this machine's file system. */
export const ON_DISK: LayoutReader = {
  find: LayoutSearch.find,
  references: LayoutNames.references,
  resolve: ImageResolution.resolve,
  artifact: Artifacts.of,
  artifacts: LayoutNames.artifacts,
  signatures: Signatures.inLayout
}
