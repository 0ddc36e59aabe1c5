/**
 * Verifies images: their signatures, their blobs against the digests, what the extracts directory keeps of them, and with `deep` their
 * roots against the blobs.
 *
 * Nothing is written to layouts and extracts. A deep verification stores its records of the layers (about 100 bytes
 * for each entry) in a temporary directory.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Digest } from "../domain/document/Digest.ts"
import { ExtractionEvent } from "../domain/extracts/ExtractionEvent.ts"
import type { Descriptor } from "../domain/image/Descriptor.ts"
import * as Platform from "../domain/image/Platform.ts"
import type { ResolvedImage } from "../domain/image/ResolvedImage.ts"
import * as SystemSettings from "../domain/settings/SystemSettings.ts"
import { Finding } from "../domain/verify/Finding.ts"
import { RootState, type Verification } from "../domain/verify/Verification.ts"
import * as ExtractRecord from "../services/extracts/ExtractRecord.ts"
import * as ExtractStore from "../services/extracts/ExtractStore.ts"
import * as CooperativeLoop from "../services/files/CooperativeLoop.ts"
import { NativeCalls } from "../services/files/NativeCalls.ts"
import * as Privileges from "../services/files/Privileges.ts"
import * as TemporaryDirectory from "../services/files/TemporaryDirectory.ts"
import { LayerArchive } from "../services/layer/LayerArchive.ts"
import { isOfMachine, type LayerError } from "../services/layer/LayerError.ts"
import * as LayerIntake from "../services/layer/LayerIntake.ts"
import * as LayerSource from "../services/layer/LayerSource.ts"
import type { ImageError } from "../services/layout/ImageResolution.ts"
import * as FoundPath from "../services/root/FoundPath.ts"
import { MountedRoots } from "../services/root/MountedRoots.ts"
import { RootComparison, type Subject } from "../services/root/RootComparison.ts"
import { type CatalogImage, isImage } from "./Catalog.ts"
import * as Extract from "./Extract.ts"
import { ListingUnreadable } from "./ExtractFailed.ts"
import type { Tell } from "./StoreVerification.ts"
import * as StoreVerification from "./StoreVerification.ts"

/** Options, all of them optional. */
export interface VerifyOptions extends StoreVerification.StoreOptions {
  /** Also compares the root, if it exists, path by path. */
  readonly deep?: boolean
  /** Called before anything of an image is read. */
  readonly onBegin?: (image: CatalogImage) => void
  /** Called for each finding as it is made. Findings are not collected, since there may be a million. */
  readonly onFinding?: (image: CatalogImage, finding: Finding) => void
  /** Called at the end of each image. */
  readonly onEnd?: (verification: Verification) => void
  /** Called while layers are read. */
  readonly onEvent?: (event: ExtractionEvent) => void
}

/**
 * Verifies one image after another; a faulty image does not stop the others. A blob that images of a layout share is
 * read once. Artifacts among the images are left out.
 */
export const verify = (images: ReadonlyArray<CatalogImage>, options: VerifyOptions = {}) =>
  Effect.gen(function* () {
    const known: Known = new Map()
    const store = yield* StoreVerification.open(options)
    return yield* Effect.forEach(images.filter(isImage), (image) => verifyOne(image, options, known, store))
  }).pipe(Effect.scoped)

/** Results of reading blobs, by everything that a result depends on. */
type Known = Map<string, Either.Either<LayerIntake.StagedLayer, LayerError>>

type Store = Effect.Effect.Success<ReturnType<typeof StoreVerification.open>>

const verifyOne = Effect.fn("Verify.verify")(function* (
  image: CatalogImage,
  options: VerifyOptions,
  known: Known,
  store: Store
) {
  let [findings, unread] = [0, 0]
  const tell: Tell = (finding, cause) => {
    findings++
    if (Privileges.isDenied(cause)) unread++
    options.onFinding?.(image, finding)
  }
  options.onBegin?.(image)
  const { foreign, layers, root } = yield* Effect.matchEffect(variants(image), {
    onFailure: (error) =>
      Effect.sync(() => {
        const { message: reason } = error
        tell(
          Privileges.isDenied(error) ? Finding.Unverified({ reason }) : Finding.Unusable({ reason }),
          error
        )
        return { foreign: [], layers: 0, root: RootState.Unchecked() }
      }),
    onSuccess: ({ foreign, images }) =>
      Effect.gen(function* () {
        // Images for other platforms have no root here.
        const asked = foreign.length === 0 ? options : { ...options, deep: false }
        const [root = RootState.Unchecked()] = yield* Effect.forEach(images, (resolved) =>
          verifyResolved(image, resolved, asked, { known, store, tell })
        )
        return {
          foreign,
          layers: images.reduce((sum, { manifest }) => sum + manifest.layers.length, 0),
          root
        }
      })
  })
  const verification: Verification = { image: image.context.name, findings, unread, layers, root, foreign }
  options.onEnd?.(verification)
  return verification
})

