/** The program of the threads that read layers, which lies in the package. */
import { createRequire } from "node:module"

/**
 * Returns its path, wherever this module is: in the package, or in a bundle that a program was made into, as long as the
 * package is installed where the bundle runs. Otherwise the result is `undefined`.
 */
export const find = (from: string = import.meta.filename ?? `${process.cwd()}/`): string | undefined => {
  try {
    return createRequire(from).resolve("oci-systemd-generator/layer-worker")
  } catch {
    return undefined
  }
}

/** Says why layers are read on the program's own thread. */
export const MISSING =
  "layers are read on the program's own thread: oci-systemd-generator/layer-worker cannot be resolved from here (see docs/library.md, Bundlers)"
