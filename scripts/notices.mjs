/**
 * Collects the licences of everything that the programs contain: of Node, and of each package whose code they
 * have.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { build } from "esbuild"

/** Returns the names of bundled packages and of packages beside the programs. */
const packages = async (top, entries) => {
  const { metafile } = await build({
    entryPoints: entries.map((entry) => join(top, entry)),
    bundle: true,
    write: false,
    metafile: true,
    platform: "node",
    external: ["koffi"],
    outdir: "nowhere",
    logLevel: "error"
  })
  const names = Object.keys(metafile.inputs).flatMap(
    (path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(path)?.[1] ?? []
  )
  return [...new Set([...names, "koffi"])].sort()
}

const licenceOf = (directory) => {
  const name = readdirSync(directory).find((file) => /^licen[cs]e(?:[.](?:txt|md))?$/i.test(file))
  if (name === undefined) throw new Error(`${directory} has no licence`)
  return readFileSync(join(directory, name), "utf8").trim()
}

/** The places of the licence: in Node's own archives, and in packages of Node. */
const licenceOfNode = (node) => {
  const prefix = join(dirname(node), "..")
  const found = [join(prefix, "LICENSE"), join(prefix, "share/doc/nodejs/LICENSE")].find(existsSync)
  if (found === undefined)
    throw new Error(`the licence of ${node} is in none of the places where it should be`)
  return readFileSync(found, "utf8").trim()
}

/** Returns one text; `node` is the executable that is included. */
export const notices = async (top, entries, node) => {
  const parts = [["Node.js", licenceOfNode(node)]]
  for (const name of await packages(top, entries)) {
    const directory = join(top, "node_modules", name)
    const { version } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"))
    parts.push([`${name} ${version}`, licenceOf(directory)])
  }
  return parts.map(([name, text]) => `${"-".repeat(78)}\n${name}\n\n${text}\n`).join("\n")
}
