/**
 * Removes pieces of garbage so that nobody ever finds half of one.
 *
 * Each is moved into a directory of its own below `tmp`, by one rename, and looked at again there; what an image has come
 * to need in the meantime, or a process has come to use, moves back. From the rename on nobody new can use it.
 */
import { lstatSync, renameSync, rmdirSync } from "node:fs"
import { dirname } from "node:path"
import * as Effect from "effect/Effect"
import * as ExtractsTree from "../../domain/extracts/ExtractsTree.ts"
import type { GarbagePiece, KeptPiece } from "../../domain/extracts/GarbagePiece.ts"
import type { SystemSettings } from "../../domain/settings/SystemSettings.ts"
import * as Claim from "../files/FileLock.ts"
import * as Durable from "../files/Durable.ts"
import { attempt, failing } from "../Extracts.ts"
import * as FreedSpace from "./FreedSpace.ts"
import type { Calls } from "../files/NativeCalls.ts"

interface Moved {
  readonly piece: GarbagePiece
  readonly to: string
}

/**
 * Moves all of it away, asks `again` what is still to go, moves the rest back, and leaves what is to go to the scope's end.
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
    // Once begun, it is seen through: what is moved must be looked at, or be there again.
    yield* Effect.gen(function* () {
      for (const [index, piece] of doomed.entries()) {
        const to = `${piece.kind === "volumes" ? other : trash}/${index}`
        const gone = yield* away(calls, piece, to).pipe(failing("move away", piece.path), Effect.either)
        if (gone._tag === "Left") back.push({ ...piece, reason: gone.left.message })
        else if (gone.right) moved.push({ piece, to })
        else back.push({ ...piece, reason: "being used by an extraction" })
      }
      // The inventory is that of before, so that it has what is moved away.
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
    for (const { piece } of gone) if (piece.kind === "name") removeEmpty(dirname(piece.path), names)
    const freed = yield* FreedSpace.of(gone.map(({ to }) => to))
    return { gone: gone.map(({ piece }) => piece), back, freed }
  })

const trashIn = (calls: Calls, parent: string) =>
  Effect.gen(function* () {
    yield* attempt("make a directory", parent, () => Durable.makeDirectory(parent, 0o700))
    const { path } = yield* Claim.temporaryDirectory(calls, parent).pipe(
      failing("make a temporary directory", parent)
    )
    return path
  })

const away = (calls: Calls, { kind, path }: GarbagePiece, to: string) =>
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

/** No image's volumes are called so: names begin with a letter, a digit or `_`. */
export const VOLUMES_TRASH = ".gc"
