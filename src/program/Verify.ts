/**
 * Whether images are still what they are called by: their blobs, and, deep, their roots against what the blobs say.
 *
 * Nothing is written to layouts and extracts. What a deep verification has to remember of the layers (about 100 bytes an
 * entry) lies in a temporary directory meanwhile.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { Descriptor } from "../domain/image/Descriptor.ts"
import type { Digest } from "../domain/document/Digest.ts"
import { ExtractionEvent } from "../domain/extracts/ExtractionEvent.ts"
import { Finding } from "../domain/verify/Finding.ts"
import { display } from "../domain/naming/ImageName.ts"
import type { LayerLimits } from "../domain/archive/LayerLimits.ts"
import type { MergeLimits } from "../domain/layer/LayerMerge.ts"
import * as Platform from "../domain/image/Platform.ts"
import type { ResolvedImage } from "../domain/image/ResolvedImage.ts"
import * as SystemSettings from "../domain/settings/SystemSettings.ts"
import { isDamaged, RootState, type Verification } from "../domain/verify/Verification.ts"
import * as ExtractRecord from "../services/extracts/ExtractRecord.ts"
import * as Extracts from "../services/Extracts.ts"
import * as FoundPath from "../services/root/FoundPath.ts"
import type { ImageError } from "../services/layout/ImageResolution.ts"
import type { LayerError } from "../services/layer/LayerError.ts"
import type { Progress, Request, StagedLayer } from "../services/layer/LayerIntake.ts"
import * as LayerSource from "../services/layer/LayerSource.ts"
import { LayerStage } from "../services/LayerStage.ts"
import { NativeCalls } from "../services/files/NativeCalls.ts"
import * as Privileges from "../services/files/Privileges.ts"
import { RootComparison, type Subject } from "../services/root/RootComparison.ts"
import * as Slices from "../services/files/CooperativeLoop.ts"
import * as TemporaryDirectory from "../services/files/TemporaryDirectory.ts"
import type { CatalogImage } from "./Catalog.ts"
import * as Extract from "./Extract.ts"

/** All of them may be left out. */
export interface VerifyOptions {
  /** The root too, where there is one. */
  readonly deep?: boolean
  /** Called before anything of an image is read. */
  readonly onBegin?: (image: CatalogImage) => void
  /** Called for everything that is wrong, as it is found; nothing is collected, since there may be a million. */
  readonly onFinding?: (image: CatalogImage, finding: Finding) => void
  /** Called when all of an image was looked at. */
  readonly onEnd?: (verification: Verification) => void
  /** Called as layers are read. */
  readonly onEvent?: (event: ExtractionEvent) => void
  /** What a layer may unpack to. */
  readonly limits?: Partial<LayerLimits>
  /** What all layers together may come to. */
  readonly treeLimits?: Partial<MergeLimits>
  /** Where the temporary directory is made; `TMPDIR`, or `/var/tmp`, unless told otherwise. */
  readonly temporary?: string
}

/** Not a failure of `verify`, which reports what it finds, but for who wants to fail then. */
export class NotIntact extends Schema.TaggedError<NotIntact>()("NotIntact", {
  images: Schema.Array(Schema.String),
  of: Schema.Number
}) {
  override get message(): string {
    return `${this.images.length} of ${this.of} images ${this.images.length === 1 ? "is" : "are"} not intact: ${this.images.join(", ")}`
  }
}

/** One image after another; whatever is wrong with one, the others go on. A blob that images of a layout share is read once. */
export const verify = (images: ReadonlyArray<CatalogImage>, options: VerifyOptions = {}) =>
  Effect.suspend(() => {
    const known: Known = new Map()
    return Effect.forEach(images, (image) => verifyOne(image, options, known))
  })

/** Fails unless all are intact. */
export const requireIntact = (verifications: ReadonlyArray<Verification>): Effect.Effect<void, NotIntact> => {
  const images = verifications.filter(isDamaged).map(({ image }) => display(image))
  return images.length === 0 ? Effect.void : Effect.fail(new NotIntact({ images, of: verifications.length }))
}

/** What came of reading blobs, by all that the outcome depends on. */
type Known = Map<string, Either.Either<StagedLayer, LayerError>>

/** What is wrong goes here, with what raised it where that may be for want of privileges. */
type Tell = (finding: Finding, cause?: unknown) => void

