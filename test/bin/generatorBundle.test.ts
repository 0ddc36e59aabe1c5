/** What the generator loads: nothing of Effect's runtime, which takes as long as Node's own start does. */
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"
import { assert, describe, it } from "vitest"

const TOP = join(dirname(fileURLToPath(import.meta.url)), "../..")

/** Modules that are in a program's bundle, as esbuild's metafile lists them; those that only lend types are not. */
const modulesOf = async (entry: string): Promise<readonly string[]> => {
  const { metafile } = await build({
    absWorkingDir: TOP,
    entryPoints: [entry],
    outfile: "bundle.cjs",
    bundle: true,
    write: false,
    metafile: true,
    platform: "node",
    format: "cjs",
    external: ["koffi"],
    define: { "import.meta.dirname": "__dirname", "import.meta.filename": "__filename" },
    logLevel: "silent"
  })
  return Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([module, { bytesInOutput }]) => (bytesInOutput > 0 ? [module] : []))
  )
}

/** The runtime, what brings it along, and what is as large. */
const HEAVY =
  /\/effect\/.*\/(?:Effect|Layer|Context|Fiber|FiberRef|Runtime|Cause|Exit|Schema|SchemaAST|ParseResult|Data|Match)\.js$|\/effect\/.*\/internal\/(?:fiberRuntime|core|core-effect|runtime|schema\/[^/]*)\.js$|\/@effect\//

describe("the generator's bundle", () => {
  it("loads neither Effect's runtime nor effect/Schema nor any @effect package", async () => {
    const modules = await modulesOf("src/bin/generator.ts")
    assert.include(modules, "src/bin/generator.ts")
    assert.deepEqual(
      modules.filter((module) => HEAVY.test(module)),
      []
    )
  })

  it("loads no other package than those that it was written with", async () => {
    const packages = (await modulesOf("src/bin/generator.ts")).flatMap((module) => {
      const [, name = ""] = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(module) ?? []
      return name === "" ? [] : [name]
    })
    assert.sameMembers([...new Set(packages)], ["effect", "ini"])
  })

  it("is told apart from one that does: the CLI's has them all", async () => {
    const found = (await modulesOf("src/bin/cli.ts")).filter((module) => HEAVY.test(module))
    for (const name of [
      "effect/dist/esm/internal/fiberRuntime.js",
      "effect/dist/esm/Schema.js",
      "/@effect/cli/"
    ])
      assert.isTrue(
        found.some((module) => module.includes(name)),
        name
      )
  })
})
