/** The names in a layout, and what each stands for (image-spec image-layout.md, annotations.md). */
import * as Either from "effect/Either"
import { type Descriptor, REF_NAME } from "./Descriptor.ts"
import { algorithm, short } from "../document/Digest.ts"
import { type BrokenEntry, entries, type ImageIndex } from "./ImageIndex.ts"
import { LATEST } from "../naming/ImageName.ts"
import * as Platform from "./Platform.ts"

/** A name, with the manifests or indexes that carry it: several only for several platforms. */
export interface ImageReference {
  readonly ref: string
  readonly descriptors: readonly Descriptor[]
}

/** Why a name stands for nothing that could be used. */
export type Unusable =
  | { readonly ref: string; readonly broken: BrokenEntry }
  | { readonly ref: string; readonly ambiguous: readonly Descriptor[] }

/**
 * Every name once, in the order in which the index has them first. Where one has a name, those without are none of the layout's
 * images: skopeo and buildah take the name off the manifest that had it, and leave that in the index.
 */
export const fromIndex = (index: ImageIndex): ReadonlyArray<Either.Either<ImageReference, Unusable>> => {
  const all = entries(index)
  const hasNames = all.some((entry) => nameOf(entry) !== undefined)
  // One that is broken may have had a name, and is told.
  const images = hasNames ? all.filter((entry) => nameOf(entry) !== undefined || Either.isLeft(entry)) : all
  const isOnly = !hasNames && images.length === 1
  const byRef = new Map<string, Array<Either.Either<Descriptor, BrokenEntry>>>()
  for (const entry of images) {
    const ref = nameOf(entry) ?? (isOnly ? LATEST : unnamedRef(entry))
    const same = byRef.get(ref)
    if (same === undefined) byRef.set(ref, [entry])
    else same.push(entry)
  }
  return [...byRef].map(([ref, carriers]) => {
    const broken = carriers.find(Either.isLeft)
    if (broken !== undefined) return Either.left({ ref, broken: broken.left })
    const descriptors = distinct(carriers.filter(Either.isRight).map(({ right }) => right))
    return isAmbiguous(descriptors)
      ? Either.left({ ref, ambiguous: descriptors })
      : Either.right({ ref, descriptors })
  })
}

const nameOf = (entry: Either.Either<Descriptor, BrokenEntry>): string | undefined =>
  Either.match(entry, {
    onLeft: ({ ref }) => ref,
    onRight: ({ annotations }) => annotations?.[REF_NAME] || undefined
  })

/** Several without a name are told apart by their digests. */
const unnamedRef = (entry: Either.Either<Descriptor, BrokenEntry>): string =>
  Either.match(entry, {
    onLeft: ({ position }) => `entry-${position}`,
    onRight: ({ digest }) => `${algorithm(digest)}-${short(digest)}`
  })

/** An index may list one manifest twice. */
const distinct = (descriptors: readonly Descriptor[]): readonly Descriptor[] => {
  const byDigest = new Map<string, Descriptor>()
  for (const descriptor of descriptors) {
    if (!byDigest.has(descriptor.digest)) byDigest.set(descriptor.digest, descriptor)
  }
  return [...byDigest.values()]
}

const isAmbiguous = (descriptors: readonly Descriptor[]): boolean => {
  const platforms = descriptors.map(({ platform }) =>
    platform === undefined ? "" : Platform.display(platform)
  )
  return descriptors.length > 1 && (platforms.includes("") || new Set(platforms).size < platforms.length)
}
