/** Makes sure that an image's root filesystem is there, with the facts that its unit needs. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { display } from "../domain/ImageName.ts"
import * as ImageProcess from "../domain/ImageProcess.ts"
import type { ContentId } from "../domain/LayerEntry.ts"
import * as LayerMerge from "../domain/LayerMerge.ts"
import * as LayerNotice from "../domain/LayerNotice.ts"
import * as MediaType from "../domain/MediaType.ts"
import type { ResolvedImage } from "../domain/ResolvedImage.ts"
import * as RootPlan from "../domain/RootPlan.ts"
import * as Blobs from "../services/Blobs.ts"
import { Extracts, type Workplace } from "../services/Extracts.ts"
import * as FactsFile from "../services/FactsFile.ts"
import * as LayerStage from "../services/LayerStage.ts"
import * as RootLookup from "../services/RootLookup.ts"
import { RootWriter } from "../services/RootWriter.ts"
import * as Shortfalls from "../services/Shortfalls.ts"
import type { CatalogImage } from "./Catalog.ts"

/** Layers that are read at once: inflating is on other threads, hashing and writing on this one. */
const LAYERS_AT_ONCE = 2

/** A failure with the image that it happened to. */
export class ExtractFailed extends Schema.TaggedError<ExtractFailed>()("ExtractFailed", {
  image: Schema.String,
  cause: Schema.Defect
}) {
  override get message(): string {
    return `${this.image}: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

/** A layer that is what its digest says, and cannot be applied. */
export class LayerUnmergeable extends Schema.TaggedError<LayerUnmergeable>()("LayerUnmergeable", {
  layer: Schema.String,
  cause: Schema.Defect
}) {
  override get message(): string {
    return `layer ${this.layer} cannot be applied: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

export const extract = (image: CatalogImage) =>
  Effect.gen(function* () {
    const extracts = yield* Extracts
    const { name, system } = image.context
    const resolved = yield* image.resolve
    const process = yield* ImageProcess.fromConfig(resolved.config)
    const made = yield* extracts.publish(resolved.chainId, (workplace) =>
      fill(image.layoutPath, resolved, workplace)
    )
    const root = extracts.rootDirectory(resolved.chainId)
    const config = yield* Blobs.read(image.layoutPath, "image configuration", resolved.configDescriptor)
    yield* extracts.writeConfig(resolved.configDescriptor.digest, config)
    yield* extracts.linkName(name, {
      configDigest: resolved.configDescriptor.digest,
      chainId: resolved.chainId
    })
    const facts = yield* RootLookup.facts(root, process)
    yield* FactsFile.write(system.extractsdir, resolved.configDescriptor.digest, facts)
    return { resolved, facts, root, made }
  }).pipe(Effect.mapError((cause) => new ExtractFailed({ image: display(image.context.name), cause })))

/** All layers are verified before the first name appears in the root. */
const fill = (layoutPath: string, { manifest, config }: ResolvedImage, { root, stage }: Workplace) =>
  Effect.gen(function* () {
    const { write } = yield* RootWriter
    const layers = yield* Effect.forEach(
      manifest.layers,
      (descriptor, layer) =>
        LayerStage.stage({
          blob: {
            path: Blobs.path(layoutPath, descriptor.digest),
            digest: descriptor.digest,
            size: descriptor.size
          },
          diffId: config.rootfs.diff_ids[layer] ?? descriptor.digest,
          compression: MediaType.layerCompression(descriptor.mediaType) ?? "none",
          layer,
          directory: stage
        }),
      { concurrency: LAYERS_AT_ONCE }
    )
    const { tree, notices } = yield* Either.mapLeft(
      LayerMerge.merge(layers),
      (cause) => new LayerUnmergeable({ layer: manifest.layers[cause.layer]?.digest ?? "", cause })
    )
    for (const notice of notices) yield* Effect.logWarning(LayerNotice.render(notice))
    const staged = (content: ContentId) => LayerStage.stagedPath(stage, content)
    const { shortfalls } = yield* write(root, RootPlan.of(tree), staged)
    for (const shortfall of Shortfalls.combine([
      ...layers.flatMap((layer) => layer.shortfalls),
      ...shortfalls
    ])) {
      yield* Effect.logWarning(Shortfalls.render(shortfall))
    }
  })
