/** Collects the facts by which `GarbagePlan` decides what is removed. */
import { existsSync, readdirSync, readlinkSync, realpathSync } from "node:fs"
import { dirname, normalize } from "node:path"
import * as ExtractsTree from "../../domain/extracts/ExtractsTree.ts"
import type { GarbageNeeds } from "../../domain/extracts/GarbageNeeds.ts"
import type { ExtractsPiece } from "../../domain/extracts/GarbagePiece.ts"
import type { ExaminedPiece } from "../../domain/extracts/GarbagePlan.ts"
import { display } from "../../domain/naming/ImageName.ts"
import type { SystemSettings } from "../../domain/settings/SystemSettings.ts"
import { sha256 } from "../layout/Blobs.ts"
import type * as ExtractsInventory from "./ExtractsInventory.ts"
import type * as MountUse from "./MountUse.ts"

/** What exists, what is needed, and what is used. */
export interface Survey {
  readonly needs: GarbageNeeds
  readonly inventory: ExtractsInventory.Inventory
  /** Names of directories below `volumesdir`. */
  readonly volumes: readonly string[]
  readonly use: MountUse.MountUse
}

/** Lists the directories of volumes. Links are made by the operator, and names that begin with a dot are ours. */
export const volumesIn = (volumesdir: string): readonly string[] => {
  try {
    return readdirSync(volumesdir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
      .map(({ name }) => name)
  } catch {
    return []
  }
}

/** Examines each piece. Its user is looked up only if no image needs it, because that takes long. */
export const of = (
  { extractsdir, volumesdir }: SystemSettings,
  { inventory, needs, use, volumes }: Survey
): readonly ExaminedPiece[] => {
  const real = existsSync(extractsdir) ? realpathSync(extractsdir) : extractsdir
  const userOf = (needle: string, real: string): string | undefined =>
    use.of(needle) ?? mounted(use.mountedBelow(real))
  /** Returns what uses the image at a path, apart from the mount through which its root is reached. */
  const userOfImage = (path: string): string | undefined => {
    const place = `/${ExtractsTree.mountOf(path)}`
    return use.of(`/${path}`, place) ?? mounted(use.mountedBelow(`${real}/${path}`, `${real}${place}`))
  }
  const paths = new Set(inventory.pieces.map(({ path }) => path))
  const userOfPiece = ({ kind, path }: ExtractsPiece): string | undefined => {
    // An image with a root is used if its root is used.
    if (kind === "image") return paths.has(rootOf(path)) ? undefined : userOfImage(path)
    const image = kind === "root" ? imageOf(path) : undefined
    const user = userOf(`/${path}`, `${real}/${path}`)
    return image === undefined || !paths.has(image) ? user : (user ?? userOfImage(image))
  }
  /**
   * The pieces with which each piece is kept. A record may belong to two roots: one of this form of the directory,
   * and one that an earlier version made. An image is kept with its root, and layers with the images whose data they
   * hold.
   */
  const owners = new Map<string, string[]>()
  const belongs = (path: string, ...to: readonly string[]) =>
    owners.set(path, [...(owners.get(path) ?? []), ...to.map((owner) => `${extractsdir}/${owner}`)])
  for (const { kind, path } of inventory.pieces) {
    if (kind === "root") belongs(recordOf(path), path)
    if (kind !== "image") continue
    belongs(path, rootOf(path))
    for (const layer of layersOf(extractsdir, path)) belongs(layer, path, rootOf(path))
  }
  return [
    ...inventory.pieces.map((piece): ExaminedPiece => {
      const { kind, path } = piece
      const isNeeded = needs.has(path)
      return {
        piece: {
          kind,
          path: `${extractsdir}/${path}`,
          ...(kind === "root" ? { images: imagesOf(inventory, path) } : {})
        },
        isNeeded,
        user: isNeeded ? undefined : userOfPiece(piece),
        isData: kind === "scratch" && !isNeeded && hasData(`${extractsdir}/${path}`),
        belongsTo: owners.get(path) ?? []
      }
    }),
    ...volumes.map((name): ExaminedPiece => {
      const path = `${volumesdir}/${name}`
      const isNeeded = needs.directories.has(name)
      return {
        piece: { kind: "volumes", path },
        isNeeded,
        user: isNeeded ? undefined : userOf(`/${name}`, path),
        isData: true,
        belongsTo: []
      }
    })
  ]
}

/**
 * Whether a scratch directory holds data. What a service writes to its root is in `upper`, and is discarded or kept
 * on stop. Once the image is gone, and with it its configuration, the intention is unknown.
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

/** Returns the record of a root, which is kept as long as the root. */
const recordOf = (root: string): string => `${root.replace(ROOTS, ExtractsTree.RECORDS)}.json`

/** Returns where the image of a root is, or would be. */
const imageOf = (root: string): string => root.replace(ROOTS, ExtractsTree.IMAGES)

/** Returns where the root of an image is. */
const rootOf = (image: string): string => image.replace(ExtractsTree.IMAGES, ExtractsTree.ROOTS)

/** Lists the layers that an image has its data in, and their listings, below the extracts directory. */
const layersOf = (extractsdir: string, image: string): readonly string[] => {
  try {
    return readdirSync(`${extractsdir}/${image}`, { withFileTypes: true })
      .filter((entry) => entry.isSymbolicLink())
      .map(({ name }) => normalize(`${image}/${readlinkSync(`${extractsdir}/${image}/${name}`)}`))
      .flatMap((layer) => [layer, layer.replace(/\.tar$/, ".listing")])
  } catch {
    // It is gone, or the caller may not look into it, and then removes nothing.
    return []
  }
}

const ROOTS = new RegExp(`^(?:${ExtractsTree.ROOTS}|${ExtractsTree.OLD_ROOTS})(?=/)`)
