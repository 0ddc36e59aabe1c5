/** Puts a file or link in place in one step, whatever was there: nobody ever sees half of it. Nothing is flushed. */
import { renameSync, rmSync } from "node:fs"
import { dirname } from "node:path"
import * as Durable from "./Durable.ts"

/** `make` makes it under a temporary name, and may be called again; missing parents are made. Throws what the system refuses. */
export const replace = (target: string, make: (temporary: string) => void): void => {
  // Not the target's own name with a suffix: that may be as long as names can be.
  const temporary = `${target.slice(0, target.lastIndexOf("/") + 1)}.oci-${process.pid}`
  try {
    make(temporary)
  } catch (cause) {
    // Seldom: where thousands are written, nothing is looked at before.
    const { code } = cause as NodeJS.ErrnoException
    if (code === "ENOENT") Durable.makeDirectory(dirname(target), 0o755)
    else if (code === "EEXIST") rmSync(temporary, { force: true })
    else throw cause
    make(temporary)
  }
  renameSync(temporary, target)
}
