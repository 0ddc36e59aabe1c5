/**
 * Removes files that no image needs from the extracts directory, and on request the data of images that are gone.
 *
 * The kernel knows what is in use (`MountUse`), while unit names do not: a service may run with the root of an image
 * that was replaced or removed.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as GarbageNeeds from "../../domain/extracts/GarbageNeeds.ts"
import type { GarbagePiece, KeptPiece } from "../../domain/extracts/GarbagePiece.ts"
import * as GarbagePlan from "../../domain/extracts/GarbagePlan.ts"
import type { Settings } from "../../domain/settings/Settings.ts"
import { ExtractStore } from "../../services/extracts/ExtractStore.ts"
import { requireKnown } from "../../services/extracts/ExtractsDirectory.ts"
import { attempt, failing } from "../../services/extracts/ExtractsError.ts"
import * as ExtractsInventory from "../../services/extracts/ExtractsInventory.ts"
import * as FreedSpace from "../../services/extracts/FreedSpace.ts"
import * as GarbageFacts from "../../services/extracts/GarbageFacts.ts"
import * as GarbageRemoval from "../../services/extracts/GarbageRemoval.ts"
import * as Leftovers from "../../services/extracts/Leftovers.ts"
import * as MountUse from "../../services/extracts/MountUse.ts"
import * as FileLock from "../../services/files/FileLock.ts"
import { NativeCalls } from "../../services/files/NativeCalls.ts"
import { sha256 } from "../../services/layout/Blobs.ts"
import * as LayoutPresence from "../../services/layout/LayoutPresence.ts"
import type { Catalog } from "../Catalog.ts"
import * as NeedFacts from "./NeedFacts.ts"

/** Nothing is removed, because it is not known what is needed. */
export class GarbageRefused extends Data.TaggedError("GarbageRefused")<{
  readonly reason: string
  readonly hint: string
}> {
  override get message(): string {
    return `nothing is removed: ${this.reason}`
  }
}

/** The caller may not see what is in use. */
export class RootNeeded extends Data.TaggedError("RootNeeded")<{
  readonly hint: string
}> {
  override get message(): string {
    return "nothing is removed: only root can see which roots are in use"
  }
}

export interface GarbageOptions {
  /** Reports what would be removed, and removes nothing. */
  readonly dryRun?: boolean
  /**
   * Also removes volumes of images that are gone and what was written to their roots. This data cannot be restored.
   */
  readonly volumes?: boolean
  /** Also works without any image, which otherwise counts as a missing disk. */
  readonly allowEmpty?: boolean
  /** Finds which process uses what. It is called twice. */
  readonly look?: () => MountUse.MountUse
}

export interface Outcome {
  readonly dryRun: boolean
  readonly removed: readonly GarbagePiece[]
  /** Bytes on the disk. */
  readonly freed: number
  /** Pieces that no image needs and that are kept for another reason. */
  readonly kept: readonly KeptPiece[]
  /** Images of which everything is kept, because they cannot be read. */
  readonly held: ReadonlyArray<{ readonly image: string; readonly reason: string }>
  /** Files that this program did not make, which are kept. */
  readonly odd: readonly string[]
}

interface Survey extends GarbageFacts.Survey {
  readonly images: number
}

/** Removes garbage. `load` reads the catalog, and is called again because images may change in the meantime. */
export const collect = <E, R>(
  settings: Settings,
  load: Effect.Effect<Catalog, E, R>,
  options: GarbageOptions = {}
) =>
  Effect.gen(function* () {
    const extracts = yield* ExtractStore
    const calls = yield* NativeCalls
    const look = options.look ?? MountUse.look
    const { extractsdir } = settings.system
    yield* requireKnown(extractsdir)
    const there = yield* attempt("look through the extracts", extractsdir, () => ({
      inventory: ExtractsInventory.take(extractsdir),
      volumes: GarbageFacts.volumesIn(settings.system.volumesdir)
    }))
    const survey = Effect.map(
      load,
      (catalog): Survey => ({
        ...there,
        needs: GarbageNeeds.of(NeedFacts.collect(catalog, settings, there.inventory), sha256),
        images: catalog.images.length,
        use: look()
      })
    )
    const before = yield* survey
    yield* requireImages(settings, before, options)
    const decide = (survey: Survey) => GarbagePlan.plan(GarbageFacts.of(settings.system, survey), options)
    const { doomed, kept } = decide(before)
    const leftovers = yield* Leftovers.find(calls, settings.system)
    if (options.dryRun === true) {
      const removed = [...doomed, ...leftovers]
      return outcome(before, removed, kept, yield* FreedSpace.of(removed.map(({ path }) => path)), true)
    }
    const freedBySweep = yield* FreedSpace.of(leftovers.map(({ path }) => path))
    yield* extracts.sweep
    for (const { path } of leftovers)
      yield* FileLock.removeAbandoned(calls, path).pipe(failing("remove", path))
    if (doomed.length === 0) return outcome(before, leftovers, kept, freedBySweep, false)
    const again = Effect.map(survey, decide)
    const { back, freed, gone } = yield* Effect.scoped(
      GarbageRemoval.remove(calls, settings.system, doomed, again)
    )
    return outcome(before, [...gone, ...leftovers], [...kept, ...back], freed + freedBySweep, false)
  })

const requireImages = (
  { system }: Settings,
  { images, inventory, use }: Survey,
  { allowEmpty = false, dryRun = false }: GarbageOptions
): Effect.Effect<void, GarbageRefused | RootNeeded> => {
  const refuse = (reason: string, hint: string) => Effect.fail(new GarbageRefused({ reason, hint }))
  if (!dryRun && !use.isComplete) return new RootNeeded({ hint: "run it as root; --dry-run works without" })
  if (allowEmpty || inventory.pieces.length === 0) return Effect.void
  const state = LayoutPresence.fault(system.imagelayoutdir)
  if (state !== undefined)
    return refuse(`the layouts directory ${system.imagelayoutdir} ${state}`, EMPTY_HINT)
  return images === 0
    ? refuse(`there are no images below ${system.imagelayoutdir}, but there are extracts of some`, EMPTY_HINT)
    : Effect.void
}

const outcome = (
  { inventory, needs }: Survey,
  removed: readonly GarbagePiece[],
  kept: readonly KeptPiece[],
  freed: number,
  dryRun: boolean
): Outcome => ({
  dryRun,
  removed,
  freed,
  kept,
  held: [...needs.held].map(([image, reason]) => ({ image, reason })),
  odd: inventory.odd
})

const EMPTY_HINT = "--allow-empty proceeds, if no disk is missing"
