/** The image layouts below a directory, and the images in them (image-spec image-layout.md, and the form of 2016). */
import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as ChainId from "../domain/ChainId.ts"
import { Descriptor, REF_NAME } from "../domain/Descriptor.ts"
import { short } from "../domain/Digest.ts"
import { ImageConfig } from "../domain/ImageConfig.ts"
import { ImageIndex } from "../domain/ImageIndex.ts"
import { ImageManifest } from "../domain/ImageManifest.ts"
import { LATEST } from "../domain/ImageName.ts"
import * as MediaType from "../domain/MediaType.ts"
import * as Platform from "../domain/Platform.ts"
import type { ResolvedImage } from "../domain/ResolvedImage.ts"
import * as Blobs from "./Blobs.ts"
import * as BoundedFile from "./BoundedFile.ts"

/** Why an image cannot be used, where no single file is at fault. */
export class ImageRefused extends Schema.TaggedError<ImageRefused>()("ImageRefused", {
  reason: Schema.String
}) {
  override get message(): string {
    return this.reason
  }
}

export type ImageError = Blobs.DocumentRefused | ImageRefused

/** A name in a layout, with the manifests or indexes that carry it: several only for several platforms. */
export interface Reference {
  readonly ref: string
  readonly descriptors: readonly Descriptor[]
}

export interface FoundLayout {
  /** Relative to the layouts directory. */
  readonly layout: string
  readonly path: string
}

/** A place below the layouts directory that was passed over. */
export interface Skipped {
  readonly path: string
  readonly reason: string
}

/** Host, project and name are three; this bounds the walk. */
const MAX_DEPTH = 16
/** image-spec sets no limit; real nesting is one or two. */
const MAX_INDEX_DEPTH = 8

/** Every layout below `root`, sorted by name. A layout is not searched for further ones. */
export const find = (
  root: string
): Effect.Effect<{ readonly layouts: readonly FoundLayout[]; readonly skipped: readonly Skipped[] }> =>
  Effect.sync(() => {
    const layouts: FoundLayout[] = []
    const skipped: Skipped[] = []
    const visit = (path: string, layout: string, depth: number, isLink: boolean): void => {
      let entries: fs.Dirent[]
      try {
        entries = fs.readdirSync(path, { withFileTypes: true })
      } catch (cause) {
        const refusal = BoundedFile.refusal(path, cause)
        if (depth > 0 || refusal.code !== "ENOENT") skipped.push({ path, reason: refusal.reason })
        return
      }
      if (isLayout(entries)) {
        if (depth === 0)
          skipped.push({ path, reason: "is a layout directly in the layouts directory, so it has no name" })
        else layouts.push({ layout, path })
        return
      }
      // A link may lead to a layout, but the walk does not go on behind it: it could go round in a circle.
      if (isLink) return
      for (const entry of entries) {
        if (!entry.isDirectory() && !entry.isSymbolicLink()) continue
        const child = `${path}/${entry.name}`
        if (entry.isSymbolicLink() && !leadsToDirectory(child)) continue
        if (entry.name.includes("\ufffd"))
          skipped.push({ path: child, reason: "has a name that is not UTF-8" })
        else if (depth >= MAX_DEPTH)
          skipped.push({ path: child, reason: `is more than ${MAX_DEPTH} directories deep` })
        else
          visit(
            child,
            layout === "" ? entry.name : `${layout}/${entry.name}`,
            depth + 1,
            entry.isSymbolicLink()
          )
      }
    }
    visit(root, "", 0, false)
    return {
      layouts: layouts.sort((a, b) => (a.layout < b.layout ? -1 : a.layout > b.layout ? 1 : 0)),
      skipped
    }
  })

/** `oci-layout` or `index.json` marks a layout of today; `refs` and `blobs` one of 2016. */
const isLayout = (entries: readonly fs.Dirent[]): boolean => {
  const has = (name: string) => entries.some((entry) => entry.name === name)
  return has("oci-layout") || has("index.json") || (has("refs") && has("blobs"))
}

const leadsToDirectory = (path: string): boolean =>
  fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false

/** The names in a layout; each on its own, so that one that is wrong does not take the others along. */
export const references = (
  layout: string
): Effect.Effect<
  ReadonlyArray<Reference | { readonly ref: string; readonly error: ImageError }>,
  ImageError
> =>
  fs.existsSync(`${layout}/index.json`)
    ? Blobs.readDocument(`${layout}/index.json`, "index", ImageIndex).pipe(Effect.map(fromIndex))
    : fromRefs(layout)

