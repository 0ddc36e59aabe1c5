/**
 * Prepares a fresh checkout so that its scripts can run: installs packages and builds programs. It only needs
 * Node and npm.
 */
import { execFileSync } from "node:child_process"
import { existsSync, readdirSync, statSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

export const top = join(dirname(fileURLToPath(import.meta.url)), "..")

const modified = (path) => (existsSync(join(top, path)) ? statSync(join(top, path)).mtimeMs : 0)

const newest = (directory) =>
  Math.max(
    ...readdirSync(join(top, directory), { withFileTypes: true }).map((entry) =>
      entry.isDirectory() ? newest(join(directory, entry.name)) : modified(join(directory, entry.name))
    )
  )

const run = (command, args) =>
  execFileSync(command, args, { cwd: top, stdio: ["ignore", "ignore", "inherit"] })

export const setUp = () => {
  if (modified("node_modules/.package-lock.json") < modified("package-lock.json")) {
    console.error("setting up: npm ci")
    run("npm", ["ci", "--no-fund", "--no-audit", "--loglevel=error"])
  }
  if (
    modified("dist/lib/index.js") <
    Math.max(
      newest("src"),
      modified("scripts/build.mjs"),
      modified("scripts/v8Flags.mjs"),
      modified("package.json")
    )
  ) {
    console.error("setting up: npm run build")
    run(process.execPath, ["scripts/build.mjs"])
  }
}
