/** From a reference to the image that it means on this machine: through indexes, manifest and configuration. */
import * as fs from "node:fs"
import * as Either from "effect/Either"
import * as ChainId from "../../domain/image/ChainId.ts"
import type { Descriptor, Platform as PlatformOf } from "../../domain/image/Descriptor.ts"
import type { Digest } from "../../domain/document/Digest.ts"
import { ImageConfig } from "../../domain/image/ImageConfig.ts"
import * as Index from "../../domain/image/ImageIndex.ts"
import { ImageManifest } from "../../domain/image/ImageManifest.ts"
import type { ImageReference } from "../../domain/image/ImageReference.ts"
import * as MediaType from "../../domain/image/MediaType.ts"
import * as Platform from "../../domain/image/Platform.ts"
import type { ResolvedImage } from "../../domain/image/ResolvedImage.ts"
import { TaggedError } from "../../domain/text/TaggedError.ts"
import * as Blobs from "./Blobs.ts"
import { type Budget, spent, UNLIMITED } from "../Budget.ts"

/** Why an image cannot be used, where no single file is at fault. */
export class ImageRefused extends TaggedError("ImageRefused")<{
  readonly reason: string
  /** The system's error name, `EACCES`, where it was a system call that failed. */
  readonly code?: string
  /** Those that are there instead of this machine's, where that is all that is wrong. */
  readonly platforms?: readonly PlatformName[]
}> {
  override get message(): string {
    return this.reason
  }
}

type PlatformName = Pick<PlatformOf, "architecture" | "os" | "variant">

const refused = (reason: string) => Either.left(new ImageRefused({ reason }))

/** Why an image cannot be used. */
export type ImageError = Blobs.DocumentRefused | ImageRefused

/** image-spec sets no limit; real nesting is one or two. */
const MAX_INDEX_DEPTH = 8
/** Manifests and indexes, until one fits: as many as there are platforms are to be expected. */
const MAX_LOOKED_THROUGH = 1000

/** The image that a reference means on this machine. */
export const resolve = (
  layout: string,
  reference: ImageReference,
  host: Platform.HostPlatform,
  budget: Budget = UNLIMITED
): Either.Either<ResolvedImage, ImageError> => {
  const search: Search = { layout, host, budget, visited: new Set(), offered: new Map() }
  const found = first(search, reference.descriptors, 0)
  if (Either.isLeft(found)) return Either.left(found.left)
  if (found.right !== undefined) return Either.right(found.right)
  const offered = [...search.offered.keys()]
  const machine = `${host.os}/${host.architecture}`
  if (offered.length === 0) return refused(`nothing for ${machine} among no manifests`)
  const reason =
    offered.length === 1
      ? `the image is for ${offered[0]}, and this machine is ${machine}`
      : `nothing for ${machine} among ${several(offered)}`
  return Either.left(new ImageRefused({ reason, platforms: [...search.offered.values()] }))
}

interface Search {
  readonly layout: string
  readonly host: Platform.HostPlatform
  readonly budget: Budget
  /** What was looked through: what is listed a thousand times is read once, and a cycle ends. */
  readonly visited: Set<Digest>
  /** The platforms that were there instead, by what people call them. */
  readonly offered: Map<string, PlatformName>
}

