/** Removes the files of a layout, and nothing else that is in its directory. */
import * as fs from "node:fs"
import { dirname } from "node:path"
import * as Effect from "effect/Effect"
import * as SystemCall from "../files/SystemCall.ts"
import * as TreeRemoval from "../files/TreeRemoval.ts"

/**
 * Removes the layout at `path`: a link to a layout, or the files of one. Directories that are empty then are removed too,
 * up to `top`, which stays. `index.json` goes first, so that what an interruption leaves is not taken for an image.
 */
export const remove = <E>(
  path: string,
  top: string,
  failed: (cause: unknown) => E
): Effect.Effect<void, E> => {
  const attempt = (body: () => void) => SystemCall.attempt(body, failed)
  return Effect.gen(function* () {
    if (fs.lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true) {
      yield* attempt(() => fs.unlinkSync(path))
    } else {
      for (const name of FILES) yield* TreeRemoval.remove(`${path}/${name}`, failed)
      yield* attempt(() => removeEmpty(path))
    }
    yield* attempt(() => {
      for (let at = dirname(path); at !== top && at.startsWith(`${top}/`); at = dirname(at)) removeEmpty(at)
    })
  })
}

/** Removes a directory if it is empty. */
const removeEmpty = (path: string): void => {
  try {
    fs.rmdirSync(path)
  } catch (cause) {
    const { code = "" } = cause as NodeJS.ErrnoException
    if (!STAYS.has(code)) throw cause
  }
}

/**
 * The files of a layout in the order of their removal (image-spec image-layout.md; `refs` is from the form of 2016).
 */
const FILES = ["index.json", "refs", "oci-layout", "blobs"]
const STAYS: ReadonlySet<string> = new Set(["ENOTEMPTY", "EEXIST", "EBUSY", "ENOENT"])
