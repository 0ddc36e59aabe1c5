/**
 * Makes single executables of the programs: this machine's Node with their code in it (nodejs.org/api/single-executable-applications).
 *
 *     npm run build:executables                               or, where dist/ is built, node scripts/executables.mjs [DIRECTORY]
 *
 *     dist/bin/oci-systemd-generator, dist/bin/oci-systemd     one file with two names: it is the program it is called
 *     dist/bin/oci-health, oci-layouts, layer-worker.cjs, …    what belongs beside it, as in dist/
 *
 * The directory is a complete installation for a machine without Node: copy it as a whole, with its hard link
 * (`cp -a`), and link to its two programs; or let its `oci-systemd install` do it. A Node that has its code in
 * libnode.so, as in some distributions, cannot be used.
 */
import { execFileSync } from "node:child_process"
import {
  chmodSync,
  copyFileSync,
  cpSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { LESS_COMPILING, withFlags } from "./v8Flags.mjs"

const top = join(dirname(fileURLToPath(import.meta.url)), "..")
const dist = join(top, "dist")
const bin = resolve(process.argv[2] ?? join(dist, "bin"))

/** The marker by which Node finds the code that was put into it. */
const FUSE = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2"
const NODE = process.execPath
const POSTJECT = join(top, "node_modules/postject/dist/cli.js")
if (!readFileSync(NODE).includes(FUSE)) {
  console.error(
    `error: this Node cannot become a single executable: Node's code is in a shared library, as in Debian 13. Run this with Node of nodejs.org first in PATH; without one, "npm run build && node dist/oci-systemd.cjs install" installs scripts for Debian's Node`
  )
  process.exit(1)
}

rmSync(bin, { recursive: true, force: true })
mkdirSync(bin, { recursive: true })
const names = ["oci-systemd-generator", "oci-systemd"]
const work = join(tmpdir(), `oci-systemd-executables-${process.pid}`)
mkdirSync(work)
try {
  // An executable gets no flags.
  createRequire(import.meta.url)(join(dist, "code-cache.cjs")).make(work, names, [])
  const cache = (name) => join(work, `${name}.${process.version}-${process.arch}.cache`)
  const config = join(work, "config.json")
  const blob = join(work, "blob")
  const main = join(work, "main.cjs")
  writeFileSync(
    main,
    withFlags(readFileSync(join(top, "scripts/executable-main.cjs"), "utf8"), LESS_COMPILING)
  )
  writeFileSync(
    config,
    JSON.stringify({
      main,
      output: blob,
      disableExperimentalSEAWarning: true,
      useCodeCache: true,
      assets: Object.fromEntries(
        names.flatMap((name) => [
          [`${name}.js`, join(dist, "code", `${name}.js`)],
          [`${name}.cache`, cache(name)]
        ])
      )
    })
  )
  execFileSync(NODE, ["--experimental-sea-config", config], { stdio: "pipe" })
  const [executable, second] = names.map((name) => join(bin, name))
  copyFileSync(NODE, executable)
  // The tool warns about each note of the executable, which has no meaning here.
  execFileSync(NODE, [POSTJECT, executable, "NODE_SEA_BLOB", blob, "--sentinel-fuse", FUSE], {
    stdio: "pipe"
  })
  chmodSync(executable, 0o755)
  linkSync(executable, second)
} finally {
  rmSync(work, { recursive: true, force: true })
}
for (const name of [
  "oci-check",
  "oci-generator",
  "oci-health",
  "oci-layouts",
  "oci-prepare",
  "oci-output",
  "oci-release",
  "oci-stop",
  "layer-worker.cjs"
])
  cpSync(join(dist, name), join(bin, name))
for (const name of ["node_modules", "man", "completions", "systemd", "apparmor"])
  cpSync(join(dist, name), join(bin, name), { recursive: true })
mkdirSync(join(bin, "code"))
for (const name of ["layer-worker.js", `layer-worker.${process.version}-${process.arch}.cache`]) {
  cpSync(join(dist, "code", name), join(bin, "code", name))
}
