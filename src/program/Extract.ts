/** Makes sure that an image's root filesystem exists, with the facts that its unit needs. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { LayerLimits } from "../domain/archive/LayerLimits.ts"
import { ExtractionEvent } from "../domain/extracts/ExtractionEvent.ts"
import type { HostPlatform } from "../domain/image/Platform.ts"
import type { ResolvedImage } from "../domain/image/ResolvedImage.ts"
import * as LayerMerge from "../domain/layer/LayerMerge.ts"
import * as LayerNotice from "../domain/layer/LayerNotice.ts"
import * as ImageProcess from "../domain/process/ImageProcess.ts"
import type { RootFacts } from "../domain/process/RootFacts.ts"
import * as RootPlan from "../domain/root/RootPlan.ts"
import type { RootStep } from "../domain/root/RootStep.ts"
import type { RootTree } from "../domain/root/RootTree.ts"
import * as ImageOverrides from "../domain/settings/ImageOverrides.ts"
import * as SystemSettings from "../domain/settings/SystemSettings.ts"
import * as ByteString from "../domain/text/ByteString.ts"
import * as ExtractRecord from "../services/extracts/ExtractRecord.ts"
import { ExtractStore } from "../services/extracts/ExtractStore.ts"
import * as FactsFile from "../services/extracts/FactsFile.ts"
import type { Workplace } from "../services/extracts/RootPublication.ts"
import * as CooperativeLoop from "../services/files/CooperativeLoop.ts"
import * as MissingPrivileges from "../services/files/MissingPrivileges.ts"
import * as Privileges from "../services/files/Privileges.ts"
import * as Warning from "../services/files/Warning.ts"
import * as LayerSource from "../services/layer/LayerSource.ts"
import { LayerStore, type StoredLayer } from "../services/layer/LayerStore.ts"
import * as ListingFile from "../services/layer/ListingFile.ts"
import * as Blobs from "../services/layout/Blobs.ts"
import { ImageNotMounted, MountedRoots } from "../services/root/MountedRoots.ts"
import * as RootLookup from "../services/root/RootLookup.ts"
import { RootWriter } from "../services/root/RootWriter.ts"
import { type CatalogImage, nameOf } from "./Catalog.ts"
import {
  type ExtractCause,
  ExtractFailed,
  LayerNotStrict,
  LayerUnmergeable,
  ListingUnreadable
} from "./ExtractFailed.ts"

/** Options, all of them optional. */
export interface ExtractOptions {
  /** Called while the extraction proceeds. */
  readonly onEvent?: (event: ExtractionEvent) => void
  /** Refuses layers with repeated entries. Otherwise the last entry wins, with a warning. */
  readonly strict?: boolean
  /** Limits on each layer, in place of those of the configuration. */
  readonly limits?: Partial<LayerLimits>
  /** Limits on all layers together. */
  readonly treeLimits?: Partial<LayerMerge.MergeLimits>
}

/** A root in the extracts. */
export interface Extracted {
  readonly resolved: ResolvedImage
  /** The directory of the root. */
  readonly root: string
  /** Whether this very extraction made the root; otherwise it was there already. */
  readonly made: boolean
  /** What could not be done without privileges when the root was made; empty for root. */
  readonly missingPrivileges: ReadonlyArray<MissingPrivileges.MissingPrivilege>
}

/** A root in the extracts of an image that has a command. */
export interface ExtractedImage extends Extracted {
  /** The facts of the root that units need. */
  readonly facts: RootFacts
  /** The process for which the facts were found. @internal */
  readonly process: ImageProcess.ImageProcess
}

/** Says which image a failure belongs to. @internal */
export const failingFor = (image: CatalogImage) =>
  Effect.mapError((cause: ExtractCause) => new ExtractFailed({ image: nameOf(image), cause }))

/**
 * Makes sure that the image's root filesystem exists, and returns its path. A root that is an image can be read there when
 * it is mounted (`MountedRoots`), which an extraction does not do. Every blob, layer and diff id is verified
 * before the root appears, by one rename. Failure and interruption leave no part of it (image-spec layer.md).
 */
export const extract = (image: CatalogImage, options: ExtractOptions = {}) =>
  Effect.gen(function* () {
    const extracts = yield* ExtractStore
    const { name, system } = image.context
    const resolved = yield* image.resolve()
    const process = yield* ImageProcess.fromConfig(resolved.config)
    const { facts, ...published } = yield* usable(image, resolved, options, (path) =>
      RootLookup.facts(path, process)
    )
    const config = yield* Blobs.read(image.layoutPath, "image configuration", resolved.configDescriptor)
    yield* extracts.writeConfig(resolved.configDescriptor.digest, config)
    yield* extracts.linkName(name, {
      configDigest: resolved.configDescriptor.digest,
      chainId: resolved.chainId
    })
    const question = ImageOverrides.question(image.context.settings, resolved.config)
    yield* FactsFile.write(system.extractsdir, resolved.configDescriptor.digest, question, facts)
    const extracted: ExtractedImage = { resolved, facts, process, ...published }
    return extracted
  }).pipe(failingFor(image))

