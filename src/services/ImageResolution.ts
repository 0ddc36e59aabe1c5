/** From a reference to the image that it means on this machine: through indexes, manifest and configuration. */
import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as ChainId from "../domain/ChainId.ts"
import type { Descriptor } from "../domain/Descriptor.ts"
import type { Digest } from "../domain/Digest.ts"
import { ImageConfig } from "../domain/ImageConfig.ts"
import * as Index from "../domain/ImageIndex.ts"
import { ImageManifest } from "../domain/ImageManifest.ts"
import type { ImageReference } from "../domain/ImageReference.ts"
import * as MediaType from "../domain/MediaType.ts"
import * as Platform from "../domain/Platform.ts"
import type { ResolvedImage } from "../domain/ResolvedImage.ts"
import * as Blobs from "./Blobs.ts"

/** Why an image cannot be used, where no single file is at fault. */
export class ImageRefused extends Schema.TaggedError<ImageRefused>()("ImageRefused", {
  reason: Schema.String
}) {
  override get message(): string {
    return this.reason
  }
}

/** Why an image cannot be used. */
export type ImageError = Blobs.DocumentRefused | ImageRefused

/** image-spec sets no limit; real nesting is one or two. */
const MAX_INDEX_DEPTH = 8

/** The image that a reference means on this machine. */
export const resolve = (
  layout: string,
  reference: ImageReference,
  host: Platform.HostPlatform
): Effect.Effect<ResolvedImage, ImageError> =>
  Effect.gen(function* () {
    const search: Search = { layout, host, visited: new Set(), offered: new Set() }
    const found = yield* first(search, reference.descriptors, 0)
    if (found !== undefined) return found
    const offered = [...search.offered]
    const machine = `${host.os}/${host.architecture}`
    return yield* new ImageRefused({
      reason:
        offered.length === 1
          ? `the image is for ${offered[0]}, and this machine is ${machine}`
          : `nothing for ${machine} among ${offered.length === 0 ? "no manifests" : offered.join(", ")}`
    })
  })

interface Search {
  readonly layout: string
  readonly host: Platform.HostPlatform
  /** Indexes that were looked through: one that is listed a thousand times is read once, and a cycle ends. */
  readonly visited: Set<Digest>
  /** The platforms that were there instead, for the message. */
  readonly offered: Set<string>
}

/** The first that this machine runs, in the order of the list and through nested indexes. */
const first = (
  search: Search,
  descriptors: readonly Descriptor[],
  depth: number
): Effect.Effect<ResolvedImage | undefined, ImageError> =>
  Effect.gen(function* () {
    const { host, layout, offered, visited } = search
    for (const { platform } of descriptors) {
      if (platform !== undefined && !Platform.runs(host, platform)) offered.add(Platform.display(platform))
    }
    for (const descriptor of Platform.candidates(host, descriptors)) {
      if (MediaType.isManifest(descriptor.mediaType)) {
        const image = yield* fromManifest(layout, descriptor)
        if (Platform.runs(host, image.config)) return image
        offered.add(Platform.display(image.config))
        continue
      }
      if (!MediaType.isIndex(descriptor.mediaType)) {
        return yield* new ImageRefused({
          reason: `${descriptor.digest} is of type ${JSON.stringify(descriptor.mediaType)}: neither a manifest nor an index`
        })
      }
      if (depth >= MAX_INDEX_DEPTH) {
        return yield* new ImageRefused({
          reason: `the index ${descriptor.digest} is nested more than ${MAX_INDEX_DEPTH} deep`
        })
      }
      if (visited.has(descriptor.digest)) continue
      visited.add(descriptor.digest)
      const found = yield* first(search, yield* inIndex(layout, descriptor), depth + 1)
      if (found !== undefined) return found
    }
    return undefined
  })

/** What a nested index lists. It has no names: a broken entry could be the one that is meant, and breaks it all. */
const inIndex = (layout: string, descriptor: Descriptor): Effect.Effect<readonly Descriptor[], ImageError> =>
  Effect.gen(function* () {
    const index = yield* Blobs.readJson(layout, "index", descriptor, Index.ImageIndex)
    return yield* Either.mapLeft(Either.all(Index.entries(index)), (broken) =>
      Blobs.brokenEntry(Blobs.path(layout, descriptor.digest), broken)
    )
  })

const fromManifest = (layout: string, descriptor: Descriptor): Effect.Effect<ResolvedImage, ImageError> =>
  Effect.gen(function* () {
    const manifest = yield* Blobs.readJson(layout, "manifest", descriptor, ImageManifest)
    const refuse = (reason: string) =>
      new ImageRefused({ reason: `the manifest ${descriptor.digest} ${reason}` })
    if (!MediaType.isConfig(manifest.config.mediaType)) {
      return yield* refuse(
        `is not an image: its configuration is ${JSON.stringify(manifest.config.mediaType)}`
      )
    }
    for (const { data, digest, mediaType, urls } of manifest.layers) {
      const problem = MediaType.layerProblem(mediaType)
      if (problem !== undefined) return yield* refuse(`has the layer ${digest} ${problem}`)
      if (
        data === undefined &&
        MediaType.isForeign(mediaType) &&
        !fs.existsSync(Blobs.path(layout, digest))
      ) {
        const from =
          urls === undefined || urls.length === 0 ? "" : ` (it is said to be at ${urls.join(", ")})`
        return yield* refuse(
          `has the layer ${digest}, which is not distributed with images and is missing here; nothing is fetched${from}`
        )
      }
    }
    const config = yield* Blobs.readJson(layout, "image configuration", manifest.config, ImageConfig)
    const diffIds = config.rootfs.diff_ids
    if (diffIds.length !== manifest.layers.length) {
      return yield* refuse(
        `has ${manifest.layers.length} layers, and its configuration ${diffIds.length} diff ids`
      )
    }
    return {
      manifestDigest: descriptor.digest,
      manifest,
      configDescriptor: manifest.config,
      config,
      chainId: ChainId.fromDiffIds(diffIds, Blobs.sha256)
    }
  })
