/** Finds the image that a reference means on this machine: through indexes, manifest and configuration. */
import * as Either from "effect/Either"
import type { Digest } from "../../domain/document/Digest.ts"
import * as Artifact from "../../domain/image/Artifact.ts"
import * as ChainId from "../../domain/image/ChainId.ts"
import type { Descriptor } from "../../domain/image/Descriptor.ts"
import { ImageConfig } from "../../domain/image/ImageConfig.ts"
import * as Index from "../../domain/image/ImageIndex.ts"
import { ImageManifest } from "../../domain/image/ImageManifest.ts"
import type { ImageReference } from "../../domain/image/ImageReference.ts"
import * as MediaType from "../../domain/image/MediaType.ts"
import * as Platform from "../../domain/image/Platform.ts"
import type { ResolvedImage } from "../../domain/image/ResolvedImage.ts"
import { TaggedError } from "../../domain/text/TaggedError.ts"
import * as fs from "../files/RecordedFiles.ts"
import * as Artifacts from "./Artifacts.ts"
import * as Blobs from "./Blobs.ts"
import { type Deadline, spent, UNLIMITED } from "./Deadline.ts"
import type { ImageUnsigned, KeyRefused } from "./SignatureCheck.ts"

/** Why an image cannot be used, if no single file is at fault. */
export class ImageRefused extends TaggedError("ImageRefused")<{
  readonly reason: string
  /** The system's error name, such as `EACCES`, if a system call failed. */
  readonly code?: string
  /** The platforms of the image, if the only problem is that this machine is not among them. */
  readonly platforms?: readonly Platform.PlatformName[]
  /** What the reference stands for, if that is no image. */
  readonly artifact?: Artifact.Artifact
}> {
  override get message(): string {
    return this.reason
  }
}

const refused = (reason: string) => Either.left(new ImageRefused({ reason }))

/** Why an image cannot be used. */
export type ImageError = Blobs.DocumentRefused | ImageRefused | KeyRefused | ImageUnsigned

/** The deepest nesting of indexes. image-spec sets no limit; real ones are one or two deep. */
const MAX_INDEX_DEPTH = 8
/** How many manifests and indexes are read until one fits. Real images have one for each platform. */
const MAX_LOOKED_THROUGH = 1000

/** Resolves a reference to the image for this machine. */
export const resolve = (
  layout: string,
  reference: ImageReference,
  host: Platform.HostPlatform,
  budget: Deadline = UNLIMITED
): Either.Either<ResolvedImage, ImageError> => {
  const search: Search = { layout, host, budget, visited: new Set(), offered: new Map() }
  const found = first(search, reference.descriptors, undefined, 0)
  if (Either.isRight(found) && found.right !== undefined) return Either.right(found.right)
  const artifact = budget.isSpent() ? undefined : Artifacts.of(layout, reference)
  if (artifact !== undefined) return Either.left(notAnImage(reference, artifact))
  if (Either.isLeft(found)) return Either.left(found.left)
  const offered = [...search.offered.keys()]
  const machine = `${host.os}/${host.architecture}`
  if (offered.length === 0) return refused(`the index lists no manifests`)
  const reason =
    offered.length === 1
      ? host.isWanted === true
        ? `the image is for ${offered[0]}, and ${machine} is wanted`
        : `the image is for ${offered[0]}, and this machine is ${machine}`
      : `the index has no image for ${machine}, only for ${several(offered)}`
  return Either.left(new ImageRefused({ reason, platforms: [...search.offered.values()] }))
}

const notAnImage = ({ descriptors }: ImageReference, artifact: Artifact.Artifact): ImageRefused => {
  const [descriptor] = descriptors
  const isIndex = descriptor !== undefined && MediaType.isIndex(descriptor.mediaType)
  return new ImageRefused({
    reason: `the ${isIndex ? "index" : "manifest"} ${descriptor?.digest} is ${Artifact.describe(artifact)}, not an image`,
    artifact
  })
}

interface Search {
  readonly layout: string
  readonly host: Platform.HostPlatform
  readonly budget: Deadline
  /** The digests already read. One that is listed a thousand times is read once, and a cycle ends. */
  readonly visited: Set<Digest>
  /** The platforms found instead, by their printed names. */
  readonly offered: Map<string, Platform.PlatformName>
}

/**
 * Returns the first image that this machine runs, in the order of the list and through nested indexes. `described` is
 * the platform that the descriptor of a nested index names, and applies to manifests in it that name none.
 */
