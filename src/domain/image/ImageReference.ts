/** The names in a layout, and the manifest of each (image-spec image-layout.md, annotations.md). */
import * as Either from "effect/Either"
import { algorithm, short } from "../document/Digest.ts"
import { LATEST } from "../naming/ImageName.ts"
import { type Descriptor, REF_NAME } from "./Descriptor.ts"
import { type BrokenEntry, entries, type ImageIndex } from "./ImageIndex.ts"
import * as Platform from "./Platform.ts"

/** A name with the manifests or indexes that carry it. There are several only for several platforms. */
export interface ImageReference {
  readonly ref: string
  readonly descriptors: readonly Descriptor[]
}

/** Why a name has no usable manifest. */
export type Unusable =
  | { readonly ref: string; readonly broken: BrokenEntry }
  | { readonly ref: string; readonly ambiguous: readonly Descriptor[] }

/**
 * Returns every name once, in the order of its first appearance. If any manifest has a name, those without one are
 * ignored: skopeo and buildah remove the name from the previous manifest and leave that manifest in the index.
 */
export const fromIndex = (index: ImageIndex): ReadonlyArray<Either.Either<ImageReference, Unusable>> => {
  const all = entries(index)
  const hasNames = all.some((entry) => nameOf(entry) !== undefined)
  // A malformed entry may have had a name, so it is reported in any case.
  const images = hasNames ? all.filter((entry) => nameOf(entry) !== undefined || Either.isLeft(entry)) : all
  const isOnly = !hasNames && images.length === 1
  const byRef = new Map<string, Array<Either.Either<Descriptor, BrokenEntry>>>()
  for (const entry of images) {
    const ref = nameOf(entry) ?? (isOnly ? LATEST : unnamedRef(entry))
    const same = byRef.get(ref)
    if (same === undefined) byRef.set(ref, [entry])
    else same.push(entry)
  }
  return [...byRef].flatMap(([ref, carriers]): ReadonlyArray<Either.Either<ImageReference, Unusable>> => {
    const broken = carriers.find(Either.isLeft)
    if (broken !== undefined) return [Either.left({ ref, broken: broken.left })]
    const descriptors = distinct(carriers.filter(Either.isRight).map(({ right }) => right))
    if (!isAmbiguous(descriptors)) return [Either.right({ ref, descriptors })]
    // A full name that another entry of the index already has as its reference would be ambiguous again.
    const apart = byImageName(descriptors)
    return apart === undefined || apart.some(({ ref }) => byRef.has(ref))
      ? [Either.left({ ref, ambiguous: descriptors })]
      : apart.map((reference) => Either.right(reference))
  })
}

/**
 * The manifests by the full name of their image, `docker.io/library/a:latest`. `docker save` of several images writes one
 * layout, where the reference is the tag alone, which several images may have. `undefined` where the names do not tell the
 * manifests apart.
 */
const byImageName = (descriptors: readonly Descriptor[]): readonly ImageReference[] | undefined => {
  const byName = new Map<string, Descriptor[]>()
  for (const descriptor of descriptors) {
    const name = descriptor.annotations?.[IMAGE_NAME]
    if (!name) return undefined
    byName.set(name, [...(byName.get(name) ?? []), descriptor])
  }
  const references = [...byName].map(([ref, same]) => ({ ref, descriptors: same }))
  return references.some((reference) => isAmbiguous(reference.descriptors)) ? undefined : references
}

/** The annotation of a descriptor in which containerd and `docker save` put an image's name. */
const IMAGE_NAME = "io.containerd.image.name"

const nameOf = (entry: Either.Either<Descriptor, BrokenEntry>): string | undefined =>
  Either.match(entry, {
    onLeft: ({ ref }) => ref,
    onRight: ({ annotations }) => annotations?.[REF_NAME] || undefined
  })

/** Returns the reference of an unnamed manifest. Where there are several, the digest tells them apart. */
const unnamedRef = (entry: Either.Either<Descriptor, BrokenEntry>): string =>
  Either.match(entry, {
    onLeft: ({ position }) => `entry-${position}`,
    onRight: ({ digest }) => `${algorithm(digest)}-${short(digest)}`
  })

/** Removes repetitions, since an index may list one manifest twice. */
const distinct = (descriptors: readonly Descriptor[]): readonly Descriptor[] => {
  const byDigest = new Map<string, Descriptor>()
  for (const descriptor of descriptors) {
    if (!byDigest.has(descriptor.digest)) byDigest.set(descriptor.digest, descriptor)
  }
  return [...byDigest.values()]
}

const isAmbiguous = (descriptors: readonly Descriptor[]): boolean => {
  const platforms = descriptors.map(({ platform }) => {
    const named = Platform.normalise(platform)
    return named === undefined ? "" : Platform.display(named)
  })
  return descriptors.length > 1 && (platforms.includes("") || new Set(platforms).size < platforms.length)
}
