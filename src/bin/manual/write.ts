/**
 * Writes manual pages and completions: `write DIRECTORY VERSION DATE`. Only the build runs it; it is not part of the
 * programs.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { ociSystemd } from "../commands/OciSystemd.ts"
import * as CommandTree from "./CommandTree.ts"
import * as Manual from "./Manual.ts"

const [directory = "", version = "", date = ""] = process.argv.slice(2)
for (const [name, text] of Manual.files(CommandTree.read(ociSystemd), { version, date })) {
  const file = path.join(directory, name)
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, text)
}
