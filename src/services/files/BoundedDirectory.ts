/** Reading directories that strangers fill: never more of one than is asked for, however much is in it. */
import * as fs from "node:fs"
import * as Either from "effect/Either"
import * as BoundedFile from "./BoundedFile.ts"

export interface Listing {
  /** In no order. */
  readonly entries: readonly fs.Dirent[]
  /** Whether there are more than these. */
  readonly isCut: boolean
}

/** At most `most` of what is in a directory. A link to one is followed. */
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
