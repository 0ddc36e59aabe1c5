/** The library as bundlers and Node load it: what is built, seen from a program outside of this directory. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import * as WorkerFile from "../../src/library/WorkerFile.ts"

const TOP = fileURLToPath(new URL("../../", import.meta.url))
const PACKAGE = JSON.parse(readFileSync(join(TOP, "package.json"), "utf8"))
const INDEX = readFileSync(join(TOP, "src/index.ts"), "utf8")
const namespaces = [...INDEX.matchAll(/^export \* as (\w+) from "\.\/(.+)\.ts"$/gm)].map(
  ([, name = "", path = ""]) => ({
    name,
    path
  })
)
const pure = namespaces.filter(({ path }) => path.startsWith("domain/"))
const lack = existsSync(join(TOP, "dist/lib/index.js")) ? "" : " (npm run build makes it)"

describe("the package", () => {
  it("exports each namespace of the index as a module of its own, and nothing else", () => {
    const { ".": main, "./effect": effect, "./effect/LayerStream": stream, ...others } = PACKAGE.exports
    assert.deepEqual(
      [main, effect, stream],
      ["./dist/lib/index.js", "./dist/lib/effect.js", "./dist/lib/library/LayerStream.js"]
    )
    const { "./layer-worker": worker, "./package.json": itself, ...modules } = others
    assert.deepEqual([worker, itself], ["./dist/layer-worker.cjs", "./package.json"])
    assert.deepEqual(
      modules,
      Object.fromEntries(namespaces.map(({ name, path }) => [`./${name}`, `./dist/lib/${path}.js`]))
    )
  })

  it("leaves the version of Effect to the program, within what it was tested with", () => {
    assert.isUndefined(PACKAGE.dependencies.effect)
    assert.match(PACKAGE.peerDependencies.effect, /^\^3\.22\./)
    assert.match(PACKAGE.devDependencies.effect, /^3\.22\./)
  })
})

describe.skipIf(lack !== "")(`a program's bundle${lack}`, () => {
  let project: string
  beforeAll(() => {
    project = mkdtempSync(join(tmpdir(), "oci-systemd-bundle-"))
    mkdirSync(join(project, "node_modules"))
    symlinkSync(TOP, join(project, "node_modules/oci-systemd-generator"))
  })
  afterAll(() => rmSync(project, { recursive: true, force: true }))

  /** In one file, or with a file for each part that is loaded later. */
  const bundle = async (contents: string, splitting = false) => {
    const { metafile } = await build({
      stdin: { contents, resolveDir: project },
      bundle: true,
      minify: true,
      write: false,
      metafile: true,
      platform: "node",
      format: "esm",
      external: ["koffi"],
      outdir: project,
      splitting,
      logLevel: "silent"
    })
    // What is loaded later is an entry point as well, and their order is esbuild's.
    const output = Object.values(metafile.outputs).find(({ entryPoint }) => entryPoint === "<stdin>")
    const first = new Set<string>()
    const add = (at: typeof output) => {
      for (const { external, kind, path } of at?.imports ?? []) {
        if (kind === "dynamic-import" || first.has(path)) continue
        first.add(path)
        if (external !== true) add(metafile.outputs[path])
      }
    }
    add(output)
    const loaded = [output, ...[...first].map((path) => metafile.outputs[path])].filter(
      (each) => each !== undefined
    )
    return {
      /** Of what is loaded before anything runs. */
      bytes: loaded.reduce((sum, { bytes }) => sum + bytes, 0),
      /** Files of the bundle that are loaded before anything runs, and names of modules that are not in it. */
      first,
      inputs: loaded
        .flatMap(({ inputs }) => Object.entries(inputs))
        .flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : []))
    }
  }

  it.each([
    ["Platform", 'Platform.parse("linux/arm")', 3000],
    ["UnitName", 'UnitName.fromImage({ layout: "a", ref: "b" }, String)', 6000],
    ["LayerMerge", "LayerMerge.merge([])", 50_000]
  ])("that uses %s has its size, whether the main module is imported or the one", async (name, use, most) => {
    for (const from of [
      `{ ${name} } from "oci-systemd-generator"`,
      `* as ${name} from "oci-systemd-generator/${name}"`
    ]) {
      const { bytes } = await bundle(`import ${from}; console.log(${use})`)
      assert.isAtMost(bytes, most, from)
    }
  })

  it.each(pure.map(({ name }) => name))(
    "loads nothing of Node and no runtime of Effect for %s",
    async (name) => {
      const { first, inputs } = await bundle(
        `import * as module from "oci-systemd-generator/${name}"; console.log(module)`
      )
      assert.deepEqual(
        [...first].filter((path) => path.startsWith("node:")),
        []
      )
      assert.deepEqual(
        inputs.filter((path) => /effect\/dist\/esm\/(?:Effect|Schema|Data|Option)\.js$/.test(path)),
        []
      )
    }
  )

  it("loads Effect's runtime, threads and native code with the first task only", async () => {
    const { first, inputs } = await bundle(
      'import * as all from "oci-systemd-generator"; console.log(all)',
      true
    )
    assert.notInclude([...first], "node:worker_threads")
    assert.notInclude([...first], "koffi")
    assert.deepEqual(
      inputs.filter((path) => /effect\/dist\/esm\/(?:Effect|Schema)\.js$/.test(path)),
      []
    )
  })

  it("finds the program of its threads where the package is installed, and only there", () => {
    assert.strictEqual(WorkerFile.find(join(project, "bundle.js")), join(TOP, "dist/layer-worker.cjs"))
    assert.isUndefined(WorkerFile.find("/nowhere/bundle.js"))
  })
})
