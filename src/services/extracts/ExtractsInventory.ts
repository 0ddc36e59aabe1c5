/**
 * What lies in an extracts directory, piece by piece, as far as it is known to be ours.
 *
 * Links are never followed and other file systems never entered; what has no place in the directory is named, and nobody
 * touches it.
 */
import { type Dirent, lstatSync, readdirSync, readlinkSync } from "node:fs"
import * as ExtractsTree from "../../domain/extracts/ExtractsTree.ts"
import type { ExtractsKind, ExtractsPiece } from "../../domain/extracts/GarbagePiece.ts"

export interface Inventory {
  readonly pieces: readonly ExtractsPiece[]
  /** Paths below the extracts directory of what is not ours. */
  readonly odd: readonly string[]
}

/** Throws what the system refuses, but for what is not there. */
export const take = (directory: string): Inventory => {
  const pieces: ExtractsPiece[] = []
  const odd: string[] = []
  const device = lstatSync(directory, { throwIfNoEntry: false })?.dev

  /** The directories and the rest at a path; nothing where it is a link, or on another file system. */
  const list = (path: string): readonly Dirent[] => {
    const stats = lstatSync(`${directory}/${path}`, { throwIfNoEntry: false })
    if (stats === undefined) return []
    if (stats.isDirectory() && stats.dev === device) {
      return readdirSync(`${directory}/${path}`, { withFileTypes: true })
    }
    odd.push(path)
    return []
  }

  /** `top/ALGORITHM/XX/NAME`, where the name is a digest's hex and what `suffix` matches. */
  const sharded = (kind: ExtractsKind, top: string, suffix: RegExp, is: "file" | "directory"): void => {
    for (const algorithm of list(top)) {
      const inAlgorithm = `${top}/${algorithm.name}`
      if (!ALGORITHM.test(algorithm.name)) odd.push(inAlgorithm)
      else {
        for (const shard of list(inAlgorithm)) {
          const inShard = `${inAlgorithm}/${shard.name}`
          for (const entry of list(inShard)) {
            const path = `${inShard}/${entry.name}`
            const hex = HEX.exec(entry.name)?.[0] ?? ""
            const isOurs =
              hex.startsWith(shard.name) &&
              shard.name.length === 2 &&
              suffix.test(entry.name.slice(hex.length)) &&
              (is === "file" ? entry.isFile() : entry.isDirectory())
            if (isOurs) pieces.push({ kind, path })
            else odd.push(path)
          }
        }
      }
    }
  }

  /** The two links of each image; its reference may be a directory of other layouts too. */
  const names = (path: string): void => {
    for (const entry of list(path)) {
      const child = `${path}/${entry.name}`
      if (entry.isDirectory()) names(child)
      else if (entry.isSymbolicLink() && LINKS.has(entry.name)) {
        const target = linkTarget(directory, child)
        pieces.push({ kind: "name", path: child, ...(target === undefined ? {} : { target }) })
      } else odd.push(child)
    }
  }

  const named = (kind: ExtractsKind, top: string): void => {
    for (const entry of list(top)) {
      if (entry.isDirectory()) pieces.push({ kind, path: `${top}/${entry.name}` })
      else odd.push(`${top}/${entry.name}`)
    }
  }

  for (const { name } of list("")) if (!TOP.has(name)) odd.push(name)
  for (const { name } of list(ExtractsTree.DIRS))
    if (name !== "chainID") odd.push(`${ExtractsTree.DIRS}/${name}`)
  sharded("root", `${ExtractsTree.DIRS}/chainID`, /^$/, "directory")
  sharded("layer", ExtractsTree.LAYERS, /^$/, "directory")
  sharded("record", ExtractsTree.RECORDS, /^\.json$/, "file")
  sharded("config", ExtractsTree.CONFIGS, /^$/, "file")
  sharded("facts", ExtractsTree.FACTS, /^-[0-9a-f]{16}\.json$/, "file")
  names(ExtractsTree.NAMES)
  named("scratch", ExtractsTree.SCRATCH)
  named("template", ExtractsTree.TEMPLATES)
  return { pieces, odd }
}

const linkTarget = (directory: string, path: string): string | undefined => {
  try {
    const target = readlinkSync(`${directory}/${path}`)
    const from = path.slice(0, path.lastIndexOf("/"))
    const up = ExtractsTree.linkTarget(from, "")
    return target.startsWith(up) && !target.slice(up.length).split("/").includes("..")
      ? target.slice(up.length)
      : undefined
  } catch {
    return undefined
  }
}

const TOP: ReadonlySet<string> = new Set([
  ExtractsTree.DIRS,
  ExtractsTree.LAYERS,
  ExtractsTree.RECORDS,
  ExtractsTree.CONFIGS,
  ExtractsTree.FACTS,
  ExtractsTree.NAMES,
  ExtractsTree.SCRATCH,
  ExtractsTree.LOCKS,
  ExtractsTree.TMP,
  ExtractsTree.TEMPLATES,
  // Of the file system itself.
  "lost+found"
])
const LINKS: ReadonlySet<string> = new Set([ExtractsTree.CONFIG_LINK, ExtractsTree.ROOT_LINK])
const ALGORITHM = /^[a-z0-9]+$/
const HEX = /^[0-9a-f]{32,128}/
