/**
 * Removes what no image needs from the extracts directory, and, when told to, the data of images that are gone.
 *
 * What is in use, the kernel says (`MountUse`), not the names of units: a service may run on with the root of an image
 * that moved on, or is gone.
 */
import { lstatSync, readdirSync } from "node:fs"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as ExtractsTree from "../../domain/extracts/ExtractsTree.ts"
import type { GarbagePiece, KeptPiece } from "../../domain/extracts/GarbagePiece.ts"
import type { Settings } from "../../domain/settings/Settings.ts"
import * as Claim from "../../services/files/FileLock.ts"
import { attempt, Extracts, type ExtractsError, failing } from "../../services/Extracts.ts"
import * as ExtractsInventory from "../../services/extracts/ExtractsInventory.ts"
import * as FreedSpace from "../../services/extracts/FreedSpace.ts"
import * as MountUse from "../../services/extracts/MountUse.ts"
import { type Calls, NativeCalls } from "../../services/files/NativeCalls.ts"
import type { Catalog } from "../Catalog.ts"
import * as GarbageNeeds from "./GarbageNeeds.ts"
import * as GarbageRemoval from "../../services/extracts/GarbageRemoval.ts"
import * as GarbageSelection from "../GarbageSelection.ts"

/** Nothing is removed where it cannot be known what is needed. */
export class GarbageRefused extends Schema.TaggedError<GarbageRefused>()("GarbageRefused", {
  reason: Schema.String,
  hint: Schema.String
}) {
  override get message(): string {
    return `nothing is removed: ${this.reason}`
  }
}

/** What is in use cannot be told by this user. */
export class RootNeeded extends Schema.TaggedError<RootNeeded>()("RootNeeded", { hint: Schema.String }) {
  override get message(): string {
    return "nothing is removed: only root can see which roots are in use"
  }
}

export interface GarbageOptions {
  /** Say what would be removed, and remove nothing. */
  readonly dryRun?: boolean
  /** The volumes of images that are gone, too, and what was written to their roots: data, which nothing can make again. */
  readonly volumes?: boolean
  /** Also where no image is left, which otherwise is taken for a disk that is missing. */
  readonly allowEmpty?: boolean
  /** Who uses what; asked twice. */
  readonly look?: () => MountUse.MountUse
}

export interface Outcome {
  readonly dryRun: boolean
  readonly removed: readonly GarbagePiece[]
  /** Bytes on the disk. */
  readonly freed: number
  /** What no image needs and is left all the same. */
  readonly kept: readonly KeptPiece[]
  /** Images that keep what they have, since nothing can be known of them. */
  readonly held: ReadonlyArray<{ readonly image: string; readonly reason: string }>
  /** What is not ours, and is left alone. */
  readonly odd: readonly string[]
}

/** `load` reads the catalogue: what is there may change while this works, so it is asked again. */
export const collect = <E, R>(
  settings: Settings,
  load: Effect.Effect<Catalog, E, R>,
  options: GarbageOptions = {}
) =>
  Effect.gen(function* () {
    const extracts = yield* Extracts
    const calls = yield* NativeCalls
    const look = options.look ?? MountUse.look
    const { extractsdir } = settings.system
    const there = yield* attempt("look through the extracts", extractsdir, () => ({
      inventory: ExtractsInventory.take(extractsdir),
      volumes: directoriesIn(settings.system.volumesdir)
    }))
    const survey = Effect.flatMap(load, (catalog) =>
      Effect.map(
        GarbageNeeds.of(catalog, settings, there.inventory),
        (needs): GarbageSelection.Survey => ({
          ...there,
          needs,
          images: catalog.images.length,
          use: look()
        })
      )
    )
    const before = yield* survey
    yield* requireImages(settings, before, options)
    const { doomed, kept } = GarbageSelection.of(settings.system, before, options)
    const leftovers = yield* abandoned(calls, settings)
    if (options.dryRun === true) {
      const removed = [...doomed, ...leftovers]
      return outcome(before, removed, kept, yield* FreedSpace.of(removed.map(({ path }) => path)), true)
    }
    const freedBySweep = yield* FreedSpace.of(leftovers.map(({ path }) => path))
    yield* extracts.sweep
    for (const { path } of leftovers) yield* Claim.removeAbandoned(calls, path).pipe(failing("remove", path))
    if (doomed.length === 0) return outcome(before, leftovers, kept, freedBySweep, false)
    const again = Effect.map(survey, (after) => GarbageSelection.of(settings.system, after, options))
    const { back, freed, gone } = yield* Effect.scoped(
      GarbageRemoval.remove(calls, settings.system, doomed, again)
    )
    return outcome(before, [...gone, ...leftovers], [...kept, ...back], freed + freedBySweep, false)
  })

const requireImages = (
  { system }: Settings,
  { images, inventory, use }: GarbageSelection.Survey,
  { allowEmpty = false, dryRun = false }: GarbageOptions
): Effect.Effect<void, GarbageRefused | RootNeeded> => {
  const refuse = (reason: string, hint: string) => Effect.fail(new GarbageRefused({ reason, hint }))
  if (!dryRun && !use.isComplete) return new RootNeeded({ hint: "run it as root; --dry-run works without" })
  if (allowEmpty || inventory.pieces.length === 0) return Effect.void
  const state = stateOf(system.imagelayoutdir)
  if (state !== undefined)
    return refuse(`the layouts directory ${system.imagelayoutdir} ${state}`, EMPTY_HINT)
  return images === 0
    ? refuse(`there are no images below ${system.imagelayoutdir}, and there are extracts of some`, EMPTY_HINT)
    : Effect.void
}

const stateOf = (directory: string): string | undefined => {
  try {
    readdirSync(directory)
    return undefined
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    return code === "ENOENT" ? "is missing" : `cannot be read: ${code}`
  }
}

/** Links are the operator's, and what begins with a dot is ours. */
const directoriesIn = (directory: string): readonly string[] => {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
      .map(({ name }) => name)
  } catch {
    return []
  }
}

/** What dead processes left. */
const abandoned = (
  calls: Calls,
  { system }: Settings
): Effect.Effect<readonly GarbagePiece[], ExtractsError> =>
  attempt("look for leftovers", system.extractsdir, () =>
    [
      `${system.extractsdir}/${ExtractsTree.TMP}`,
      `${system.extractsdir}/${ExtractsTree.LOCKS}`,
      `${system.volumesdir}/${GarbageRemoval.VOLUMES_TRASH}`
    ].flatMap((parent) => {
      const children = lstatSync(parent, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(parent) : []
      return children
        .map((child) => `${parent}/${child}`)
        .filter((path) => !Claim.isHeld(calls, path))
        .map((path): GarbagePiece => ({ kind: "leftover", path }))
    })
  )

const outcome = (
  { inventory, needs }: GarbageSelection.Survey,
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

const EMPTY_HINT = "if that is no disk that is missing, --allow-empty goes on"
