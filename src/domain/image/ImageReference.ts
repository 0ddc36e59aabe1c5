/** The names in a layout, and the manifest of each (image-spec image-layout.md, annotations.md). */
import * as Either from "effect/Either"
import { algorithm, short } from "../document/Digest.ts"
import { LATEST } from "../naming/ImageName.ts"
import { type Descriptor, REF_NAME } from "./Descriptor.ts"
import { artifacts, type BrokenEntry, entries, type ImageIndex } from "./ImageIndex.ts"
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

/** Whether an entry is known to be no image. `ref` is its name. Answering takes a look at its manifest. */
export type IsArtifact = (descriptor: Descriptor, ref: string) => boolean

/** An entry of an index, or why it is not a valid descriptor. */
type Entry = Either.Either<Descriptor, BrokenEntry>

/**
 * Returns every name once, in the order of its first appearance. If any image has a name, manifests without one are
 * ignored: skopeo and buildah remove the name from the previous manifest and leave that manifest in the index.
 *
 * A name may turn out to be an artifact's. Artifacts have no influence on the names of images: a layout's only image stays
 * `latest` when a signature joins it. `isArtifact` is asked only where a name depends on the answer.
 */
export const fromIndex = (
  index: ImageIndex,
  isArtifact: IsArtifact
): ReadonlyArray<Either.Either<ImageReference, Unusable>> => {
  const all = entries(index)
  const isImage = (entry: Entry) => Either.isLeft(entry) || !isArtifact(entry.right, nameOf(entry) ?? "")
  const named = all.filter((entry) => nameOf(entry) !== undefined)
  const isUnnamed = (entry: Entry) => nameOf(entry) === undefined
  const unnamed = all.filter(isUnnamed)
  const hasNames = named.length > 0 && (unnamed.length === 0 || named.some(isImage))
  // A malformed entry may have had a name, so it is reported in any case.
  const counting = new Set(
    hasNames ? unnamed.filter(Either.isLeft) : all.length === 1 ? unnamed : unnamed.filter(isImage)
  )
  const isOnly = !hasNames && counting.size === 1
  const byRef = new Map<string, Array<Entry>>()
  for (const entry of all) {
    if (isUnnamed(entry) && !counting.has(entry)) continue
    const ref = nameOf(entry) ?? (isOnly ? LATEST : unnamedRef(entry))
    const same = byRef.get(ref)
    if (same === undefined) byRef.set(ref, [entry])
    else same.push(entry)
  }
  return [...byRef].flatMap(([ref, carriers]): ReadonlyArray<Either.Either<ImageReference, Unusable>> => {
    const broken = carriers.find(Either.isLeft)
    if (broken !== undefined) return [Either.left({ ref, broken: broken.left })]
    const all = distinct(carriers.filter(Either.isRight).map(({ right }) => right))
    const images = isAmbiguous(all) ? all.filter((descriptor) => !isArtifact(descriptor, ref)) : all
    // Without an image among them, the reference stands for artifacts.
    const descriptors = images.length === 0 ? all.slice(0, 1) : images
    if (!isAmbiguous(descriptors)) return [Either.right({ ref, descriptors })]
    // A full name that another entry of the index already has as its reference would be ambiguous again.
    const apart = byImageName(descriptors)
    return apart === undefined || apart.some(({ ref }) => byRef.has(ref))
      ? [Either.left({ ref, ambiguous: descriptors })]
      : apart.map((reference) => Either.right(reference))
  })
}

/** An entry of an index that is no image, by its name in the layout. */
export interface ArtifactReference {
  readonly ref: string
  readonly descriptor: Descriptor
}

/**
 * Returns what an index may list besides images, each entry once. An entry that has no name, or one that others have too, is called
 * by its digest. What of these is an image only their manifests tell.
 */
export const candidatesForArtifacts = (index: ImageIndex): readonly ArtifactReference[] => {
  const read = [
    ...entries(index)
      .filter(Either.isRight)
      .map(({ right }) => right),
    ...artifacts(index)
  ]
  const keyOf = ({ annotations, digest }: Descriptor) => `${digest} ${annotations?.[REF_NAME] ?? ""}`
  const all = [...new Map(read.map((descriptor) => [keyOf(descriptor), descriptor])).values()]
  const carriers = new Map<string, number>()
  for (const { annotations } of all) {
    const name = annotations?.[REF_NAME] ?? ""
    carriers.set(name, (carriers.get(name) ?? 0) + 1)
  }
  return all.map((descriptor) => {
    const name = descriptor.annotations?.[REF_NAME] || undefined
    if (name !== undefined && carriers.get(name) === 1) return { ref: name, descriptor }
    const isOnly = name === undefined && all.length === 1
    return { ref: isOnly ? LATEST : unnamedRef(Either.right(descriptor)), descriptor }
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

const nameOf = (entry: Entry): string | undefined =>
  Either.match(entry, {
    onLeft: ({ ref }) => ref,
    onRight: ({ annotations }) => annotations?.[REF_NAME] || undefined
  })

/** Returns the reference of an unnamed manifest. Where there are several, the digest tells them apart. */
const unnamedRef = (entry: Entry): string =>
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
