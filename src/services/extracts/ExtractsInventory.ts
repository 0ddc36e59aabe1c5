/**
 * Lists the pieces of an extracts directory that this program made.
 *
 * Links are never followed and other file systems never entered. Files that do not belong there are named and not
 * touched.
 */
import { type Dirent, lstatSync, readdirSync, readlinkSync } from "node:fs"
import * as ExtractsTree from "../../domain/extracts/ExtractsTree.ts"
import type { ExtractsKind, ExtractsPiece } from "../../domain/extracts/GarbagePiece.ts"

export interface Inventory {
  readonly pieces: readonly ExtractsPiece[]
  /** Paths below the extracts directory that this program did not make. */
  readonly odd: readonly string[]
}

/** What may lie in a directory that `sharded` looks through: its name is a digest's hex and what `suffix` matches. */
interface Sharded {
  readonly kind: ExtractsKind
  readonly suffix: RegExp
  readonly is: "file" | "directory" | "link"
}

/** Takes the inventory. Throws errors of the system, except for missing files. */
export const take = (directory: string): Inventory => {
  const pieces: ExtractsPiece[] = []
  const odd: string[] = []
  const device = lstatSync(directory, { throwIfNoEntry: false })?.dev

  /** Lists the entries at a path; none if it is a link or on another file system. */
  const list = (path: string): readonly Dirent[] => {
    const stats = lstatSync(`${directory}/${path}`, { throwIfNoEntry: false })
    if (stats === undefined) return []
    if (stats.isDirectory() && stats.dev === device) {
      return readdirSync(`${directory}/${path}`, { withFileTypes: true })
    }
    odd.push(path)
    return []
  }

  /** `top/ALGORITHM/XX/NAME`. */
  const sharded = (top: string, expected: ReadonlyArray<Sharded>): void => {
    for (const algorithm of list(top)) {
      const inAlgorithm = `${top}/${algorithm.name}`
      if (!ALGORITHM.test(algorithm.name)) odd.push(inAlgorithm)
      else {
        for (const shard of list(inAlgorithm)) {
          const inShard = `${inAlgorithm}/${shard.name}`
          for (const entry of list(inShard)) {
            const path = `${inShard}/${entry.name}`
            const hex = HEX.exec(entry.name)?.[0] ?? ""
            const isInPlace = hex.startsWith(shard.name) && shard.name.length === 2
            const found = expected.find(
              ({ is, suffix }) => suffix.test(entry.name.slice(hex.length)) && IS[is](entry)
            )
            const isOurs = found?.is !== "link" || leadsToImage(directory, path)
            if (isInPlace && found !== undefined && isOurs) pieces.push({ kind: found.kind, path })
            else odd.push(path)
          }
        }
      }
    }
  }

  /** Lists the two links of each image. The directory of a reference may also be one of other layouts. */
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
  for (const { name } of list(ExtractsTree.OLD_TOP)) {
    if (`${ExtractsTree.OLD_TOP}/${name}` !== ExtractsTree.OLD_ROOTS)
      odd.push(`${ExtractsTree.OLD_TOP}/${name}`)
  }
  sharded(ExtractsTree.OLD_ROOTS, [{ kind: "root", suffix: /^$/, is: "directory" }])
  sharded(ExtractsTree.ROOTS, [
    { kind: "root", suffix: /^$/, is: "directory" },
    { kind: "root", suffix: /^$/, is: "link" }
  ])
  sharded(ExtractsTree.IMAGES, [{ kind: "image", suffix: /^$/, is: "directory" }])
  sharded(ExtractsTree.LAYERS, [
    { kind: "layer", suffix: /^\.tar$/, is: "file" },
    { kind: "listing", suffix: /^\.listing$/, is: "file" },
    // Layers of the form before this one.
    { kind: "layer", suffix: /^$/, is: "directory" }
  ])
  sharded(ExtractsTree.RECORDS, [{ kind: "record", suffix: /^\.json$/, is: "file" }])
  sharded(ExtractsTree.CONFIGS, [{ kind: "config", suffix: /^$/, is: "file" }])
  sharded(ExtractsTree.FACTS, [{ kind: "facts", suffix: /^-[0-9a-f]{16}\.json$/, is: "file" }])
  names(ExtractsTree.NAMES)
  named("scratch", ExtractsTree.SCRATCH)
  named("template", ExtractsTree.TEMPLATES)
  return { pieces, odd }
}

/** Whether a link in `roots` leads to the place of its own image. */
const leadsToImage = (directory: string, root: string): boolean =>
  linkTarget(directory, root) === ExtractsTree.mountOf(root.replace(ExtractsTree.ROOTS, ExtractsTree.IMAGES))

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
  ExtractsTree.FORMAT_FILE,
  ExtractsTree.ROOTS,
  ExtractsTree.OLD_TOP,
  ExtractsTree.IMAGES,
  ExtractsTree.LAYERS,
  ExtractsTree.RECORDS,
  ExtractsTree.CONFIGS,
  ExtractsTree.FACTS,
  ExtractsTree.NAMES,
  ExtractsTree.SCRATCH,
  ExtractsTree.LOCKS,
  ExtractsTree.TMP,
  ExtractsTree.TEMPLATES,
  ExtractsTree.MEMORY,
  // The file system makes this directory.
  "lost+found"
])
const IS: Readonly<Record<Sharded["is"], (entry: Dirent) => boolean>> = {
  file: (entry) => entry.isFile(),
  directory: (entry) => entry.isDirectory(),
  link: (entry) => entry.isSymbolicLink()
}
const LINKS: ReadonlySet<string> = new Set([ExtractsTree.CONFIG_LINK, ExtractsTree.ROOT_LINK])
const ALGORITHM = /^[a-z0-9]+$/
const HEX = /^[0-9a-f]{32,128}/
