/**
 * Builds `dist/`: the programs with native code beside them, and the library.
 *
 *     node scripts/build.mjs
 *
 *     dist/oci-systemd-generator.cjs, oci-systemd.cjs     the programs: they run the code below, see scripts/loader.cjs
 *     dist/layer-worker.cjs                               the same, for a thread of oci-systemd
 *     dist/code/NAME.js                                   their code, each one file
 *     dist/code/NAME.vVERSION-ARCH.cache                  V8's code cache, for this Node
 *     dist/code-cache.cjs                                 makes the caches again where Node is another
 *     dist/oci-health, oci-prepare, …                     what units run in a shell
 *     dist/systemd/oci.slice                              the slice of all services
 *     dist/man, completions                               manual pages, and completions of shells
 *     dist/node_modules                                   koffi, with native code for this machine
 *     dist/index.js, types                                the library
 */
import { execFileSync } from "node:child_process"
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"
import { makeManual } from "./manual.mjs"

const top = join(dirname(fileURLToPath(import.meta.url)), "..")
const dist = join(top, "dist")
const code = join(dist, "code")

rmSync(dist, { recursive: true, force: true })
mkdirSync(code, { recursive: true })

/** The flag as in src/services/host/CommandPath.ts, and for the same reason. */
const programs = [
  { name: "oci-systemd-generator", entry: "src/bin/generator.ts", shebang: "#!/usr/bin/env node" },
  { name: "oci-systemd", entry: "src/bin/cli.ts", shebang: "#!/usr/bin/env -S node --max-semi-space-size=4" },
  // A thread: nobody runs it by its name.
  { name: "layer-worker", entry: "src/bin/layerWorker.ts", shebang: undefined }
]
/**
 * Each `import * as fs` of each module makes esbuild copy all names of `fs`, which takes milliseconds together. Node's own
 * modules need no copy: nothing here imports a default of one.
 */
const importDirectly = (file) => {
  const text = readFileSync(file, "utf8")
  writeFileSync(file, text.replace(/\b[\w$]+\((require\("node:[a-z_/]+"\)),1\)/g, "$1"))
}
const loader = readFileSync(join(top, "scripts/loader.cjs"), "utf8")
for (const { name, entry, shebang } of programs) {
  const outfile = join(code, `${name}.js`)
  await build({
    entryPoints: [join(top, entry)],
    outfile,
    bundle: true,
    minify: true,
    platform: "node",
    // CommonJS starts faster than modules do.
    format: "cjs",
    target: "node20",
    // What is run by `vm` has `require` only.
    supported: { "dynamic-import": false },
    external: ["koffi"],
    define: { "import.meta.dirname": "__dirname", "import.meta.filename": "__filename" },
    banner: { js: "(function (require, __filename, __dirname) {" },
    footer: { js: "})" },
    legalComments: "none",
    logLevel: "warning"
  })
  if (name === "oci-systemd-generator") importDirectly(outfile)
  const program = join(dist, `${name}.cjs`)
  writeFileSync(program, `${shebang === undefined ? "" : `${shebang}\n`}${loader}`)
  if (shebang !== undefined) chmodSync(program, 0o755)
}

// What units run often, or on stop: a shell starts in a tenth of Node's time.
for (const name of ["oci-health", "oci-layouts", "oci-prepare", "oci-release"]) {
  cpSync(join(top, `src/bin/${name}.sh`), join(dist, name))
  chmodSync(join(dist, name), 0o755)
}

mkdirSync(join(dist, "systemd"))
cpSync(join(top, "src/host/oci.slice"), join(dist, "systemd/oci.slice"))

await makeManual()

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

// Declarations keep the names of their sources; everybody's compiler finds `x.d.ts` by `x.js`.
for (const name of readdirSync(join(dist, "types"), { encoding: "utf8", recursive: true })) {
  if (!name.endsWith(".d.ts")) continue
  const file = join(dist, "types", name)
  const text = readFileSync(file, "utf8")
  writeFileSync(file, text.replace(/((?:from|import\() ?"\.[^"]*)\.ts"/g, '$1.js"'))
}

// koffi finds its native code relative to itself, so it goes along as a package of its own, for this machine.
const modules = join(top, "node_modules")
cpSync(join(modules, "koffi"), join(dist, "node_modules/koffi"), {
  recursive: true,
  filter: (path) =>
    !/[/](?:doc|vendor|cnoke[.]cjs|trampolines[.]cjs)$|[.](?:cc|hh|h|S|asm|inc|def|txt|md)$|CMake/.test(
      path
    ) || path.endsWith("LICENSE.txt")
})
const native = `@koromix/koffi-linux-${process.arch}`
// It has code for two C libraries; ours is the one that Node runs on.
const other = process.report.getReport().header.glibcVersionRuntime === undefined ? "/linux_" : "/musl_"
cpSync(join(modules, native), join(dist, "node_modules", native), {
  recursive: true,
  filter: (path) => !path.includes(other)
})

cpSync(join(top, "scripts/code-cache.cjs"), join(dist, "code-cache.cjs"))
execFileSync(process.execPath, [join(dist, "code-cache.cjs")], { stdio: "inherit" })
