/** Lists the names in a directory. A directory that is missing or not readable counts as empty. */
import * as fs from "./RecordedFiles.ts"

export const namesIn = (
  directory: string,
  read: (directory: string) => readonly string[] = fs.readdirSync
): readonly string[] => {
  try {
    return read(directory)
  } catch {
    return []
  }
}
