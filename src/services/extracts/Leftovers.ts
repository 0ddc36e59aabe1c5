/**
 * Finds files of processes that died during their work: temporary directories, and locks that no process holds.
 */
import { lstatSync, readdirSync } from "node:fs"
import type * as Effect from "effect/Effect"
import * as ExtractsTree from "../../domain/extracts/ExtractsTree.ts"
import type { GarbagePiece } from "../../domain/extracts/GarbagePiece.ts"
import type { SystemSettings } from "../../domain/settings/SystemSettings.ts"
import * as FileLock from "../files/FileLock.ts"
import type { Calls } from "../files/NativeCalls.ts"
import { attempt, type ExtractsError } from "./ExtractsError.ts"
import * as GarbageRemoval from "./GarbageRemoval.ts"

export const find = (
  calls: Calls,
  { extractsdir, volumesdir }: SystemSettings
): Effect.Effect<readonly GarbagePiece[], ExtractsError> =>
  attempt("look for leftovers", extractsdir, () =>
    [
      `${extractsdir}/${ExtractsTree.TMP}`,
      `${extractsdir}/${ExtractsTree.LOCKS}`,
      `${volumesdir}/${GarbageRemoval.VOLUMES_TRASH}`
    ].flatMap((parent) => {
      const children = lstatSync(parent, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(parent) : []
      return children
        .map((child) => `${parent}/${child}`)
        .filter((path) => !FileLock.isHeld(calls, path))
        .map((path): GarbagePiece => ({ kind: "leftover", path }))
    })
  )