/**
 * Makes sure that the root filesystem of an image exists that need not run here: it may be for another
 * platform, or have no command. Nothing else of such an image is kept, so `gc` removes the root of another
 * platform.
 */
export const root = (image: CatalogImage, options: RootOptions = {}) =>
  Effect.gen(function* () {
    const resolved = yield* image.resolve(options.platform)
    const extracted: Extracted = { resolved, ...(yield* publish(image, resolved, options)) }
    return extracted
  }).pipe(failingFor(image))

export interface RootOptions extends ExtractOptions {
  /** The platform of the image. The default is this machine's. */
  readonly platform?: HostPlatform
}

/**
 * Publishes a root, and calls `ask` with its path. If the root is an image that cannot be mounted (any more), it is
 * made again.
 */
const usable = <E, R>(
  image: CatalogImage,
  resolved: ResolvedImage,
  options: ExtractOptions,
  ask: (path: string) => Effect.Effect<RootFacts, E, R>
) =>
  Effect.gen(function* () {
    const { discard } = yield* ExtractStore
    const { read } = yield* MountedRoots
    const published = yield* publish(image, resolved, options)
    const asked = read(resolved.chainId, ask)
    const facts = yield* Effect.either(asked)
    if (Either.isRight(facts)) return { ...published, facts: facts.right }
    const failure = facts.left
    if (!(failure instanceof ImageNotMounted)) return yield* Effect.fail(failure)
    yield* Warning.log({
      code: "ImageNotMounted",
      path: failure.path,
      message: `${failure.message}; it is made again`
    })
    // Another kernel may have mounted it, or something of it is lost. The layers are still there, as a rule.
    yield* discard(resolved.chainId)
    return { ...(yield* publish(image, resolved, options)), facts: yield* asked }
  })

const publish = (image: CatalogImage, resolved: ResolvedImage, options: ExtractOptions) =>
  Effect.gen(function* () {
    const extracts = yield* ExtractStore
    const { context } = image
    const { chainId } = resolved
    const root = extracts.rootDirectory(chainId)
    const missing = () => ExtractRecord.missingPrivileges(context.system.extractsdir, chainId)
    // What an ordinary user made has other owners than the image says, and root would run it.
    const isPoor = () => Privileges.isRoot() && missing().length > 0
    if (isPoor() && (yield* extracts.discard(chainId, isPoor))) {
      yield* Warning.log({
        code: "RootMadeWithoutPrivileges",
        path: root,
        message: `${root} was made without privileges, so its owners are wrong: it is made again`
      })
    }
    const { isImage } = yield* MountedRoots
    // Services that use the image keep it.
    if (context.system.roots === "directories" && isImage(chainId)) yield* extracts.discard(chainId)
    const made = yield* extracts.publish(chainId, (workplace) => fill(image, resolved, workplace, options))
    options.onEvent?.(ExtractionEvent.Published({ image: context.name, root, found: Option.isNone(made) }))
    return { root, made: Option.isSome(made), missingPrivileges: missing() }
  })

/** Fills a root. All layers are verified before the first name appears in it. */
const fill = (image: CatalogImage, resolved: ResolvedImage, workplace: Workplace, options: ExtractOptions) =>
  Effect.gen(function* () {
    const layers = yield* obtain(image, resolved, workplace, options)
    yield* workplace.flushAhead
    const { oneAtATime } = yield* RootWriter
    yield* oneAtATime(makeRoot(image, resolved, workplace, layers, options))
  })

const makeRoot = (
  image: CatalogImage,
  resolved: ResolvedImage,
  workplace: Workplace,
  layers: ReadonlyArray<StoredLayer>,
  options: ExtractOptions
) =>
  Effect.gen(function* () {
    const { tree, notices } = yield* merge(
      layers,
      resolved.manifest.layers.map(({ digest }) => digest),
      {
        ...options,
        treeLimits: { ...SystemSettings.mergeLimits(image.context.system), ...options.treeLimits }
      }
    )
    const said = [...misnamed(layers), ...notices.map(LayerNotice.render)]
    for (const notice of misnamed(layers)) yield* Effect.logWarning(notice)
    yield* tellOfNotices(notices)
    const isImage = yield* asImage(image, resolved, workplace, layers, tree)
    const shortfalls = isImage ? [] : yield* asDirectory(image, workplace, layers, tree, options)
    yield* ExtractRecord.keep(image.context.system.extractsdir, resolved.chainId, workplace, {
      layers: resolved.config.rootfs.diff_ids,
      entries: layers.reduce((sum, { staged }) => sum + staged.entries, 0),
      bytes: layers.reduce((sum, { staged }) => sum + staged.bytes, 0),
      notices: said,
      shortfalls
    })
  })

