/** The images in a layout: the names in its index, or in the form of 2016 its `refs` (image-spec image-layout.md). */
import * as Either from "effect/Either"
import type { Digest } from "../../domain/document/Digest.ts"
import type { Artifact } from "../../domain/image/Artifact.ts"
import { Descriptor } from "../../domain/image/Descriptor.ts"
import { ImageIndex } from "../../domain/image/ImageIndex.ts"
import * as ImageReference from "../../domain/image/ImageReference.ts"
import * as BoundedDirectory from "../files/BoundedDirectory.ts"
import * as fs from "../files/RecordedFiles.ts"
import * as Artifacts from "./Artifacts.ts"
import * as Blobs from "./Blobs.ts"
import type { Deadline } from "./Deadline.ts"
import { type ImageError, ImageRefused, several } from "./ImageResolution.ts"

/** A name in a layout with its manifests, or why they cannot be used. */
export type Reference = ImageReference.ImageReference | { readonly ref: string; readonly error: ImageError }

/** The most names, about as many as fit into an index of the allowed size. */
const MAX_REFS = 10_000

/**
 * Lists the names in a layout. A name with an error does not affect the others. A name may be that of an artifact, which resolving
 * it tells; names of images do not depend on artifacts.
 */
export const references = (
  layout: string,
  budget?: Deadline
): Either.Either<readonly Reference[], ImageError> => {
  const index = `${layout}/index.json`
  if (!fs.existsSync(index)) return fromRefs(layout)
  const allowed = Artifacts.allowance(budget)
  const isArtifact = (descriptor: Descriptor, ref: string) =>
    Artifacts.of(layout, { ref, descriptors: [descriptor] }, allowed) !== undefined
  return Either.map(readIndex(index), (document) =>
    ImageReference.fromIndex(document, isArtifact).map(
      Either.match({
        onLeft: (unusable) => ({ ref: unusable.ref, error: errorOf(index, unusable) }),
        onRight: (reference) => reference
      })
    )
  )
}

/** Something in a layout that is not an image, with its name there. */
export interface FoundArtifact {
  readonly ref: string
  /** The digest of its manifest or index. */
  readonly digest: Digest
  readonly artifact: Artifact
}

/** Lists everything in a layout that is not an image, with names and without. A layout that cannot be read has nothing to list. */
export const artifacts = (layout: string, allowed?: Artifacts.Allowance): readonly FoundArtifact[] =>
  candidatesForArtifacts(layout).flatMap(({ descriptor, ref }): readonly FoundArtifact[] => {
    const artifact = Artifacts.of(layout, { ref, descriptors: [descriptor] }, allowed)
    return artifact === undefined ? [] : [{ ref, digest: descriptor.digest, artifact }]
  })

/** Lists each entry of a layout that may be something else than an image. @internal */
export const candidatesForArtifacts = (layout: string): readonly ImageReference.ArtifactReference[] => {
  const index = `${layout}/index.json`
  const candidates: Either.Either<readonly ImageReference.ArtifactReference[], unknown> = fs.existsSync(index)
    ? Either.map(readIndex(index), ImageReference.candidatesForArtifacts)
    : Either.map(fromRefs(layout), (references) =>
        references.flatMap((reference) =>
          "error" in reference
            ? []
            : reference.descriptors.map((descriptor) => ({ ref: reference.ref, descriptor }))
        )
      )
  return Either.getOrElse(candidates, () => [])
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
