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
 *     dist/oci-generator                                  what systemd runs: it remembers what oci-systemd-generator made
 *     dist/oci-health, oci-prepare, …                     what units run in a shell
 *     dist/systemd/oci.slice                              the slice of all services
 *     dist/apparmor/oci-systemd-image                     the AppArmor profile of services that see the host's processes
 *     dist/man, completions                               manual pages, and completions of shells
 *     dist/node_modules                                   koffi, with native code for this machine
 *     dist/lib                                            the library, each module a file, with its declarations
 */
import { execFileSync } from "node:child_process"
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build, transform } from "esbuild"
import { makeManual } from "./manual.mjs"
import { LESS_COMPILING, withFlags } from "./v8Flags.mjs"

const top = join(dirname(fileURLToPath(import.meta.url)), "..")
const dist = join(top, "dist")
const code = join(dist, "code")

rmSync(dist, { recursive: true, force: true })
mkdirSync(code, { recursive: true })

/** The flags of the shebang are those of src/services/host/CommandPath.ts, for the same reason. */
const programs = [
  { name: "oci-systemd-generator", entry: "src/bin/generator.ts", shebang: "#!/usr/bin/env node", flags: {} },
  {
    name: "oci-systemd",
    entry: "src/bin/cli.ts",
    shebang: "#!/usr/bin/env -S node --max-semi-space-size=4",
    flags: LESS_COMPILING
  },
  // This is a thread, which is never run by its name. Flags are those of the whole process.
  { name: "layer-worker", entry: "src/bin/layerWorker.ts", shebang: undefined, flags: {} }
]
/**
 * Replaces imports of Node's own modules. For each `import * as fs` in each module, esbuild copies all names of
 * `fs`, which takes milliseconds together. Node's own modules need no copy, since nothing here imports their
 * defaults.
 */
const importDirectly = (file) => {
  const text = readFileSync(file, "utf8")
  writeFileSync(file, text.replace(/\b[\w$]+\((require\("node:[a-z_/]+"\)),1\)/g, "$1"))
}
const loader = readFileSync(join(top, "scripts/loader.cjs"), "utf8")
for (const { name, entry, flags, shebang } of programs) {
  const outfile = join(code, `${name}.js`)
  await build({
    entryPoints: [join(top, entry)],
    outfile,
    bundle: true,
    minify: true,
    platform: "node",
    // CommonJS modules start faster than ES modules.
    format: "cjs",
    target: "node20",
    // Code that `vm` runs only has `require`.
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
  writeFileSync(program, `${shebang === undefined ? "" : `${shebang}\n`}${withFlags(loader, flags)}`)
  if (shebang !== undefined) chmodSync(program, 0o755)
}

// systemd and units run these often, or on stop: a shell starts in a tenth of Node's time.
for (const name of [
  "oci-generator",
  "oci-health",
  "oci-layouts",
  "oci-output",
  "oci-prepare",
  "oci-release"
]) {
  cpSync(join(top, `src/host/${name}.sh`), join(dist, name))
  chmodSync(join(dist, name), 0o755)
}
for (const name of ["oci-check", "oci-stop"]) {
  cpSync(join(top, `src/host/${name}.pl`), join(dist, name))
  chmodSync(join(dist, name), 0o755)
}

mkdirSync(join(dist, "systemd"))
cpSync(join(top, "src/host/oci.slice"), join(dist, "systemd/oci.slice"))
mkdirSync(join(dist, "apparmor"))
cpSync(join(top, "src/host/oci-systemd-image.apparmor"), join(dist, "apparmor/oci-systemd-image"))

await makeManual()

// The library: each module a file, so that a program loads and a bundler takes no more than is imported.
execFileSync(
  process.execPath,
  [join(top, "node_modules/typescript/bin/tsc"), "-p", join(top, "tsconfig.build.json")],
  { stdio: "inherit" }
)
const library = join(dist, "lib")
for (const name of readdirSync(library, { encoding: "utf8", recursive: true })) {
  const file = join(library, name)
  if (name.endsWith(".d.ts")) {
    // Declarations keep the names of their sources; everybody's compiler finds `x.d.ts` by `x.js`.
    const text = readFileSync(file, "utf8")
    writeFileSync(file, text.replace(/((?:from|import\() ?"\.[^"]*)\.ts"/g, '$1.js"'))
  } else if (name.endsWith(".js")) {
    // Comments are in the declarations, and take time to read.
    const { code } = await transform(readFileSync(file, "utf8"), { format: "esm", target: "node20" })
    writeFileSync(file, code)
  }
}

// koffi finds its native code relative to itself, so it is copied as a package of its own, for this machine.
const modules = join(top, "node_modules")
cpSync(join(modules, "koffi"), join(dist, "node_modules/koffi"), {
  recursive: true,
  filter: (path) =>
    !/[/](?:doc|vendor|cnoke[.]cjs|trampolines[.]cjs)$|[.](?:cc|hh|h|S|asm|inc|def|txt|md)$|CMake/.test(
      path
    ) || path.endsWith("LICENSE.txt")
})
const native = `@koromix/koffi-linux-${process.arch}`
// It contains code for two C libraries; only the one that Node uses is needed.
const other = process.report.getReport().header.glibcVersionRuntime === undefined ? "/linux_" : "/musl_"
cpSync(join(modules, native), join(dist, "node_modules", native), {
  recursive: true,
  filter: (path) => !path.includes(other)
})

writeFileSync(
  join(dist, "code-cache.cjs"),
  withFlags(readFileSync(join(top, "scripts/code-cache.cjs"), "utf8"), LESS_COMPILING)
)
execFileSync(process.execPath, [join(dist, "code-cache.cjs")], { stdio: "inherit" })
