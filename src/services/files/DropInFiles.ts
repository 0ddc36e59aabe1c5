/** Files of several directories that are read as one list, each name once: drop-ins, systemd's and our own. */
import * as fs from "./RecordedFiles.ts"

/**
 * Returns the chosen paths in the order of their names' bytes. A link to /dev/null hides other files and is itself
 * left out.
 */
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
