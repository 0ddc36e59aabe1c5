/** Files of several directories that are read as one list, each name once: drop-ins, systemd's and our own. */
import * as fs from "node:fs"

/** The paths that were chosen for the names, in the order of the names' bytes. What leads to /dev/null hides others, and says nothing itself. */
export const inOrder = (byName: ReadonlyMap<string, string>): readonly string[] =>
  [...byName]
    .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map(([, path]) => path)
    .filter((path) => !isMask(path))

const isMask = (path: string): boolean => {
  try {
    return fs.realpathSync(path) === "/dev/null"
  } catch {
    return false
  }
}
