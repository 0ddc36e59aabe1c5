/** What administrators say of a generated unit: drop-ins, and files that count instead of it (systemd.unit(5)). */
import * as fs from "node:fs"
import { namesIn } from "../files/DirectoryNames.ts"
import * as DropInFiles from "../files/DropInFiles.ts"

export interface UnitDropIns {
  /** Paths in the order in which systemd reads them. */
  readonly dropIns: readonly string[]
  /** The unit file that counts instead of the generated one. */
  readonly instead: string | undefined
}

/** Of a service. `root` is where the machine's tree is: nothing, but for tests. */
export const of = (unit: string, root = ""): UnitDropIns => {
  const byName = new Map<string, string>()
  // Of two with one name the first counts: that of the most particular directory, and /etc before /run.
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

/** `a-b-c.service.d`, `a-b-.service.d`, `a-.service.d`, `service.d`. */
const directoriesOf = (unit: string): readonly string[] => {
  const stem = unit.replace(/\.service$/, "")
  const dashes = Array.from(stem.matchAll(/-/g), ({ index }) => index)
    .filter((index) => index > 0 && index < stem.length - 1)
    .reverse()
  return [`${unit}.d`, ...dashes.map((index) => `${stem.slice(0, index + 1)}.service.d`), "service.d"]
}

/** Those that come before the generator's, of which a generator's own drop-ins are none. */
const DIRECTORIES = ["/etc/systemd/system", "/run/systemd/system"]
