/** Files of administrators for a generated unit: drop-ins, and files that replace it (systemd.unit(5)). */
import * as fs from "node:fs"
import { namesIn } from "../files/DirectoryNames.ts"
import * as DropInFiles from "../files/DropInFiles.ts"

export interface UnitDropIns {
  /** Paths in the order in which systemd reads them. */
  readonly dropIns: readonly string[]
  /** The unit file that replaces the generated one. */
  readonly instead: string | undefined
}

/**
 * Finds the files for a service. `root` is the machine's file system tree; tests set it, and it is otherwise empty.
 */
export const of = (unit: string, root = ""): UnitDropIns => {
  const byName = new Map<string, string>()
  // Of drop-ins with the same name the first counts: the most specific directory's, and /etc before /run.
  for (const name of directoriesOf(unit)) {
    for (const directory of DIRECTORIES) {
      for (const file of namesIn(`${root}${directory}/${name}`)) {
        if (file.endsWith(".conf") && !byName.has(file))
          byName.set(file, `${root}${directory}/${name}/${file}`)
      }
    }
  }
  return {
    dropIns: DropInFiles.inOrder(byName),
    instead: DIRECTORIES.map((directory) => `${root}${directory}/${unit}`).find(
      (path) => fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined
    )
  }
}

/** Lists the directories: `a-b-c.service.d`, `a-b-.service.d`, `a-.service.d`, `service.d`. */
const directoriesOf = (unit: string): readonly string[] => {
  const stem = unit.replace(/\.service$/, "")
  const dashes = Array.from(stem.matchAll(/-/g), ({ index }) => index)
    .filter((index) => index > 0 && index < stem.length - 1)
    .reverse()
  return [`${unit}.d`, ...dashes.map((index) => `${stem.slice(0, index + 1)}.service.d`), "service.d"]
}

/** The directories that take precedence over the generator's. A generator's own drop-ins are not among them. */
const DIRECTORIES = ["/etc/systemd/system", "/run/systemd/system"]