/** Makes the root an image, if the configuration and this machine let it; returns whether it is one. */
const asImage = (
  { context }: CatalogImage,
  { chainId, config }: ResolvedImage,
  workplace: Workplace,
  layers: ReadonlyArray<StoredLayer>,
  tree: RootTree
) =>
  Effect.gen(function* () {
    const { roots } = context.system
    if (roots === "directories") return false
    const archives = layers.flatMap(({ archive }, layer) => {
      const diffId = config.rootfs.diff_ids[layer]
      return diffId === undefined ? [] : [{ archive, diffId }]
    })
    const { make } = yield* MountedRoots
    const made = Effect.as(make(chainId, tree, archives, workplace), true)
    return yield* roots === "mounted"
      ? made
      : Effect.catchTag(made, "ImageNotMounted", ({ reason }) =>
          Effect.as(Effect.logDebug(`the root becomes a directory: ${reason}`), false)
        )
  })

/** Writes the root as a directory, and returns what could not be done without privileges. */
const asDirectory = (
  image: CatalogImage,
  workplace: Workplace,
  layers: ReadonlyArray<StoredLayer>,
  tree: RootTree,
  options: ExtractOptions
) =>
  Effect.gen(function* () {
    const { write } = yield* RootWriter
    const { shortfalls } = yield* write(
      workplace.root,
      stepsOf(image, tree, options),
      layers.map(({ archive }) => archive)
    )
    for (const shortfall of shortfalls) {
      const { path } = shortfall
      yield* Warning.log({ code: "MissingPrivilege", path, message: MissingPrivileges.render(shortfall) })
    }
    return shortfalls
  })

/** Layers whose media types say what their blobs are not, one sentence each. */
const misnamed = (layers: ReadonlyArray<StoredLayer>): readonly string[] =>
  layers.flatMap(({ staged: { compression } }, layer) =>
    compression === undefined
      ? []
      : [
          `layer ${layer}: it is ${compression === "none" ? "not compressed" : `compressed with ${compression}`}, which its media type does not say`
        ]
  )

/** Returns the image's layers and reports events. */
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
 * Merges layers to a tree, the lowest first, from their listings (`ListingFile`); `digests` name the layers in errors.
 * The merge yields to other work now and then, because a million entries take seconds.
 */
export const merge = (
  layers: ReadonlyArray<{ readonly listing: string }>,
  digests: ReadonlyArray<string>,
  { strict = false, treeLimits }: Pick<ExtractOptions, "strict" | "treeLimits"> = {}
) =>
  Effect.gen(function* () {
    const steps = LayerMerge.stepwise(
      layers.map(({ listing }, layer) => ListingFile.layer(listing, layer)),
      { ...LayerMerge.LIMITS, ...treeLimits }
    )
    let merged: Either.Either<LayerMerge.Merged, LayerMerge.LayerMergeError> | undefined
    const advance = () => {
      const step = steps.next()
      if (step.done === true) merged = step.value
      return step.done !== true
    }
    yield* CooperativeLoop.run(advance, (cause) => new ListingUnreadable({ cause })).pipe(
      Effect.ensuring(Effect.sync(() => steps.return(undefined as never)))
    )
    if (merged === undefined) return yield* Effect.dieMessage("a merge that ends without a result")
    const { notices, tree } = yield* Either.mapLeft(
      merged,
      (cause) => new LayerUnmergeable({ layer: digests[cause.layer] ?? "", cause })
    )
    const duplicate = notices.find(({ _tag }) => _tag === "DuplicateEntry")
    if (strict && duplicate !== undefined) {
      return yield* Effect.fail(new LayerNotStrict({ notice: LayerNotice.render(duplicate) }))
    }
    return { notices, tree }
  })

/** Warns of what is odd about the layers. @internal */
export const tellOfNotices = (notices: ReadonlyArray<LayerNotice.LayerNotice>) =>
  Effect.forEach(
    notices,
    (notice) =>
      Warning.log({
        code: notice._tag,
        path: ByteString.display(notice.path),
        message: LayerNotice.render(notice)
      }),
    { discard: true }
  )

/** Returns the steps that make a tree, and reports progress now and then. @internal */
export const stepsOf = (
  image: CatalogImage,
  tree: RootTree,
  { onEvent }: ExtractOptions
): Iterable<RootStep> =>
  onEvent === undefined
    ? RootPlan.of(tree)
    : counted(tree, (done, total) =>
        onEvent(ExtractionEvent.RootWritten({ image: image.context.name, done, total }))
      )

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
