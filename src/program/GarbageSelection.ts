/** Of all that no image needs: what goes, and what stays since somebody uses it, or because it is data. */
import { existsSync, readdirSync, realpathSync } from "node:fs"
import { dirname } from "node:path"
import * as ExtractsTree from "../domain/extracts/ExtractsTree.ts"
import type { GarbagePiece, KeptPiece } from "../domain/extracts/GarbagePiece.ts"
import { display } from "../domain/naming/ImageName.ts"
import type { SystemSettings } from "../domain/settings/SystemSettings.ts"
import { sha256 } from "../services/layout/Blobs.ts"
import type * as ExtractsInventory from "../services/extracts/ExtractsInventory.ts"
import type * as MountUse from "../services/extracts/MountUse.ts"
import type * as GarbageNeeds from "./garbage/GarbageNeeds.ts"

/** What is there, what is needed, what is used. */
export interface Survey {
  readonly images: number
  readonly needs: GarbageNeeds.Needs
  readonly inventory: ExtractsInventory.Inventory
  /** Names of directories below `volumesdir`. */
  readonly volumes: readonly string[]
  readonly use: MountUse.MountUse
}

export interface Selection {
  readonly doomed: readonly GarbagePiece[]
  readonly kept: readonly KeptPiece[]
}

/** `volumes`: data goes, too. */
export const of = (
  { extractsdir, volumesdir }: SystemSettings,
  { inventory, needs, use, volumes }: Survey,
  options: { readonly volumes?: boolean | undefined }
): Selection => {
  const doomed: GarbagePiece[] = []
  const kept: KeptPiece[] = []
  const real = existsSync(extractsdir) ? realpathSync(extractsdir) : extractsdir
  const sort = (piece: GarbagePiece, needle: string, real: string, isData: boolean): void => {
    const user = use.of(needle) ?? mounted(use.mountedBelow(real))
    if (user !== undefined) kept.push({ ...piece, reason: `in use by ${user}` })
    else if (isData && options.volumes !== true) kept.push({ ...piece, reason: DATA })
    else doomed.push(piece)
  }
  const spared = new Set<string>()
  for (const { kind, path } of inventory.pieces) {
    if (needs.has(path)) continue
    const isData = kind === "scratch" && hasData(`${extractsdir}/${path}`)
    const piece = {
      kind,
      path: `${extractsdir}/${path}`,
      ...(kind === "root" ? { images: imagesOf(inventory, path) } : {})
    }
    sort(piece, `/${path}`, `${real}/${path}`, isData)
    if (kind === "root" && doomed[doomed.length - 1]?.path !== `${extractsdir}/${path}`)
      spared.add(recordOf(path))
  }
  for (const name of volumes) {
    if (needs.directories.has(name)) continue
    const path = `${volumesdir}/${name}`
    sort({ kind: "volumes", path }, `/${name}`, path, true)
  }
  return { doomed: doomed.filter(({ path }) => !spared.has(path.slice(extractsdir.length + 1))), kept }
}

/**
 * What was written to a root lies in `upper`. A service throws it away when it stops, or keeps it; once the image is gone,
 * and its lines in the configuration with it, nobody can tell which was meant.
 */
const hasData = (scratch: string): boolean => {
  try {
    return readdirSync(`${scratch}/upper`).length > 0
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code !== "ENOENT"
  }
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

const DATA = "data that nothing can make again: --volumes removes it"
