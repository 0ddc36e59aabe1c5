/** Small files that are replaced as a whole and survive a crash. */
import * as fs from "node:fs"
import { dirname } from "node:path"
import * as AtomicReplace from "./AtomicReplace.ts"
import * as Durable from "./Durable.ts"

export const isThere = (path: string): boolean => fs.existsSync(path)

/** Returns the text, or `undefined` if the file is missing. Throws errors of the system. */
export const read = (path: string): string | undefined =>
  fs.existsSync(path) ? fs.readFileSync(path, "utf8") : undefined

/** Replaces the text in one step. Throws errors of the system. */
export const replace = (path: string, text: string): void => {
  AtomicReplace.replace(path, (temporary) =>
    fs.writeFileSync(temporary, text, { mode: 0o644, flag: "wx", flush: true })
  )
  Durable.flushDirectory(dirname(path))
}

/** Removes the file if it exists. Throws errors of the system. */
export const remove = (path: string): void => {
  fs.rmSync(path, { force: true })
  Durable.flushDirectory(dirname(path))
}
