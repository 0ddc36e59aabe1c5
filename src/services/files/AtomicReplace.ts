/**
 * Puts a file or link in place in one step and replaces what was there, so that no process sees half of it. Nothing
 * is flushed.
 */
import { renameSync, rmSync } from "node:fs"
import { dirname } from "node:path"
import { PUBLIC } from "./DirectoryMode.ts"
import * as Durable from "./Durable.ts"

/**
 * Replaces `target`. `make` creates the new file under a temporary name and may be called again. Missing parents are
 * made. Throws errors of the system.
 */
export const replace = (target: string, make: (temporary: string) => void): void => {
  // The temporary name is not the target's name with a suffix, which could be too long.
  const temporary = `${target.slice(0, target.lastIndexOf("/") + 1)}.oci-${process.pid}`
  try {
    make(temporary)
  } catch (cause) {
    // Errors are rare, so nothing is checked beforehand when thousands of files are written.
    const { code } = cause as NodeJS.ErrnoException
    if (code === "ENOENT") Durable.makeDirectory(dirname(target), PUBLIC)
    else if (code === "EEXIST") rmSync(temporary, { force: true })
    else throw cause
    make(temporary)
  }
  renameSync(temporary, target)
}