interface Variants {
  readonly images: readonly ResolvedImage[]
  /** Their platforms, if none of them is for this machine. */
  readonly foreign: readonly string[]
}

/**
 * Returns the variants that this machine runs; if there are none, all those for other machines that are in the
 * layout.
 */
const variants = (image: CatalogImage): Either.Either<Variants, ImageError> => {
  const own = image.documents()
  if (Either.isRight(own)) return Either.right({ images: [own.right], foreign: [] })
  const refused = own.left
  if (refused._tag !== "ImageRefused" || refused.platforms === undefined) return Either.left(refused)
  const others = refused.platforms.map((platform) => ({
    platform: Platform.display(platform),
    resolved: image.documents(Platform.machineOf(platform))
  }))
  // An index may list more manifests than were copied.
  const copied = others.filter(({ resolved }) => Either.isRight(resolved) || !isAbsent(resolved.left))
  const there = copied.length === 0 ? others : copied
  return Either.map(Either.all(there.map(({ resolved }) => resolved)), (images) => ({
    images,
    foreign: there.map(({ platform }) => platform)
  }))
}

const isAbsent = (error: ImageError): boolean => "code" in error && error.code === "ENOENT"

const verifyResolved = (
  image: CatalogImage,
  resolved: ResolvedImage,
  options: VerifyOptions,
  { known, store, tell }: { readonly known: Known; readonly store: Store; readonly tell: Tell }
) =>
  Effect.gen(function* () {
    const signed = image.signed(resolved)
    if (Either.isLeft(signed)) {
      const { message: reason } = signed.left
      tell(
        Privileges.isDenied(signed.left) ? Finding.Unverified({ reason }) : Finding.Unsigned({ reason }),
        signed.left
      )
    }
    const hasImage = yield* store.verify(image, resolved, tell)
    const state = options.deep === true ? rootState(image, resolved, tell) : RootState.Unchecked()
    if (state !== undefined) {
      yield* readLayers(image, resolved, options, tell, undefined, known)
      return hasImage && options.deep !== true ? RootState.Image() : state
    }
    return yield* deeply(image, resolved, options, tell)
  }).pipe(
    Effect.catchAll((error) =>
      Effect.sync(() => {
        tell(
          error._tag === "LayerUnmergeable"
            ? Finding.BadLayer({ layer: error.layer, problem: error._tag, reason: error.message })
            : Finding.Unverified({ reason: error.message }),
          error
        )
        return RootState.NotCompared()
      })
    )
  )

/** Returns the state of the root without comparing it; `undefined` if it exists and can be compared. */
const rootState = (image: CatalogImage, { chainId }: ResolvedImage, tell: Tell): RootState | undefined => {
  const root = ExtractStore.rootDirectory(image.context.system.extractsdir, chainId)
  try {
    return FoundPath.kindAt(root) === undefined ? RootState.NotExtracted() : undefined
  } catch (cause) {
    const { code, syscall } = cause as NodeJS.ErrnoException
    tell(Finding.Unverified({ reason: `${root}: ${syscall} says ${code}` }), cause)
    return RootState.NotCompared()
  }
}

const deeply = (image: CatalogImage, resolved: ResolvedImage, options: VerifyOptions, tell: Tell) =>
  Effect.gen(function* () {
    const temporary = yield* TemporaryDirectory.make(options.temporary)
    const layers = yield* readLayers(image, resolved, options, tell, temporary, new Map())
    if (layers === undefined) return RootState.NotCompared()
    const { tree } = yield* Extract.merge(
      layers.map((directory) => ({ listing: LayerIntake.listingPath(directory) })),
      resolved.manifest.layers.map(({ digest }) => digest),
      { treeLimits: { ...SystemSettings.mergeLimits(image.context.system), ...options.treeLimits } }
    )
    const { extractsdir } = image.context.system
    const lacks = yield* lacksOf(extractsdir, resolved.chainId)
    const { read } = yield* MountedRoots
    const { explained, paths } = yield* read(resolved.chainId, (root) =>
      compare({ root, tree, layers, lacks }, tell)
    )
    return RootState.Compared({ paths, explained: { ...explained } })
  }).pipe(Effect.scoped)

