/**
 * Verifies what the extracts directory keeps of an image: each layer's archive against its diff id, its listing against
 * the archive, and the image of a mounted root against what the layers give. A layer that images share is read once.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Scope from "effect/Scope"
import type { LayerLimits } from "../domain/archive/LayerLimits.ts"
import { type Digest, encoded } from "../domain/document/Digest.ts"
import * as ExtractsTree from "../domain/extracts/ExtractsTree.ts"
import type { ResolvedImage } from "../domain/image/ResolvedImage.ts"
import type { MergeLimits } from "../domain/layer/LayerMerge.ts"
import * as SystemSettings from "../domain/settings/SystemSettings.ts"
import { Finding } from "../domain/verify/Finding.ts"
import { ExtractStore } from "../services/extracts/ExtractStore.ts"
import * as CooperativeLoop from "../services/files/CooperativeLoop.ts"
import * as FileComparison from "../services/files/FileComparison.ts"
import * as TemporaryDirectory from "../services/files/TemporaryDirectory.ts"
import * as Warning from "../services/files/Warning.ts"
import { LayerArchive } from "../services/layer/LayerArchive.ts"
import { isOfMachine, type LayerError } from "../services/layer/LayerError.ts"
import * as LayerIntake from "../services/layer/LayerIntake.ts"
import * as FoundPath from "../services/root/FoundPath.ts"
import * as ImageComparison from "../services/root/ImageComparison.ts"
import type { CatalogImage } from "./Catalog.ts"
import * as Extract from "./Extract.ts"
import { ListingUnreadable } from "./ExtractFailed.ts"

/** Options, all of them optional. */
export interface StoreOptions {
  /** Limits on each layer. */
  readonly limits?: Partial<LayerLimits>
  /** Limits on all layers together. */
  readonly treeLimits?: Partial<MergeLimits>
  /** Where the temporary directory is made; by default `TMPDIR`, or `/var/tmp`. */
  readonly temporary?: string
}

/** Reports a finding, with its cause if that may be a lack of privileges. */
export type Tell = (finding: Finding, cause?: unknown) => void

interface ReadLayer {
  readonly archive: string
  readonly bytes: number
  /** A listing that was made of the archive now. */
  readonly listing: string
}

/** A verification that is going on: it knows the extracts, how a layer is read, and which layers were read already. */
interface Verifying {
  readonly extracts: string
  readonly options: StoreOptions
  readonly stage: LayerArchive["Type"]["stage"]
  /** Makes a directory that is removed with the verification. */
  readonly makeDirectory: (name: string) => Effect.Effect<string, TemporaryDirectory.TemporaryDirectoryError>
  /** Layers that were read, since images share them. */
  readonly known: Map<Digest, Either.Either<ReadLayer, LayerError>>
  /** Warns once, however many images there are, that the caller may not see what is extracted. */
  readonly tellOfExtracts: Effect.Effect<void>
}

/** Opens a verification of the extracts directory, with a temporary directory for its scope. */
export const open = (options: StoreOptions) =>
  Effect.gen(function* () {
    const { stage } = yield* LayerArchive
    const { directory: extracts } = yield* ExtractStore
    const temporary = yield* Effect.cached(TemporaryDirectory.make(options.temporary))
    const scope = yield* Effect.scope
    const tellOfExtracts = yield* Effect.cached(
      Warning.log({
        code: "ExtractsUnread",
        path: extracts,
        message: `${extracts} cannot be read: images are verified, and what is extracted of them is not`
      })
    )
    const verifying: Verifying = {
      extracts,
      options,
      stage,
      makeDirectory: (name) =>
        Effect.flatMap(Effect.provideService(temporary, Scope.Scope, scope), (parent) =>
          TemporaryDirectory.below(parent, name)
        ),
      known: new Map(),
      tellOfExtracts
    }
    return {
      /** Returns whether the root of the image is an image of its own, which was then compared. */
      verify: (image: CatalogImage, resolved: ResolvedImage, tell: Tell) =>
        verify(verifying, image, resolved, tell)
    }
  })

const verify = (verifying: Verifying, image: CatalogImage, resolved: ResolvedImage, tell: Tell) =>
  Effect.gen(function* () {
    const root = `${verifying.extracts}/${ExtractsTree.rootOf(resolved.chainId)}`
    const isImage = Either.try({ try: () => FoundPath.kindAt(root) === "Symlink", catch: (cause) => cause })
    // For `--deep` it is a finding.
    if (Either.isLeft(isImage)) {
      yield* verifying.tellOfExtracts
      return false
    }
    const layers = yield* verifyLayers(verifying, image, resolved, isImage.right, tell)
    if (isImage.right && layers !== undefined)
      yield* verifyRootImage(verifying, image, resolved, layers, tell)
    return isImage.right
  })

