/**
 * Reads and writes the number of the format of an extracts directory, which is in a file of its own
 * (`ExtractsTree`).
 */
import { readFileSync, writeFileSync } from "node:fs"
import * as ExtractsTree from "../../domain/extracts/ExtractsTree.ts"

/** Returns the number; `undefined` if nothing was extracted yet, or by a version that wrote no number. */
export const read = (directory: string): number | undefined => {
  try {
    const number = Number.parseInt(readFileSync(pathOf(directory), "latin1"), 10)
    return Number.isNaN(number) ? undefined : number
  } catch (cause) {
    // If the path is not a directory, the next write to it reports that.
    if (["ENOENT", "ENOTDIR"].includes((cause as NodeJS.ErrnoException).code ?? "")) return undefined
    throw cause
  }
}

/**
 * Throws if a newer version of this program keeps the directory in a format that this version does not know.
 * This version could take files that the newer one needs for garbage, or a part of a root for the whole.
 */
export const requireKnown = (directory: string): void => {
  const number = read(directory)
  if (number === undefined || number <= ExtractsTree.FORMAT) return
  const code = `its format is ${number}, and this version of the program knows ${ExtractsTree.FORMAT}`
  throw Object.assign(new Error(code), { code })
}

/** Writes this format's number. Files in an older format stay until they are garbage. */
export const write = (directory: string): void => {
  if (read(directory) === ExtractsTree.FORMAT) return
  // A file without a number, which a crash may leave, counts as no file.
  writeFileSync(pathOf(directory), `${ExtractsTree.FORMAT}\n`, { mode: 0o644, flush: true })
}

const pathOf = (directory: string): string => `${directory}/${ExtractsTree.FORMAT_FILE}`
