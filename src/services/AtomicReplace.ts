/** Puts a file or link in place in one step, whatever was there: nobody ever sees half of it. Nothing is flushed. */
import { renameSync, rmSync } from "node:fs"
import { dirname } from "node:path"
import * as Durable from "./Durable.ts"

/** `make` makes it under a temporary name; missing parents are made. Throws what the system refuses. */
export const replace = (target: string, make: (temporary: string) => void): void => {
  // Not the target's own name with a suffix: that may be as long as names can be.
  const temporary = `${dirname(target)}/.oci-${process.pid}`
  Durable.makeDirectory(dirname(target), 0o755)
  rmSync(temporary, { force: true })
  make(temporary)
  renameSync(temporary, target)
}
