/** Finds what a layout holds besides images, by the content of its manifests and indexes. */
import * as Either from "effect/Either"
import type { Digest } from "../../domain/document/Digest.ts"
import * as Artifact from "../../domain/image/Artifact.ts"
import type { Descriptor } from "../../domain/image/Descriptor.ts"
import * as Index from "../../domain/image/ImageIndex.ts"
import { ImageManifest } from "../../domain/image/ImageManifest.ts"
import type { ImageReference } from "../../domain/image/ImageReference.ts"
import * as MediaType from "../../domain/image/MediaType.ts"
import * as Blobs from "./Blobs.ts"
import { type Deadline, UNLIMITED } from "./Deadline.ts"

/**
 * How much may be read to tell artifacts from images. Names in layouts depend on that before any image is read, and a layout that
 * is made to take long must not delay the others.
 */
export interface Allowance {
  /** Manifests and indexes. */
  documents: number
  /** Their bytes, by their descriptors. */
  bytes: number
  readonly budget: Deadline
}

/** Allows as much as a layout full of real artifacts needs: each has a manifest of one or two kilobytes, and signatures are as small. */
export const allowance = (budget: Deadline = UNLIMITED): Allowance => ({
  documents: 1000,
  bytes: 4 * 1024 * 1024,
  budget
})

const unlimited = (): Allowance => ({
  documents: MAX_LOOKED_THROUGH,
  bytes: Number.MAX_SAFE_INTEGER,
  budget: UNLIMITED
})

/** Limits as those for images, see `ImageResolution`. */
const MAX_LOOKED_THROUGH = 1000
const MAX_INDEX_DEPTH = 8

/**
 * Returns what a reference stands for if no image is among its manifests, whatever their platforms. What cannot be read is an
 * artifact if its descriptor or its name says so. In doubt the reference stands for an image, whose problem is then reported.
 */
export const of = (
  layout: string,
  { descriptors, ref }: ImageReference,
  allowed: Allowance = unlimited()
): Artifact.Artifact | undefined => {
  const walk: Walk = { layout, allowed, visited: new Set() }
  const found = walkThrough(walk, descriptors, ref, 0)
  return found === undefined || found.length === 0 ? undefined : found[0]
}

interface Walk {
  readonly layout: string
  readonly allowed: Allowance
  readonly visited: Set<Digest>
}

/** Returns the artifacts; `undefined` as soon as an image is found, or what may be one. */
const walkThrough = (
  walk: Walk,
  descriptors: readonly Descriptor[],
  ref: string,
  depth: number
): readonly Artifact.Artifact[] | undefined => {
  const found: Artifact.Artifact[] = []
  for (const descriptor of descriptors) {
    if (walk.visited.has(descriptor.digest)) continue
    walk.visited.add(descriptor.digest)
    const artifact = ofDescriptor(walk, descriptor, ref, depth)
    if (artifact === undefined) return undefined
    found.push(artifact)
  }
  return found
}

const ofDescriptor = (
  walk: Walk,
  descriptor: Descriptor,
  ref: string,
  depth: number
): Artifact.Artifact | undefined => {
  const { layout } = walk
  const unread = () => Artifact.fromDescriptor(descriptor, ref)
  if (!take(walk.allowed, descriptor)) return unread()
  if (MediaType.isManifest(descriptor.mediaType)) {
    const manifest = Blobs.readJson(layout, "manifest", descriptor, ImageManifest)
    return Either.isLeft(manifest) ? unread() : Artifact.fromManifest(manifest.right, descriptor, ref)
  }
  if (!MediaType.isIndex(descriptor.mediaType) || depth >= MAX_INDEX_DEPTH) return unread()
  const index = Blobs.readJson(layout, "index", descriptor, Index.ImageIndex)
  return Either.isLeft(index) ? unread() : ofIndex(walk, index.right, ref, depth)
}

const ofIndex = (
  walk: Walk,
  index: Index.ImageIndex,
  ref: string,
  depth: number
): Artifact.Artifact | undefined => {
  const entries = Either.all(Index.entries(index))
  if (Either.isLeft(entries)) return undefined
  // What an index of referrers lists belongs to the same image.
  const listed = walkThrough(walk, entries.right, ref, depth + 1)
  if (listed === undefined) return undefined
  const all = [
    ...listed,
    ...Index.artifacts(index).flatMap((descriptor) => Artifact.fromDescriptor(descriptor, ref) ?? [])
  ]
  // An empty index is one of artifacts only by its name. Otherwise it is an index of images, of which there are none.
  return all.length > 0 || Artifact.isReferrersTag(ref) ? Artifact.fromIndex(index, all, ref) : undefined
}

/** Whether another document may be read; if so, it counts as read. @internal */
export const take = (allowed: Allowance, { size }: Pick<Descriptor, "size">): boolean => {
  if (allowed.documents === 0 || allowed.bytes < size || allowed.budget.isSpent()) return false
  allowed.documents--
  allowed.bytes -= size
  return true
}
