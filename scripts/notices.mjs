/** The licences of what the programs carry in them: of Node, and of each package whose code they have. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { build } from "esbuild"

/** Names of the packages that are bundled, and of those that go along. */
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

/** Where Node's own archives have it, and where packages of Node do. */
const licenceOfNode = (node) => {
  const prefix = join(dirname(node), "..")
  const found = [join(prefix, "LICENSE"), join(prefix, "share/doc/nodejs/LICENSE")].find(existsSync)
  if (found === undefined)
    throw new Error(`the licence of ${node} is in none of the places where it should be`)
  return readFileSync(found, "utf8").trim()
}

/** One text; `node` is the executable that is carried. */
export const notices = async (top, entries, node) => {
  const parts = [["Node.js", licenceOfNode(node)]]
  for (const name of await packages(top, entries)) {
    const directory = join(top, "node_modules", name)
    const { version } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"))
    parts.push([`${name} ${version}`, licenceOf(directory)])
  }
  return parts.map(([name, text]) => `${"-".repeat(78)}\n${name}\n\n${text}\n`).join("\n")
}