const verifyOne = Effect.fn("Verify.verify")(function* (
  image: CatalogImage,
  options: VerifyOptions,
  known: Known
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
        // No root of theirs is made here.
        const asked = foreign.length === 0 ? options : { ...options, deep: false }
        const [root = RootState.Unchecked()] = yield* Effect.forEach(images, (resolved) =>
          verifyResolved(image, resolved, asked, known, tell)
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
  /** Their platforms, where none is for this machine. */
  readonly foreign: readonly string[]
}

/** What this machine runs; where there is no such thing, all that is in the layout for others. */
const variants = (image: CatalogImage): Either.Either<Variants, ImageError> => {
  const own = image.resolve()
  if (Either.isRight(own)) return Either.right({ images: [own.right], foreign: [] })
  const refused = own.left
  if (refused._tag !== "ImageRefused" || refused.platforms === undefined) return Either.left(refused)
  const others = refused.platforms.map((platform) => ({
    platform: Platform.display(platform),
    resolved: image.resolve(Platform.machineOf(platform))
  }))
  // An index may list more than was copied.
  const copied = others.filter(({ resolved }) => Either.isRight(resolved) || !isAbsent(resolved.left))
  const there = copied.length === 0 ? others : copied
  return Either.map(Either.all(there.map(({ resolved }) => resolved)), (images) => ({
    images,
    foreign: there.map(({ platform }) => platform)
  }))
}

const isAbsent = (error: ImageError): boolean => error.code === "ENOENT"

const verifyResolved = (
  image: CatalogImage,
  resolved: ResolvedImage,
  options: VerifyOptions,
  known: Known,
  tell: Tell
) =>
  Effect.gen(function* () {
    const state = options.deep === true ? rootState(image, resolved, tell) : RootState.Unchecked()
    if (state !== undefined) {
      yield* readLayers(image, resolved, options, tell, undefined, known)
      return state
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

/** What to say of the root without comparing it, or nothing where it is there to be compared. */
const rootState = (image: CatalogImage, { chainId }: ResolvedImage, tell: Tell): RootState | undefined => {
  const root = Extracts.rootDirectory(image.context.system.extractsdir, chainId)
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
      layers.map((directory) => ({ directory })),
      resolved.manifest.layers.map(({ digest }) => digest),
      { treeLimits: { ...SystemSettings.mergeLimits(image.context.system), ...options.treeLimits } }
    )
    const { extractsdir } = image.context.system
    const root = Extracts.rootDirectory(extractsdir, resolved.chainId)
    const diffIds = resolved.config.rootfs.diff_ids
    const lacks = yield* lacksOf(extractsdir, resolved.chainId)
    const { explained, paths } = yield* compare({ root, tree, layers, diffIds, lacks }, tell)
    return RootState.Compared({ paths, explained: { ...explained } })
  }).pipe(Effect.scoped)

/**
 * Every layer, on as many threads as there are for it. With a directory, each is taken apart for digests below it, and
 * those places are returned, in the order of the layers, if all layers are what they should be.
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
    const { stage } = yield* LayerStage
    const { name } = image.context
    const { onEvent } = options
    onEvent?.(ExtractionEvent.Begun({ image: name, layers: manifest.layers }))
    const requests = manifest.layers.map((descriptor, layer) =>
      requestOf(image, descriptor, config.rootfs.diff_ids[layer] ?? descriptor.digest, options)
    )
    // one layer may be there more than once
    const distinct = new Map(requests.map((request, layer) => [keyOf(request), { layer, request }]))
    const read = ({ layer, request }: { readonly layer: number; readonly request: Request }) =>
      Effect.gen(function* () {
        const place =
          directory === undefined ? undefined : yield* TemporaryDirectory.below(directory, `${layer}`)
        const onProgress = (progress: Progress) =>
          onEvent?.(ExtractionEvent.LayerRead({ image: name, layer, ...progress }))
        return yield* Effect.either(
          stage({
            ...request,
            ...(place === undefined ? {} : { directory: place, files: "digests" }),
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
      // as many as there are threads for: `LayerStage` knows
      { concurrency: "unbounded" }
    )
    const failures = outcomes.filter(Either.isLeft)
    for (const { left } of failures) tell(findingOf(left), left)
    if (failures.length > 0 || directory === undefined) return undefined
    return requests.map((request) => `${directory}/${distinct.get(keyOf(request))?.layer}`)
  })

const keyOf = (request: Request): string => JSON.stringify(request)

const requestOf = (
  image: CatalogImage,
  descriptor: Descriptor,
  diffId: Digest,
  { limits }: VerifyOptions
): Request => ({
  ...LayerSource.of(image.layoutPath, descriptor, diffId),
  limits: { ...SystemSettings.layerLimits(image.context.system), ...limits }
})

/** That the temporary directory is full, or who asks may not read it, is no fault of the layer. */
const findingOf = (error: LayerError): Finding =>
  error._tag === "LayerUnwritable" || Privileges.isDenied(error)
    ? Finding.Unverified({ reason: error.message })
    : Finding.BadLayer({ layer: error.layer, problem: error._tag, reason: error.message })

/** What the record says was lacking when the root was made. Without a record: nothing. */
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

/** In slices; whatever happens, nothing stays open. */
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
        return Slices.run(advance, (cause) => {
          // of the root's own refusals each is a finding; this is one of the temporary directory
          if ((cause as NodeJS.ErrnoException).syscall === undefined) throw cause
          return new Extract.ListingUnreadable({ cause })
        }).pipe(Effect.as(comparison))
      },
      ({ comparison, findings }) =>
        Effect.sync(() => {
          findings.return()
          comparison.close()
        })
    )
  )
