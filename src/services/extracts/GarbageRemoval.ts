/**
 * Removes pieces of garbage so that no process ever finds half of one.
 *
 * Each piece is moved by one rename into its own directory below `tmp`, and examined again there. A piece that an
 * image or a process has come to need in the meantime is moved back. After the rename no new process can use it.
 */
import { lstatSync, renameSync, rmdirSync } from "node:fs"
import { dirname } from "node:path"
import * as Effect from "effect/Effect"
import * as ExtractsTree from "../../domain/extracts/ExtractsTree.ts"
import type { GarbagePiece, KeptPiece } from "../../domain/extracts/GarbagePiece.ts"
import type { SystemSettings } from "../../domain/settings/SystemSettings.ts"
import { PRIVATE, PUBLIC } from "../files/DirectoryMode.ts"
import * as Durable from "../files/Durable.ts"
import * as FileLock from "../files/FileLock.ts"
import type { Calls } from "../files/NativeCalls.ts"
import * as RootMount from "../files/RootMount.ts"
import * as SystemCall from "../files/SystemCall.ts"
import { attempt, failing } from "./ExtractsError.ts"
import * as FreedSpace from "./FreedSpace.ts"

interface Moved {
  readonly piece: GarbagePiece
  readonly to: string
}

/**
 * Moves all pieces away, calls `again` to find what is still garbage, moves the rest back, and removes the garbage at
 * the end of the scope.
 */
export const remove = <E, R>(
  calls: Calls,
  system: SystemSettings,
  doomed: readonly GarbagePiece[],
  again: Effect.Effect<{ readonly doomed: readonly GarbagePiece[] }, E, R>
) =>
  Effect.gen(function* () {
    const { extractsdir, volumesdir } = system
    if (doomed.some(({ kind }) => kind === "volumes")) {
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => removeEmpty(`${volumesdir}/${VOLUMES_TRASH}`, volumesdir))
      )
    }
    const trash = yield* trashIn(calls, `${extractsdir}/${ExtractsTree.TMP}`)
    const other = doomed.some(({ kind }) => kind === "volumes")
      ? yield* trashIn(calls, `${volumesdir}/${VOLUMES_TRASH}`)
      : trash
    const moved: Moved[] = []
    const back: KeptPiece[] = []
    const gone: Moved[] = []
    // This is not interrupted: pieces that were moved away must be examined or moved back.
    yield* Effect.gen(function* () {
      for (const [index, piece] of doomed.entries()) {
        const to = `${piece.kind === "volumes" ? other : trash}/${index}`
        const gone = yield* away(calls, piece, to).pipe(failing("move away", piece.path), Effect.either)
        if (gone._tag === "Left") back.push({ ...piece, reason: gone.left.message })
        else if (gone.right) moved.push({ piece, to })
        else back.push({ ...piece, reason: "being used by an extraction" })
      }
      // The inventory was made before the pieces were moved, so it still contains them.
      const found = yield* Effect.exit(again)
      const doomedStill = new Set(found._tag === "Success" ? found.value.doomed.map(({ path }) => path) : [])
      for (const { piece, to } of moved) {
        if (doomedStill.has(piece.path)) gone.push({ piece, to })
        else {
          restore(to, piece.path)
          back.push({ ...piece, reason: "needed again" })
        }
      }
    }).pipe(Effect.uninterruptible)
    const names = `${extractsdir}/${ExtractsTree.NAMES}`
    const old = `${extractsdir}/${ExtractsTree.OLD_ROOTS}/`
    for (const { piece } of gone) {
      if (piece.kind === "name") removeEmpty(dirname(piece.path), names)
      // This version puts nothing into these directories.
      if (piece.path.startsWith(old)) removeEmpty(dirname(piece.path), extractsdir)
    }
    const freed = yield* FreedSpace.of(gone.map(({ to }) => to))
    return { gone: gone.map(({ piece }) => piece), back, freed }
  })

const trashIn = (calls: Calls, parent: string) =>
  Effect.gen(function* () {
    yield* attempt("make a directory", parent, () => Durable.makeDirectory(parent, PRIVATE))
    const { path } = yield* FileLock.temporaryDirectory(calls, parent).pipe(
      failing("make a temporary directory", parent)
    )
    return path
  })

/**
 * Moves a piece away; the result is false if an extraction uses it. An image is moved after its root, so that no
 * process looks for a root where this unmounts it.
 */
const away = (calls: Calls, { kind, path }: GarbagePiece, to: string) => {
  const { locked, unmounted } = AWAY[kind] ?? {}
  return SystemCall.run(() => {
    if (unmounted === true) RootMount.detach(calls.mounts, ExtractsTree.mountOf(path))
    // A link cannot be locked, and no extraction holds one.
    return locked === true && lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true
  }).pipe(
    Effect.flatMap((isLocked) =>
      isLocked
        ? FileLock.takeAway(calls, path, to)
        : SystemCall.run(() => {
            renameSync(path, to)
            return true
          })
    )
  )
}

const AWAY: Partial<Record<GarbagePiece["kind"], { readonly locked: true; readonly unmounted?: true }>> = {
  root: { locked: true },
  image: { locked: true, unmounted: true },
  layer: { locked: true },
  listing: { locked: true }
}

/** Moves a piece back, unless a new one has taken its place. */
const restore = (from: string, to: string): void => {
  if (lstatSync(to, { throwIfNoEntry: false }) === undefined) {
    Durable.makeDirectory(dirname(to), PUBLIC)
    Durable.move(from, to)
  }
}

/** Removes empty directories, and their parents if they are empty as well. */
const removeEmpty = (directory: string, top: string): void => {
  for (let at = directory; at !== top && at.startsWith(`${top}/`); at = dirname(at)) {
    try {
      rmdirSync(at)
    } catch {
      return
    }
  }
}

/** A directory for removed volumes. No image has this name, since names begin with a letter, a digit or `_`. */
export const VOLUMES_TRASH = ".gc"
