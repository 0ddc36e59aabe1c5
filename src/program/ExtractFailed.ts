/** Why images cannot be extracted. */
import type { LayerMergeError } from "../domain/layer/LayerMerge.ts"
import { CommandError } from "../domain/process/ImageCommand.ts"
import type { UserError } from "../domain/process/ImageUser.ts"
import type { UnknownSignal } from "../domain/process/StopSignal.ts"
import { TaggedError } from "../domain/text/TaggedError.ts"
import type { ExtractsError } from "../services/extracts/ExtractsError.ts"
import type { FactsNotWritten } from "../services/extracts/FactsFile.ts"
import type { FileRefused } from "../services/files/BoundedFile.ts"
import type { DirectoryUnfit } from "../services/files/GivenDirectory.ts"
import type { TemporaryDirectoryError } from "../services/files/TemporaryDirectory.ts"
import type { LayerError } from "../services/layer/LayerError.ts"
import { type ImageError, ImageRefused } from "../services/layout/ImageResolution.ts"
import type { ImageNotMounted } from "../services/root/MountedRoots.ts"
import type { RootWriteError } from "../services/root/RootWriter.ts"

/** Why an image cannot be extracted. */
export type ExtractCause =
  | ImageError
  | CommandError
  | UnknownSignal
  | UserError
  | FileRefused
  | LayerError
  | ListingUnreadable
  | LayerUnmergeable
  | LayerNotStrict
  | RootWriteError
  | ImageNotMounted
  | ExtractsError
  | FactsNotWritten
  | DirectoryUnfit
  | TemporaryDirectoryError

/** A failure, with the image that it belongs to. */
export class ExtractFailed extends TaggedError("ExtractFailed")<{
  readonly image: string
  readonly cause: ExtractCause
}> {
  override get message(): string {
    return `${this.image}: ${this.cause.message}`
  }
}

/** Whether the image is intact, but has no command. */
export const isBase = ({ cause }: ExtractFailed): boolean =>
  cause instanceof CommandError && cause.isBase === true

/** Whether the image is intact, but is for another machine or cannot run on any. */
export const isNotForHere = (failure: ExtractFailed): boolean =>
  (failure.cause instanceof ImageRefused && failure.cause.platforms !== undefined) || isBase(failure)

/** The stored listing of a layer cannot be read back: the disk is damaged, or another program changed it. */
export class ListingUnreadable extends TaggedError("ListingUnreadable")<{
  readonly cause: unknown
}> {
  override get message(): string {
    return `the listing of a layer cannot be read: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

/** A layer with the right digest that cannot be applied. */
export class LayerUnmergeable extends TaggedError("LayerUnmergeable")<{
  readonly layer: string
  readonly cause: LayerMergeError
}> {
  override get message(): string {
    return `layer ${this.layer} cannot be applied: ${this.cause.message}`
  }
}

/** A layer with repeated entries, which strict extraction refuses. */
export class LayerNotStrict extends TaggedError("LayerNotStrict")<{
  readonly notice: string
}> {
  override get message(): string {
    return `${this.notice}, which strict extraction refuses`
  }
}
