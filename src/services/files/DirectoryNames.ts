/** The names in a directory, for those who take one that is missing or closed to them for an empty one. */
import * as fs from "node:fs"

export const namesIn = (directory: string): readonly string[] => {
  try {
    return fs.readdirSync(directory)
  } catch {
    return []
  }
}
