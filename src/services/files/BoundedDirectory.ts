/**
 * Lists directories that other people fill. However many entries there are, no more are read than the caller allows.
 */
import * as Either from "effect/Either"
import * as BoundedFile from "./BoundedFile.ts"
import * as fs from "./RecordedFiles.ts"

export interface Listing {
  /** Entries in no particular order. */
  readonly entries: readonly fs.Dirent[]
  /** Whether there are more entries than these. */
  readonly isCut: boolean
}

/** Lists at most `most` entries of a directory. A link to a directory is followed. */
export const list = (path: string, most: number): Either.Either<Listing, BoundedFile.FileRefused> => {
  let directory: fs.Dir | undefined
  try {
    directory = fs.opendirSync(path, { bufferSize: AT_ONCE })
    const entries: fs.Dirent[] = []
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
      if (entries.length >= most) return Either.right({ entries, isCut: true })
      entries.push(entry)
    }
    return Either.right({ entries, isCut: false })
  } catch (cause) {
    return Either.left(BoundedFile.refusal(path, cause))
  } finally {
    directory?.closeSync()
  }
}

const AT_ONCE = 1024
