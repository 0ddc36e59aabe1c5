/** How to run the other program of this package, from absolute paths, whatever `PATH` will be. */
import * as fs from "node:fs"
import * as path from "node:path"

/** Both programs are built side by side; links to them are followed. */
export const cli = (): readonly [string, ...string[]] => {
  const { execPath } = process
  // A single executable is its own Node (scripts/executables.mjs).
  if (import.meta.filename === execPath) return [path.join(path.dirname(execPath), "oci-systemd")]
  const self = fs.realpathSync(process.argv[1] ?? ".")
  return [execPath, SMALL_NURSERY, path.join(path.dirname(self), "oci-systemd.cjs")]
}

/** What is extracted is large and outside the heap; V8's 32 MB for what is new would be memory for nothing. */
const SMALL_NURSERY = "--max-semi-space-size=4"
