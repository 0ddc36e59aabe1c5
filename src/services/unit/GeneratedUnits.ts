/** Reads the output of generators: unit files, links to them, and drop-ins. */
import * as fs from "node:fs"
import type { UnitEntries, UnitEntry } from "../../domain/unit/UnitEntry.ts"
import { namesIn } from "../files/DirectoryNames.ts"

/** Whether the directory exists. systemd makes one at each boot. */
export const isThere = (directory: string): boolean => fs.existsSync(directory)

/** Lists the paths in the directory, and in its subdirectories of dependencies and drop-ins. */
export const pathsIn = (directory: string): readonly string[] => {
  const found = namesIn(directory)
  return [
    ...found,
    ...found.flatMap((name) =>
      DEPENDENCIES.test(name) ? namesIn(`${directory}/${name}`).map((child) => `${name}/${child}`) : []
    )
  ]
}

/** Reads the files and links at these paths. */
export const entriesAt = (directory: string, paths: Iterable<string>): UnitEntries => {
  const entries = new Map<string, UnitEntry>()
  for (const path of paths) {
    const entry = entryAt(`${directory}/${path}`)
    if (entry !== undefined) entries.set(path, entry)
  }
  return entries
}

const entryAt = (path: string): UnitEntry | undefined => {
  try {
    const stats = fs.lstatSync(path)
    if (stats.isSymbolicLink()) return { kind: "link", content: fs.readlinkSync(path) }
    return stats.isFile() ? { kind: "file", content: fs.readFileSync(path, "utf8") } : undefined
  } catch {
    return undefined
  }
}

/** Matches the subdirectories: `UNIT.wants/`, drop-ins, … */
const DEPENDENCIES = /\.(?:wants|requires|upholds|d)$/
