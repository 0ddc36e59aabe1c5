/** Makes sure that an image's root filesystem is there, with the facts that its unit needs. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { ExtractionEvent } from "../domain/extracts/ExtractionEvent.ts"
import { CommandError } from "../domain/process/ImageCommand.ts"
import * as ImageProcess from "../domain/process/ImageProcess.ts"
import type { LayerLimits } from "../domain/archive/LayerLimits.ts"
import * as LayerMerge from "../domain/layer/LayerMerge.ts"
import * as LayerNotice from "../domain/layer/LayerNotice.ts"
import type { ResolvedImage } from "../domain/image/ResolvedImage.ts"
import * as RootPlan from "../domain/root/RootPlan.ts"
import type { RootStep } from "../domain/root/RootStep.ts"
import type { RootTree } from "../domain/root/RootTree.ts"
import * as SystemSettings from "../domain/settings/SystemSettings.ts"
import * as Blobs from "../services/layout/Blobs.ts"
import * as ExtractRecord from "../services/extracts/ExtractRecord.ts"
import { Extracts, type Workplace } from "../services/Extracts.ts"
import * as FactsFile from "../services/extracts/FactsFile.ts"
import { ImageRefused } from "../services/layout/ImageResolution.ts"
import * as LayerIntake from "../services/layer/LayerIntake.ts"
import * as LayerSource from "../services/layer/LayerSource.ts"
import { LayerStore, type StoredLayer } from "../services/layer/LayerStore.ts"
import * as RootLookup from "../services/root/RootLookup.ts"
import { RootWriter } from "../services/root/RootWriter.ts"
import * as Shortfalls from "../services/Shortfalls.ts"
import * as Slices from "../services/files/CooperativeLoop.ts"
import { type CatalogImage, nameOf } from "./Catalog.ts"

/** A failure with the image that it happened to. */
export class ExtractFailed extends Schema.TaggedError<ExtractFailed>()("ExtractFailed", {
  image: Schema.String,
  cause: Schema.Defect
}) {
  override get message(): string {
    return `${this.image}: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

/** Is nothing wrong with the image, but that it is for another machine, or for none? */
export const isNotForHere = ({ cause }: ExtractFailed): boolean =>
  (cause instanceof ImageRefused && cause.platforms !== undefined) ||
  (cause instanceof CommandError && cause.isBase === true)

/** What is known of a layer cannot be read back: the disk, or somebody else's hands. */
export class ListingUnreadable extends Schema.TaggedError<ListingUnreadable>()("ListingUnreadable", {
  cause: Schema.Defect
}) {
  override get message(): string {
    return `the listing of a layer cannot be read: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
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

/** A layer that brings something twice, which strict extraction refuses. */
export class LayerNotStrict extends Schema.TaggedError<LayerNotStrict>()("LayerNotStrict", {
  notice: Schema.String
}) {
  override get message(): string {
    return `${this.notice}, which strict extraction refuses`
  }
}

/** All of them may be left out. */
export interface ExtractOptions {
  /** Called as the extraction goes on. */
  readonly onEvent?: (event: ExtractionEvent) => void
  /** Refuses layers that bring the same thing twice; else the last one wins, with a warning. */
  readonly strict?: boolean
  /** What a layer may unpack to, where it is not what the configuration says. */
  readonly limits?: Partial<LayerLimits>
  /** What all layers together may come to. */
  readonly treeLimits?: Partial<LayerMerge.MergeLimits>
}

/**
 * Has the image's root filesystem be there, and says where: at once if it is there already. Every blob, layer and diff id is
 * verified before the root appears, by one rename; failure and interruption leave nothing of it (image-spec layer.md).
 */
export const extract = (image: CatalogImage, options: ExtractOptions = {}) =>
  Effect.gen(function* () {
    const extracts = yield* Extracts
    const { name, system } = image.context
    const resolved = yield* image.resolve()
    const process = yield* ImageProcess.fromConfig(resolved.config)
    const root = extracts.rootDirectory(resolved.chainId)
    const made = yield* extracts.publish(resolved.chainId, (workplace) =>
      fill(image, resolved, workplace, options)
    )
    if (Option.isSome(made)) options.onEvent?.(ExtractionEvent.Published({ image: name, root }))
    const config = yield* Blobs.read(image.layoutPath, "image configuration", resolved.configDescriptor)
    yield* extracts.writeConfig(resolved.configDescriptor.digest, config)
    yield* extracts.linkName(name, {
      configDigest: resolved.configDescriptor.digest,
      chainId: resolved.chainId
    })
    const facts = yield* RootLookup.facts(root, process)
    yield* FactsFile.write(system.extractsdir, resolved.configDescriptor.digest, facts)
    return { resolved, facts, root, made }
  }).pipe(Effect.mapError((cause) => new ExtractFailed({ image: nameOf(image), cause })))

/** All layers are verified before the first name appears in the root. */
const fill = (image: CatalogImage, resolved: ResolvedImage, workplace: Workplace, options: ExtractOptions) =>
  Effect.gen(function* () {
    const layers = yield* obtain(image, resolved, workplace, options)
    yield* workplace.flushAhead
    yield* oneTree.withPermits(1)(makeRoot(image, resolved, workplace, layers, options))
  })

/** Trees are large, and made and written on one thread anyway: of several images, one at a time has one. */
const oneTree = Effect.unsafeMakeSemaphore(1)

const makeRoot = (
  image: CatalogImage,
  resolved: ResolvedImage,
  workplace: Workplace,
  layers: ReadonlyArray<StoredLayer>,
  options: ExtractOptions
) =>
  Effect.gen(function* () {
    const { write } = yield* RootWriter
    const { tree, notices } = yield* merge(
      layers,
      resolved.manifest.layers.map(({ digest }) => digest),
      {
        ...options,
        treeLimits: { ...SystemSettings.mergeLimits(image.context.system), ...options.treeLimits }
      }
    )
    const said = notices.map(LayerNotice.render)
    for (const notice of said) yield* Effect.logWarning(notice)
    const { onEvent } = options
    const plan =
      onEvent === undefined
        ? RootPlan.of(tree)
        : counted(tree, (done, total) =>
            onEvent(ExtractionEvent.RootWritten({ image: image.context.name, done, total }))
          )
    const { shortfalls } = yield* write(workplace.root, plan, ({ entry, layer }) =>
      LayerIntake.stagedPath(layers[layer]?.directory ?? "", { layer, entry })
    )
    const lacking = Shortfalls.combine([...layers.flatMap(({ staged }) => staged.shortfalls), ...shortfalls])
    for (const shortfall of lacking) yield* Effect.logWarning(Shortfalls.render(shortfall))
    yield* ExtractRecord.keep(image.context.system.extractsdir, resolved.chainId, workplace, {
      layers: resolved.config.rootfs.diff_ids,
      entries: layers.reduce((sum, { staged }) => sum + staged.entries, 0),
      bytes: layers.reduce((sum, { staged }) => sum + staged.bytes, 0),
      notices: said,
      shortfalls: lacking
    })
  })

/** The image's layers, taken apart, with events for all that happens. */
const obtain = (
  image: CatalogImage,
  { manifest, config }: ResolvedImage,
  workplace: Workplace,
  { limits, onEvent }: ExtractOptions
) =>
  Effect.gen(function* () {
    const store = yield* LayerStore
    const { name } = image.context
    const diffIds = config.rootfs.diff_ids
    onEvent?.(ExtractionEvent.Begun({ image: name, layers: manifest.layers }))
    const layers = yield* store.obtain(
      manifest.layers.map((descriptor, layer) =>
        LayerSource.of(image.layoutPath, descriptor, diffIds[layer] ?? descriptor.digest)
      ),
      workplace,
      {
        limits: { ...SystemSettings.layerLimits(image.context.system), ...limits },
        onProgress: (diffId, { read, entries }) =>
          onEvent?.(ExtractionEvent.LayerRead({ image: name, layer: diffIds.indexOf(diffId), read, entries }))
      }
    )
    for (const [layer, { found, staged }] of layers.entries()) {
      const { bytes, entries } = staged
      onEvent?.(ExtractionEvent.LayerReady({ image: name, layer, entries, bytes, found }))
    }
    return layers
  })

/**
 * The tree of layers that were taken apart, each in its directory (`LayerIntake`); `digests` names them in errors. In
 * slices: a million entries take seconds.
 */
export const merge = (
  layers: ReadonlyArray<{ readonly directory: string }>,
  digests: ReadonlyArray<string>,
  { strict = false, treeLimits }: Pick<ExtractOptions, "strict" | "treeLimits"> = {}
) =>
  Effect.gen(function* () {
    const steps = LayerMerge.stepwise(
      layers.map(({ directory }, layer) => ({ entries: LayerIntake.entries(directory, layer) })),
      { ...LayerMerge.LIMITS, ...treeLimits }
    )
    let merged: Either.Either<LayerMerge.Merged, LayerMerge.LayerMergeError> | undefined
    const advance = () => {
      const step = steps.next()
      if (step.done === true) merged = step.value
      return step.done !== true
    }
    yield* Slices.run(advance, (cause) => new ListingUnreadable({ cause })).pipe(
      Effect.ensuring(Effect.sync(() => steps.return(undefined as never)))
    )
    if (merged === undefined) return yield* Effect.dieMessage("a merge that ends without a result")
    const { notices, tree } = yield* Either.mapLeft(
      merged,
      (cause) => new LayerUnmergeable({ layer: digests[cause.layer] ?? "", cause })
    )
    const duplicate = notices.find(({ _tag }) => _tag === "DuplicateEntry")
    if (strict && duplicate !== undefined) {
      return yield* new LayerNotStrict({ notice: LayerNotice.render(duplicate) })
    }
    return { notices, tree }
  })

/** The plan, with a word about how far it is now and then. */
function* counted(tree: RootTree, say: (done: number, total: number) => void): Generator<RootStep> {
  const total = RootPlan.size(tree)
  let done = 0
  for (const step of RootPlan.of(tree)) {
    if (done++ % STEPS_A_WORD === 0) say(done - 1, total)
    yield step
  }
  say(done, total)
}

const STEPS_A_WORD = 4096
