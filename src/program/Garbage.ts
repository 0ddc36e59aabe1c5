/**
 * Removes what no image needs from the extracts directory, and, when told to, the data of images that are gone.
 *
 * A piece is first moved to `tmp`, by one rename, then looked at again, and only then removed. So nobody ever finds half
 * of it, and whoever is killed leaves leftovers that the next extraction or collection sweeps. The second look moves
 * back what an image has come to need in the meantime, or a process has come to use: from the moment of the rename on
 * nobody new can.
 *
 * What is in use, the kernel says (`MountUse`), not the names of units: a service may run on with the root of an image
 * that moved on, or is gone.
 */
import { existsSync, lstatSync, readdirSync, realpathSync, renameSync, rmdirSync } from "node:fs"
import { dirname } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as ExtractsTree from "../domain/ExtractsTree.ts"
import { display } from "../domain/ImageName.ts"
import type { Settings } from "../domain/Settings.ts"
import { sha256 } from "../services/Blobs.ts"
import * as Claim from "../services/Claim.ts"
import * as Durable from "../services/Durable.ts"
import { attempt, Extracts, type ExtractsError, failing } from "../services/Extracts.ts"
import * as ExtractsInventory from "../services/ExtractsInventory.ts"
import * as FreedSpace from "../services/FreedSpace.ts"
import * as MountUse from "../services/MountUse.ts"
import { type Calls, NativeCalls } from "../services/NativeCalls.ts"
import type { Catalog } from "./Catalog.ts"
import * as GarbageNeeds from "./GarbageNeeds.ts"

/** Nothing is removed where it cannot be known what is needed. */
export class GarbageRefused extends Schema.TaggedError<GarbageRefused>()("GarbageRefused", {
  reason: Schema.String,
  hint: Schema.String
}) {
  override get message(): string {
    return `nothing is removed: ${this.reason}`
  }
}

export interface GarbageOptions {
  /** Say what would be removed, and remove nothing. */
  readonly dryRun?: boolean
  /** The volumes and kept roots of images that are gone, too: data, which nothing can make again. */
  readonly volumes?: boolean
  /** Also where no image is left, which otherwise is taken for a disk that is missing. */
  readonly allowEmpty?: boolean
  /** Who uses what; asked twice. */
  readonly look?: () => MountUse.MountUse
}

export type GarbageKind = ExtractsInventory.Kind | "volumes" | "leftover"

export interface Removed {
  readonly kind: GarbageKind
  /** Absolute. */
  readonly path: string
  /** Of a root: the images that had it last. */
  readonly images?: readonly string[]
}

export interface Kept extends Removed {
  readonly reason: string
}

export interface Outcome {
  readonly dryRun: boolean
  readonly removed: readonly Removed[]
  /** Bytes on the disk. */
  readonly freed: number
  /** What no image needs and is left all the same. */
  readonly kept: readonly Kept[]
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
        (needs): Survey => ({
          ...there,
          needs,
          images: catalog.images.length,
          use: look()
        })
      )
    )
    const before = yield* survey
    yield* requireImages(settings, before, options)
    const { doomed, kept } = divide(settings, before, options)
    const leftovers = yield* abandoned(calls, settings)
    if (options.dryRun === true) {
      const removed = [...doomed, ...leftovers]
      return outcome(before, removed, kept, yield* FreedSpace.of(removed.map(({ path }) => path)), true)
    }
    const freedBySweep = yield* FreedSpace.of(leftovers.map(({ path }) => path))
    yield* extracts.sweep
    for (const { path } of leftovers) yield* Claim.removeAbandoned(calls, path).pipe(failing("remove", path))
    if (doomed.length === 0) return outcome(before, leftovers, kept, freedBySweep, false)
    const again = Effect.map(survey, (after) => divide(settings, after, options))
    const { back, freed, gone } = yield* Effect.scoped(remove(calls, settings, doomed, again))
    return outcome(before, [...gone, ...leftovers], [...kept, ...back], freed + freedBySweep, false)
  })