const fromIndex = (
  index: ImageIndex
): ReadonlyArray<Reference | { readonly ref: string; readonly error: ImageError }> => {
  const known = index.manifests.filter(isImage)
  const unnamed = known.filter((descriptor) => !descriptor.annotations?.[REF_NAME])
  const byRef = new Map<string, Descriptor[]>()
  for (const descriptor of known) {
    const ref =
      descriptor.annotations?.[REF_NAME] ||
      (unnamed.length === 1
        ? LATEST
        : `${descriptor.digest.replace(":", "-").slice(0, 7)}${short(descriptor.digest)}`)
    const same = byRef.get(ref)
    if (same === undefined) byRef.set(ref, [descriptor])
    else if (!same.some((other) => other.digest === descriptor.digest)) same.push(descriptor)
  }
  return [...byRef].map(([ref, descriptors]) => {
    const platforms = new Set(
      descriptors.map(({ platform }) => (platform === undefined ? "" : Platform.display(platform)))
    )
    return descriptors.length > 1 && (platforms.size < descriptors.length || platforms.has(""))
      ? {
          ref,
          error: new ImageRefused({
            reason: `the name stands for several manifests: ${descriptors.map(({ digest }) => digest).join(", ")}`
          })
        }
      : { ref, descriptors }
  })
}

/** Attestations and signatures travel beside images, for a platform of their own. */
const isImage = (descriptor: Descriptor): boolean =>
  (MediaType.isIndex(descriptor.mediaType) || MediaType.isManifest(descriptor.mediaType)) &&
  descriptor.platform?.os !== "unknown"

const fromRefs = (
  layout: string
): Effect.Effect<
  ReadonlyArray<Reference | { readonly ref: string; readonly error: ImageError }>,
  ImageError
> =>
  Effect.gen(function* () {
    const refs = yield* Effect.try({
      try: () => fs.readdirSync(`${layout}/refs`).sort(),
      catch: (cause) => {
        const { code, reason } = BoundedFile.refusal(`${layout}/index.json`, cause)
        return new ImageRefused({
          reason: `${layout}/index.json ${code === "ENOENT" ? "is missing" : reason}`
        })
      }
    })
    return yield* Effect.forEach(refs, (ref) =>
      Blobs.readDocument(`${layout}/refs/${ref}`, "reference", Descriptor).pipe(
        Effect.match({
          onSuccess: (descriptor) => ({ ref, descriptors: [descriptor] }),
          onFailure: (error) => ({ ref, error })
        })
      )
    )
  })

/** The image that a reference means on this machine. */
export const resolve = (
  layout: string,
  reference: Reference,
  host: Platform.HostPlatform
): Effect.Effect<ResolvedImage, ImageError> =>
  Effect.gen(function* () {
    const descriptor = yield* chooseManifest(layout, reference.descriptors, host, 0)
    const manifest = yield* Blobs.readJson(layout, "manifest", descriptor, ImageManifest)
    const refuse = (reason: string) =>
      new ImageRefused({ reason: `the manifest ${descriptor.digest} ${reason}` })
    if (manifest.mediaType !== undefined && !MediaType.isManifest(manifest.mediaType)) {
      return yield* refuse(
        `has the fields of a manifest and says it is ${JSON.stringify(manifest.mediaType)}`
      )
    }
    if (!MediaType.isConfig(manifest.config.mediaType)) {
      return yield* refuse(
        `is not an image: its configuration is ${JSON.stringify(manifest.config.mediaType)}`
      )
    }
    const unreadable = manifest.layers.find(
      (layer) => MediaType.layerCompression(layer.mediaType) === undefined
    )
    if (unreadable !== undefined) {
      return yield* refuse(
        `has the layer ${unreadable.digest} of type ${JSON.stringify(unreadable.mediaType)}, which is not known`
      )
    }
    const config = yield* Blobs.readJson(layout, "image configuration", manifest.config, ImageConfig)
    if (!Platform.runs(host, config)) {
      return yield* new ImageRefused({
        reason: `the image is for ${Platform.display(config)}, and this machine is ${host.os}/${host.architecture}`
      })
    }
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

/** Through nested indexes to a manifest. Digests make a cycle impossible, and the depth bounds a chain. */
const chooseManifest = (
  layout: string,
  candidates: readonly Descriptor[],
  host: Platform.HostPlatform,
  depth: number
): Effect.Effect<Descriptor, ImageError> =>
  Effect.gen(function* () {
    const chosen = Platform.choose(host, candidates)
    if (chosen === undefined) {
      const offered = candidates.flatMap(({ platform }) =>
        platform === undefined ? [] : [Platform.display(platform)]
      )
      return yield* new ImageRefused({
        reason: `nothing for ${host.os}/${host.architecture} among ${offered.length === 0 ? "no manifests" : offered.join(", ")}`
      })
    }
    if (MediaType.isManifest(chosen.mediaType)) return chosen
    if (depth >= MAX_INDEX_DEPTH) {
      return yield* new ImageRefused({
        reason: `the index ${chosen.digest} is nested more than ${MAX_INDEX_DEPTH} deep`
      })
    }
    const index = yield* Blobs.readJson(layout, "index", chosen, ImageIndex)
    return yield* chooseManifest(layout, index.manifests.filter(isImage), host, depth + 1)
  })
