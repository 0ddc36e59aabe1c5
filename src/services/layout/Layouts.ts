/** The images in a layout: the names in its index, or in the form of 2016 its `refs` (image-spec image-layout.md). */
import * as fs from "node:fs"
import * as Either from "effect/Either"
import { Descriptor } from "../../domain/image/Descriptor.ts"
import { ImageIndex } from "../../domain/image/ImageIndex.ts"
import * as ImageReference from "../../domain/image/ImageReference.ts"
import * as Blobs from "./Blobs.ts"
import * as BoundedDirectory from "../files/BoundedDirectory.ts"
import { type ImageError, ImageRefused, several } from "./ImageResolution.ts"

/** A name in a layout: what it stands for, or why that cannot be used. */
export type Reference = ImageReference.ImageReference | { readonly ref: string; readonly error: ImageError }

/** About as many as an index of the size that is allowed can have. */
const MAX_REFS = 10_000

/** The names in a layout; each on its own, so that one that is wrong does not take the others along. */
export const references = (layout: string): Either.Either<readonly Reference[], ImageError> => {
  const index = `${layout}/index.json`
  return fs.existsSync(index)
    ? Either.map(readIndex(index), (document) =>
        ImageReference.fromIndex(document).map(
          Either.match({
            onLeft: (unusable) => ({ ref: unusable.ref, error: errorOf(index, unusable) }),
            onRight: (reference) => reference
          })
        )
      )
    : fromRefs(layout)
}

/** Copying tools write an index in place, so what was begun at this moment may be half of one: it is read again. */
const readIndex = (path: string) => {
  let index = Blobs.readDocument(path, "index", ImageIndex)
  for (let again = 0; again < READ_AGAIN && Either.isLeft(index) && isNew(path); again++) {
    // The generator has no event loop to go back to.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE)
    index = Blobs.readDocument(path, "index", ImageIndex)
  }
  return index
}

/** To write it takes microseconds; that there are layouts which are always broken must not cost much. */
const READ_AGAIN = 3
const PAUSE = 10
const NEW = 1000

const isNew = (path: string): boolean =>
  Math.abs(Date.now() - (fs.statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0)) < NEW

const errorOf = (index: string, unusable: ImageReference.Unusable): ImageError => {
  if ("broken" in unusable) return Blobs.brokenEntry(index, unusable.broken)
  const digests = unusable.ambiguous.map(({ digest }) => digest)
  return new ImageRefused({ reason: `the name stands for several manifests: ${several(digests)}` })
}

/** The form of 2016: a file for each name, holding the descriptor. */
const fromRefs = (layout: string): Either.Either<readonly Reference[], ImageError> => {
  const listing = BoundedDirectory.list(`${layout}/refs`, MAX_REFS)
  if (Either.isLeft(listing)) {
    const { code, reason } = listing.left
    const said = `${layout}/index.json ${code === "ENOENT" ? "is missing" : reason}`
    return Either.left(new ImageRefused({ reason: said, ...(code === undefined ? {} : { code }) }))
  }
  const { entries, isCut } = listing.right
  if (isCut) return refused(`${layout}/refs has more than ${MAX_REFS} entries`)
  // Names that are not UTF-8 look alike once they are read.
  const refs = new Set(entries.map(({ name }) => name).sort())
  return Either.right([...refs].map((ref) => fromRef(layout, ref)))
}

const refused = (reason: string) => Either.left(new ImageRefused({ reason }))

const fromRef = (layout: string, ref: string): Reference => {
  if (ref.includes("\ufffd")) {
    return { ref, error: new ImageRefused({ reason: `${layout}/refs has a name that is not UTF-8` }) }
  }
  return Either.match(Blobs.readDocument(`${layout}/refs/${ref}`, "reference", Descriptor), {
    onRight: (descriptor): Reference => ({ ref, descriptors: [descriptor] }),
    onLeft: (error): Reference => ({ ref, error })
  })
}