interface Survey {
  readonly images: number
  readonly needs: GarbageNeeds.Needs
  readonly inventory: ExtractsInventory.Inventory
  /** Names of directories below `volumesdir`. */
  readonly volumes: readonly string[]
  readonly use: MountUse.MountUse
}

const requireImages = (
  { system }: Settings,
  { images, inventory, use }: Survey,
  { allowEmpty = false, dryRun = false }: GarbageOptions
): Effect.Effect<void, GarbageRefused> => {
  const refuse = (reason: string, hint: string) => Effect.fail(new GarbageRefused({ reason, hint }))
  if (!dryRun && !use.isComplete)
    return refuse("only root can see which roots are in use", "run it as root; --dry-run works without")
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

/** What is to go, and what stays though nobody needs it. */
const divide = (
  settings: Settings,
  { inventory, needs, use, volumes }: Survey,
  options: GarbageOptions
): { readonly doomed: readonly Removed[]; readonly kept: readonly Kept[] } => {
  const { extractsdir } = settings.system
  const doomed: Removed[] = []
  const kept: Kept[] = []
  const real = existsSync(extractsdir) ? realpathSync(extractsdir) : extractsdir
  const sort = (piece: Removed, needle: string, real: string, isData: boolean): void => {
    const user = use.of(needle) ?? mounted(use.mountedBelow(real))
    if (user !== undefined) kept.push({ ...piece, reason: `in use by ${user}` })
    else if (isData && options.volumes !== true) kept.push({ ...piece, reason: DATA })
    else doomed.push(piece)
  }
  const spared = new Set<string>()
  for (const { kind, path } of inventory.pieces) {
    if (needs.has(path)) continue
    const isData = kind === "scratch" && !needs.forgotten.has(path.slice(path.indexOf("/") + 1))
    const piece = {
      kind,
      path: `${extractsdir}/${path}`,
      ...(kind === "root" ? { images: imagesOf(inventory, path) } : {})
    }
    sort(piece, `/${path}`, `${real}/${path}`, isData)
    if (kind === "root" && doomed[doomed.length - 1]?.path !== `${extractsdir}/${path}`)
      spared.add(recordOf(path))
  }
  const { volumesdir } = settings.system
  for (const name of volumes) {
    if (needs.directories.has(name)) continue
    const path = `${volumesdir}/${name}`
    sort({ kind: "volumes", path }, `/${name}`, path, true)
  }
  return { doomed: doomed.filter(({ path }) => !spared.has(path.slice(extractsdir.length + 1))), kept }
}

const mounted = (at: string | undefined): string | undefined =>
  at === undefined ? undefined : `what is mounted at ${at}`

const imagesOf = ({ pieces }: ExtractsInventory.Inventory, root: string): readonly string[] => [
  ...new Set(
    pieces
      .filter(({ kind, target }) => kind === "name" && target === root)
      .map(({ path }) => {
        const name = ExtractsTree.imageOf(dirname(path), sha256)
        return name === undefined ? dirname(path) : display(name)
      })
  )
]

/** The record stays as long as its root. */
const recordOf = (root: string): string =>
  `${root.replace(`${ExtractsTree.DIRS}/chainID`, ExtractsTree.RECORDS)}.json`

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
const abandoned = (calls: Calls, { system }: Settings): Effect.Effect<readonly Removed[], ExtractsError> =>
  attempt("look for leftovers", system.extractsdir, () =>
    [
      `${system.extractsdir}/${ExtractsTree.TMP}`,
      `${system.extractsdir}/${ExtractsTree.LOCKS}`,
      `${system.volumesdir}/${VOLUMES_TRASH}`
    ].flatMap((parent) => {
      const children = lstatSync(parent, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(parent) : []
      return children
        .map((child) => `${parent}/${child}`)
        .filter((path) => !Claim.isHeld(calls, path))
        .map((path): Removed => ({ kind: "leftover", path }))
    })
  )

/** Moves all of it away, looks again, moves back what has to be there, and leaves the rest to the scope's end. */
const remove = <E, R>(
  calls: Calls,
  settings: Settings,
  doomed: readonly Removed[],
  again: Effect.Effect<{ readonly doomed: readonly Removed[] }, E, R>
) =>
  Effect.gen(function* () {
    const { extractsdir, volumesdir } = settings.system
    if (doomed.some(({ kind }) => kind === "volumes")) {
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => removeEmpty(`${volumesdir}/${VOLUMES_TRASH}`, volumesdir))
      )
    }
    const trash = yield* trashIn(calls, `${extractsdir}/${ExtractsTree.TMP}`)
    const other = doomed.some(({ kind }) => kind === "volumes")
      ? yield* trashIn(calls, `${volumesdir}/${VOLUMES_TRASH}`)
      : trash
    const moved: Array<Removed & { readonly to: string }> = []
    const back: Kept[] = []
    const gone: Array<Removed & { readonly to: string }> = []
    // Once begun, it is seen through: what is moved must be looked at, or be there again.
    yield* Effect.gen(function* () {
      for (const [index, piece] of doomed.entries()) {
        const to = `${piece.kind === "volumes" ? other : trash}/${index}`
        const gone = yield* away(calls, piece, to).pipe(failing("move away", piece.path), Effect.either)
        if (gone._tag === "Left") back.push({ ...piece, reason: gone.left.message })
        else if (gone.right) moved.push({ ...piece, to })
        else back.push({ ...piece, reason: "being used by an extraction" })
      }
      // The inventory is that of before, so that it has what is moved away.
      const found = yield* Effect.exit(again)
      const doomedStill = new Set(found._tag === "Success" ? found.value.doomed.map(({ path }) => path) : [])
      for (const { to, ...piece } of moved) {
        if (doomedStill.has(piece.path)) gone.push({ ...piece, to })
        else {
          restore(to, piece.path)
          back.push({ ...piece, reason: "needed again" })
        }
      }
    }).pipe(Effect.uninterruptible)
    for (const { kind, path } of gone)
      if (kind === "name") removeEmpty(dirname(path), `${extractsdir}/${ExtractsTree.NAMES}`)
    const freed = yield* FreedSpace.of(gone.map(({ to }) => to))
    return { gone: gone.map(({ to: _, ...piece }): Removed => piece), back, freed }
  })

