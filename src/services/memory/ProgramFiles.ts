/** The files of the generator itself, which decide its units as much as its input does. */
import { basename, dirname } from "node:path"
import type { InputRecord } from "../files/InputRecord.ts"

/**
 * Notes them. `script` is the name by which systemd runs the generator; `path` is `PATH`, by which it finds
 * Node.
 */
export const note = (record: InputRecord, script: string, path: string | undefined): void => {
  record.note(script)
  record.note(process.execPath)
  const [, program = process.execPath] = process.argv
  record.note(program)
  // scripts/loader.cjs runs this file; a single executable contains it.
  if (program.endsWith(".cjs")) record.note(`${dirname(program)}/code/${basename(program, ".cjs")}.js`)
  for (const directory of path?.split(":") ?? []) {
    if (directory.startsWith("/")) record.note(`${directory}/node`)
  }
}