/** Reads the stored layers of an image, and compares their listings. Returns the layers if all are stored and intact. */
const verifyLayers = (
  verifying: Verifying,
  image: CatalogImage,
  { config }: ResolvedImage,
  isNeeded: boolean,
  tell: Tell
) =>
  Effect.gen(function* () {
    const { extracts } = verifying
    const layers: Array<ReadLayer> = []
    const told = new Set<Digest>()
    for (const diffId of config.rootfs.diff_ids) {
      const outcome = yield* readLayer(verifying, image, diffId)
      const path = `${extracts}/${ExtractsTree.layerOf(diffId)}`
      const isNew = !told.has(diffId)
      told.add(diffId)
      if (outcome === undefined) {
        if (isNew && isNeeded) tell(Finding.BadStore({ path, reason: "is missing" }))
      } else if (Either.isLeft(outcome)) {
        if (isNew) tell(findingOf(path, outcome.left), outcome.left)
      } else {
        layers.push(outcome.right)
        const listing = `${extracts}/${ExtractsTree.listingOf(diffId)}`
        if (isNew) yield* verifyListing(listing, outcome.right.listing, tell)
      }
    }
    return layers.length === config.rootfs.diff_ids.length ? layers : undefined
  })

/** Reads a stored layer; `undefined` if it is not stored. */
const readLayer = (
  { extracts, known, makeDirectory, options, stage }: Verifying,
  image: CatalogImage,
  diffId: Digest
) =>
  Effect.gen(function* () {
    const found = known.get(diffId)
    if (found !== undefined) return found
    const archive = `${extracts}/${ExtractsTree.layerOf(diffId)}`
    const size = FileComparison.sizeOf(archive)
    if (size === undefined) return undefined
    const directory = yield* makeDirectory(`${known.size}`)
    const limits = { ...SystemSettings.layerLimits(image.context.system), ...options.limits }
    const blob = { path: archive, digest: diffId, size }
    const staged = yield* Effect.either(
      stage({ blob, diffId, compression: "none", directory, keep: "listing", limits })
    )
    const outcome = Either.map(staged, ({ bytes }) => ({
      archive,
      bytes,
      listing: LayerIntake.listingPath(directory)
    }))
    known.set(diffId, outcome)
    return outcome
  })

/** Compares a stored listing with one that was made of the layer now. */
const verifyListing = (path: string, made: string, tell: Tell) =>
  Effect.gen(function* () {
    const reason = yield* running(
      () => FileComparison.faultBeside(path, made),
      () => {}
    )
    if (reason !== undefined) tell(Finding.BadStore({ path, reason }))
  })

/** Compares the image of a root with what its layers give. */
const verifyRootImage = (
  { extracts, options }: Verifying,
  image: CatalogImage,
  { chainId, config, manifest }: ResolvedImage,
  layers: ReadonlyArray<ReadLayer>,
  tell: Tell
) =>
  Effect.gen(function* () {
    const { tree } = yield* Extract.merge(
      layers,
      manifest.layers.map(({ digest }) => digest),
      { treeLimits: { ...SystemSettings.mergeLimits(image.context.system), ...options.treeLimits } }
    )
    const place = ExtractsTree.rootImageOf(chainId)
    const devices = layers.flatMap(({ archive, bytes }, layer) => {
      const diffId = config.rootfs.diff_ids[layer]
      if (diffId === undefined) return []
      const link = ExtractsTree.linkTarget(place, ExtractsTree.layerOf(diffId))
      return [{ archive, diffId: encoded(diffId), link, size: bytes }]
    })
    yield* running(
      () => ImageComparison.faults(`${extracts}/${place}`, tree, devices),
      (fault) => tell(Finding.BadStore(fault))
    )
  })

/** Runs a generator in slices, hands over what it yields, and returns its result. */
const running = <A, R>(
  make: () => Generator<A | undefined, R, undefined>,
  use: (value: A) => void
): Effect.Effect<R, ListingUnreadable> =>
  Effect.acquireUseRelease(
    Effect.sync(make),
    (generator) =>
      Effect.suspend(() => {
        let result: { readonly value: R } | undefined
        const advance = (): boolean => {
          const step = generator.next()
          if (step.done === true) result = step
          else if (step.value !== undefined) use(step.value)
          return step.done !== true
        }
        return CooperativeLoop.run(advance, (cause) => new ListingUnreadable({ cause })).pipe(
          Effect.flatMap(() =>
            result === undefined
              ? Effect.dieMessage("a generator that ends without a result")
              : Effect.succeed(result.value)
          )
        )
      }),
    (generator) => Effect.sync(() => void generator.return(undefined as never))
  )

const findingOf = (path: string, error: LayerError): Finding => {
  if (isOfMachine(error)) return Finding.Unverified({ reason: error.message })
  return Finding.BadStore({
    path,
    reason:
      error._tag === "LayerDigestMismatch"
        ? `is damaged: its digest is ${error.actual}`
        : `is damaged: ${error.message}`
  })
}