const first = (
  search: Search,
  descriptors: readonly Descriptor[],
  described: Platform.SaidPlatform | undefined,
  depth: number
): Either.Either<ResolvedImage | undefined, ImageError> => {
  const { host, layout, visited } = search
  for (const descriptor of descriptors) {
    const platform = Platform.normalise(descriptor.platform)
    if (platform !== undefined && !Platform.runs(host, platform)) offer(search, platform)
  }
  for (const descriptor of Platform.candidates(host, descriptors)) {
    if (visited.has(descriptor.digest)) continue
    visited.add(descriptor.digest)
    if (search.budget.isSpent()) return refused(`the image ${spent(search.budget)}`)
    if (visited.size > MAX_LOOKED_THROUGH) {
      return refused(
        `none of the first ${MAX_LOOKED_THROUGH} manifests and indexes is for ${host.isWanted === true ? `${host.os}/${host.architecture}` : "this machine"}`
      )
    }
    if (MediaType.isManifest(descriptor.mediaType)) {
      const image = fromManifest(search, descriptor, said(descriptor) ?? described)
      if (Either.isLeft(image)) return image
      // An index may list signatures beside images.
      if (image.right === undefined) continue
      if (Platform.runs(host, image.right.platform)) return image
      offer(search, image.right.platform)
      continue
    }
    if (!MediaType.isIndex(descriptor.mediaType)) {
      return refused(
        `${descriptor.digest} is of type ${JSON.stringify(descriptor.mediaType)}: neither a manifest nor an index`
      )
    }
    if (depth >= MAX_INDEX_DEPTH) {
      return refused(`the index ${descriptor.digest} is nested more than ${MAX_INDEX_DEPTH} levels deep`)
    }
    const listed = inIndex(layout, descriptor)
    if (Either.isLeft(listed)) return Either.left(listed.left)
    const found = first(search, listed.right, said(descriptor) ?? described, depth + 1)
    if (Either.isLeft(found)) return found
    if (found.right !== undefined) return Either.right({ ...found.right, namedDigest: descriptor.digest })
  }
  return Either.right(undefined)
}

const said = ({ platform }: Descriptor): Platform.PlatformName | undefined => Platform.normalise(platform)

const offer = ({ offered }: Search, platform: Platform.PlatformName): void => {
  offered.set(Platform.display(platform), platform)
}

/** Joins names, up to a readable number. */
export const several = (names: readonly string[]): string =>
  names.length <= MAX_NAMED
    ? names.join(", ")
    : `${names.slice(0, MAX_NAMED).join(", ")} and ${names.length - MAX_NAMED} more`

const MAX_NAMED = 12

/**
 * Lists a nested index. Its entries have no names, so a malformed one could be the image that is meant, and is an
 * error.
 */
const inIndex = (layout: string, descriptor: Descriptor): Either.Either<readonly Descriptor[], ImageError> =>
  Either.gen(function* () {
    const index = yield* Blobs.readJson(layout, "index", descriptor, Index.ImageIndex)
    return yield* Either.mapLeft(Either.all(Index.entries(index)), (broken) =>
      Blobs.brokenEntry(Blobs.path(layout, descriptor.digest), broken)
    )
  })

/** Returns the image of a manifest; `undefined` if the manifest is that of an artifact. */
const fromManifest = (
  { layout, host }: Search,
  descriptor: Descriptor,
  described: Platform.SaidPlatform | undefined
): Either.Either<ResolvedImage | undefined, ImageError> => {
  const read = Blobs.readJson(layout, "manifest", descriptor, ImageManifest)
  if (Either.isLeft(read)) return Either.left(read.left)
  const manifest = read.right
  if (Artifact.fromManifest(manifest) !== undefined) return Either.right(undefined)
  const refuse = (reason: string) => refused(`the manifest ${descriptor.digest} ${reason}`)
  for (const { data, digest, mediaType, urls } of manifest.layers) {
    const problem = MediaType.layerProblem(mediaType)
    if (problem !== undefined) return refuse(`has the layer ${digest} ${problem}`)
    if (data === undefined && MediaType.isForeign(mediaType) && !fs.existsSync(Blobs.path(layout, digest))) {
      const from = urls === undefined || urls.length === 0 ? "" : ` (the descriptor names ${urls.join(", ")})`
      return refuse(
        `has the layer ${digest}, which is not distributed with images and is missing here; nothing is fetched${from}`
      )
    }
  }
  const config = Blobs.readJson(layout, "image configuration", manifest.config, ImageConfig)
  if (Either.isLeft(config)) return Either.left(config.left)
  const diffIds = config.right.rootfs.diff_ids
  if (diffIds.length !== manifest.layers.length) {
    return refuse(
      `has ${manifest.layers.length} layers, but its configuration has ${diffIds.length} diff ids`
    )
  }
  const { platform, note } = Platform.decide(host, described, config.right)
  return Either.right({
    namedDigest: descriptor.digest,
    manifestDigest: descriptor.digest,
    manifest,
    configDescriptor: manifest.config,
    config: config.right,
    platform,
    notes: note === undefined ? [] : [note],
    chainId: ChainId.fromDiffIds(diffIds, Blobs.sha256)
  })
}