/**
 * Reads every layer, on all available threads. With a directory, the listing and the digests of each layer are
 * kept below it. Their paths are returned in the order of the layers, if all layers are intact.
 */
const readLayers = (
  image: CatalogImage,
  { config, manifest }: ResolvedImage,
  options: VerifyOptions,
  tell: Tell,
  directory: string | undefined,
  known: Known
) =>
  Effect.gen(function* () {
    const { stage } = yield* LayerArchive
    const { name } = image.context
    const { onEvent } = options
    onEvent?.(ExtractionEvent.Begun({ image: name, layers: manifest.layers }))
    const requests = manifest.layers.map((descriptor, layer) =>
      requestOf(image, descriptor, config.rootfs.diff_ids[layer] ?? descriptor.digest, options)
    )
    // The same layer may occur more than once.
    const distinct = new Map(requests.map((request, layer) => [keyOf(request), { layer, request }]))
    const read = ({ layer, request }: { readonly layer: number; readonly request: LayerIntake.Request }) =>
      Effect.gen(function* () {
        const place =
          directory === undefined ? undefined : yield* TemporaryDirectory.below(directory, `${layer}`)
        const onProgress = (progress: LayerIntake.Progress) =>
          onEvent?.(ExtractionEvent.LayerRead({ image: name, layer, ...progress }))
        return yield* Effect.either(
          stage({
            ...request,
            ...(place === undefined ? {} : { directory: place, keep: "digests" }),
            onProgress
          })
        )
      })
    const outcomes = yield* Effect.forEach(
      distinct,
      ([key, layer]) =>
        Effect.gen(function* () {
          const outcome = known.get(key) ?? (yield* read(layer))
          known.set(key, outcome)
          return outcome
        }),
      // `LayerArchive` limits this to the number of threads.
      { concurrency: "unbounded" }
    )
    const failures = outcomes.filter(Either.isLeft)
    for (const { left } of failures) tell(findingOf(left), left)
    if (failures.length > 0 || directory === undefined) return undefined
    return requests.map((request) => `${directory}/${distinct.get(keyOf(request))?.layer}`)
  })

const keyOf = (request: LayerIntake.Request): string => JSON.stringify(request)

const requestOf = (
  image: CatalogImage,
  descriptor: Descriptor,
  diffId: Digest,
  { limits }: VerifyOptions
): LayerIntake.Request => ({
  ...LayerSource.of(image.layoutPath, descriptor, diffId),
  limits: { ...SystemSettings.layerLimits(image.context.system), ...limits }
})

const findingOf = (error: LayerError): Finding =>
  isOfMachine(error)
    ? Finding.Unverified({ reason: error.message })
    : Finding.BadLayer({ layer: error.layer, problem: error._tag, reason: error.message })

/** Reads from the record what was impossible when the root was made; nothing without a record. */
const lacksOf = (extracts: string, chainId: Digest) =>
  ExtractRecord.read(extracts, chainId).pipe(
    Effect.map(({ shortfalls }) => new Set(shortfalls.map(({ lack }) => lack))),
    Effect.orElseSucceed(() => new Set<string>()),
    Effect.map((lacks) => ({
      owner: lacks.has("owner"),
      device: lacks.has("device"),
      xattr: lacks.has("xattr")
    }))
  )

/** Compares in steps that yield to other work, and closes all files in any case. */
const compare = (subject: Subject, tell: Tell) =>
  Effect.flatMap(NativeCalls, (calls) =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        const comparison = new RootComparison(subject, calls)
        return { comparison, findings: comparison.findings() }
      }),
      ({ comparison, findings }) => {
        const advance = () => {
          const { done, value } = findings.next()
          if (value !== undefined) tell(value, value)
          return done !== true
        }
        return CooperativeLoop.run(advance, (cause) => {
          // Errors of the root are findings; an error without a system call is one of the temporary directory.
          if ((cause as NodeJS.ErrnoException).syscall === undefined) throw cause
          return new ListingUnreadable({ cause })
        }).pipe(Effect.as(comparison))
      },
      ({ comparison, findings }) =>
        Effect.sync(() => {
          findings.return()
          comparison.close()
        })
    )
  )
