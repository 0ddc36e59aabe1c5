/**
 * Builds `dist/`: the two programs, each one file that runs on its own with native code beside it, and the library.
 *
 *     node scripts/build.mjs
 */
import { execFileSync } from "node:child_process"
import { chmodSync, cpSync, mkdirSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

const top = join(dirname(fileURLToPath(import.meta.url)), "..")
const dist = join(top, "dist")

rmSync(dist, { recursive: true, force: true })
mkdirSync(dist, { recursive: true })

const programs = {
  "oci-systemd-generator": "src/bin/generator.ts",
  "oci-systemd": "src/bin/cli.ts",
  "layer-worker": "src/bin/layerWorker.ts"
}
for (const [name, entry] of Object.entries(programs)) {
  const outfile = join(dist, `${name}.cjs`)
  await build({
    entryPoints: [join(top, entry)],
    outfile,
    bundle: true,
    minify: true,
    platform: "node",
    // CommonJS starts faster than modules do.
    format: "cjs",
    target: "node20",
    external: ["koffi"],
    define: { "import.meta.dirname": "__dirname" },
    // The flag as in src/services/CommandPath.ts, and for the same reason.
    banner: { js: "#!/usr/bin/env -S node --max-semi-space-size=4" },
    legalComments: "none",
    logLevel: "warning"
  })
  chmodSync(outfile, 0o755)
}

// What units run often, or on stop: a shell starts in a tenth of Node's time.
for (const name of ["oci-health", "oci-release"]) {
  cpSync(join(top, `src/bin/${name}.sh`), join(dist, name))
  chmodSync(join(dist, name), 0o755)
}

await build({
  entryPoints: [join(top, "src/index.ts")],
  outfile: join(dist, "index.js"),
  bundle: true,
  packages: "external",
  platform: "node",
  format: "esm",
  target: "node20",
  logLevel: "warning"
})
execFileSync(
  process.execPath,
  [join(top, "node_modules/typescript/bin/tsc"), "-p", join(top, "tsconfig.build.json")],
  {
    stdio: "inherit"
  }
)

// koffi finds its native code relative to itself, so it goes along as a package of its own, for this machine.
const modules = join(top, "node_modules")
cpSync(join(modules, "koffi"), join(dist, "node_modules/koffi"), {
  recursive: true,
  filter: (path) =>
    !/[/](?:doc|vendor)$|[.](?:cc|hh|h|S|asm|inc|txt|md)$|CMake/.test(path) || path.endsWith("LICENSE.txt")
})
const native = `@koromix/koffi-linux-${process.arch}`
cpSync(join(modules, native), join(dist, "node_modules", native), { recursive: true })