/** The first that this machine runs, in the order of the list and through nested indexes. */
const first = (
  search: Search,
  descriptors: readonly Descriptor[],
  depth: number
): Either.Either<ResolvedImage | undefined, ImageError> => {
  const { host, layout, visited } = search
  for (const { platform } of descriptors) {
    if (platform !== undefined && !Platform.runs(host, platform)) offer(search, platform)
  }
  for (const descriptor of Platform.candidates(host, descriptors)) {
    if (visited.has(descriptor.digest)) continue
    visited.add(descriptor.digest)
    if (search.budget.isSpent()) return refused(`the image ${spent(search.budget)}`)
    if (visited.size > MAX_LOOKED_THROUGH) {
      return refused(`none of the first ${MAX_LOOKED_THROUGH} manifests and indexes is for this machine`)
    }
    if (MediaType.isManifest(descriptor.mediaType)) {
      const image = fromManifest(layout, descriptor)
      if (Either.isLeft(image) || Platform.runs(host, image.right.config)) return image
      offer(search, image.right.config)
      continue
    }
    if (!MediaType.isIndex(descriptor.mediaType)) {
      return refused(
        `${descriptor.digest} is of type ${JSON.stringify(descriptor.mediaType)}: neither a manifest nor an index`
      )
    }
    if (depth >= MAX_INDEX_DEPTH) {
      return refused(`the index ${descriptor.digest} is nested more than ${MAX_INDEX_DEPTH} deep`)
    }
    const listed = inIndex(layout, descriptor)
    if (Either.isLeft(listed)) return Either.left(listed.left)
    const found = first(search, listed.right, depth + 1)
    if (Either.isLeft(found) || found.right !== undefined) return found
  }
  return Either.right(undefined)
}

const offer = ({ offered }: Search, { architecture, os, variant }: PlatformName): void => {
  const platform = { architecture, os, ...(variant === undefined ? {} : { variant }) }
  offered.set(Platform.display(platform), platform)
}

/** As many of them as anybody reads. */
export const several = (names: readonly string[]): string =>
  names.length <= MAX_NAMED
    ? names.join(", ")
    : `${names.slice(0, MAX_NAMED).join(", ")} and ${names.length - MAX_NAMED} more`

const MAX_NAMED = 12

/** What a nested index lists. It has no names: a broken entry could be the one that is meant, and breaks it all. */
const inIndex = (layout: string, descriptor: Descriptor): Either.Either<readonly Descriptor[], ImageError> =>
  Either.gen(function* () {
    const index = yield* Blobs.readJson(layout, "index", descriptor, Index.ImageIndex)
    return yield* Either.mapLeft(Either.all(Index.entries(index)), (broken) =>
      Blobs.brokenEntry(Blobs.path(layout, descriptor.digest), broken)
    )
  })

const fromManifest = (layout: string, descriptor: Descriptor): Either.Either<ResolvedImage, ImageError> => {
  const read = Blobs.readJson(layout, "manifest", descriptor, ImageManifest)
  if (Either.isLeft(read)) return Either.left(read.left)
  const manifest = read.right
  const refuse = (reason: string) => refused(`the manifest ${descriptor.digest} ${reason}`)
  if (!MediaType.isConfig(manifest.config.mediaType)) {
    return refuse(`is not an image: its configuration is ${JSON.stringify(manifest.config.mediaType)}`)
  }
  for (const { data, digest, mediaType, urls } of manifest.layers) {
    const problem = MediaType.layerProblem(mediaType)
    if (problem !== undefined) return refuse(`has the layer ${digest} ${problem}`)
    if (data === undefined && MediaType.isForeign(mediaType) && !fs.existsSync(Blobs.path(layout, digest))) {
      const from = urls === undefined || urls.length === 0 ? "" : ` (it is said to be at ${urls.join(", ")})`
      return refuse(
        `has the layer ${digest}, which is not distributed with images and is missing here; nothing is fetched${from}`
      )
    }
  }
  const config = Blobs.readJson(layout, "image configuration", manifest.config, ImageConfig)
  if (Either.isLeft(config)) return Either.left(config.left)
  const diffIds = config.right.rootfs.diff_ids
  if (diffIds.length !== manifest.layers.length) {
    return refuse(`has ${manifest.layers.length} layers, and its configuration ${diffIds.length} diff ids`)
  }
  return Either.right({
    manifestDigest: descriptor.digest,
    manifest,
    configDescriptor: manifest.config,
    config: config.right,
    chainId: ChainId.fromDiffIds(diffIds, Blobs.sha256)
  })
}
