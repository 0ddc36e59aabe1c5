/** The images in a layout: the names in its index, or in the form of 2016 its `refs` (image-spec image-layout.md). */
import * as Either from "effect/Either"
import { Descriptor } from "../../domain/image/Descriptor.ts"
import { ImageIndex } from "../../domain/image/ImageIndex.ts"
import * as ImageReference from "../../domain/image/ImageReference.ts"
import * as BoundedDirectory from "../files/BoundedDirectory.ts"
import * as fs from "../files/RecordedFiles.ts"
import * as Blobs from "./Blobs.ts"
import { type ImageError, ImageRefused, several } from "./ImageResolution.ts"

/** A name in a layout with its manifests, or why they cannot be used. */
export type Reference = ImageReference.ImageReference | { readonly ref: string; readonly error: ImageError }

/** The most names, about as many as fit into an index of the allowed size. */
const MAX_REFS = 10_000

/** Lists the names in a layout. A name with an error does not affect the others. */
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

/** Reads the index. Tools write it in place, so a malformed one may be half written, and is read again. */
const readIndex = (path: string) => {
  let index = Blobs.readDocument(path, "index", ImageIndex)
  for (let again = 0; again < READ_AGAIN && Either.isLeft(index) && isNew(path); again++) {
    // The generator has no event loop to return to.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE)
    index = Blobs.readDocument(path, "index", ImageIndex)
  }
  return index
}

/**
 * How often an index is read. Writing takes microseconds, and layouts that are always malformed must not take long.
 */
const READ_AGAIN = 3
const PAUSE = 10
const NEW = 1000

const isNew = (path: string): boolean =>
  Math.abs(Date.now() - (fs.statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0)) < NEW

const errorOf = (index: string, unusable: ImageReference.Unusable): ImageError => {
  if ("broken" in unusable) return Blobs.brokenEntry(index, unusable.broken)
  const digests = unusable.ambiguous.map(({ digest }) => digest)
  return new ImageRefused({ reason: `several manifests have this name: ${several(digests)}` })
}

/** Lists the names in the format of 2016: one file for each name, which holds the descriptor. */
const fromRefs = (layout: string): Either.Either<readonly Reference[], ImageError> => {
  const listing = BoundedDirectory.list(`${layout}/refs`, MAX_REFS)
  if (Either.isLeft(listing)) {
    const { code, reason } = listing.left
    const said = `${layout}/index.json ${code === "ENOENT" ? "is missing" : reason}`
    return Either.left(new ImageRefused({ reason: said, ...(code === undefined ? {} : { code }) }))
  }
  const { entries, isCut } = listing.right
  if (isCut) return refused(`${layout}/refs has more than ${MAX_REFS} entries`)
  // Names that are not UTF-8 may look the same when they are read.
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