const trashIn = (calls: Calls, parent: string) =>
  Effect.gen(function* () {
    yield* attempt("make a directory", parent, () => Durable.makeDirectory(parent, 0o700))
    const { path } = yield* Claim.temporaryDirectory(calls, parent).pipe(
      failing("make a temporary directory", parent)
    )
    return path
  })

const away = (calls: Calls, { kind, path }: Removed, to: string) =>
  kind === "root" || kind === "layer"
    ? Claim.takeAway(calls, path, to)
    : Effect.try({
        try: () => {
          renameSync(path, to)
          return true
        },
        catch: (cause) => cause as NodeJS.ErrnoException
      })

/** Unless there is another one by now. */
const restore = (from: string, to: string): void => {
  if (lstatSync(to, { throwIfNoEntry: false }) === undefined) {
    Durable.makeDirectory(dirname(to), 0o755)
    Durable.move(from, to)
  }
}

/** And its parents, as far as they are empty too. */
const removeEmpty = (directory: string, top: string): void => {
  for (let at = directory; at !== top && at.startsWith(`${top}/`); at = dirname(at)) {
    try {
      rmdirSync(at)
    } catch {
      return
    }
  }
}

const outcome = (
  { inventory, needs }: Survey,
  removed: readonly Removed[],
  kept: readonly Kept[],
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

const DATA = "data that nothing can make again: --volumes removes it"
const EMPTY_HINT = "if that is no disk that is missing, --allow-empty goes on"
/** No image's volumes are called so: names begin with a letter, a digit or `_`. */
const VOLUMES_TRASH = ".gc"
