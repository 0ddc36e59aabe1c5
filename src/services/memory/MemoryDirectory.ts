/** The directory of a memory. Only this user can use it, and it is not a link to another directory. */
import * as fs from "node:fs"
import { PRIVATE } from "../files/DirectoryMode.ts"
import * as Durable from "../files/Durable.ts"

/** Makes the directory. Throws if that is not possible. */
export const make = (directory: string): void => {
  Durable.makeDirectory(directory, PRIVATE)
  const stats = fs.lstatSync(directory)
  if (!stats.isDirectory() || stats.uid !== process.geteuid?.())
    throw new Error(`${directory} is not a directory of this user`)
}
