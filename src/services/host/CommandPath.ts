/** How to run the other program of this package, from absolute paths, whatever `PATH` will be. */
import * as path from "node:path"
import * as fs from "../files/RecordedFiles.ts"

/** Returns the command line. Both programs are built side by side, and links to them are followed. */
export const cli = (): readonly [string, ...string[]] => {
  const { execPath } = process
  // A single executable contains Node (scripts/executables.mjs).
  if (import.meta.filename === execPath) return [path.join(path.dirname(execPath), "oci-systemd")]
  const self = fs.realpathSync(process.argv[1] ?? ".")
  return [execPath, SMALL_NURSERY, path.join(path.dirname(self), "oci-systemd.cjs")]
}

/** A small nursery for V8. Extracted data is large and outside the heap, so the default of 32 MB would be wasted. */
const SMALL_NURSERY = "--max-semi-space-size=4"
