/** The programs of docs/library.md run, with the library as it is built: Node finds it by the package's own name. */
import { execFile } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { assert, describe, it } from "vitest"
import { Layer, LayoutWriter } from "../../src/index.ts"
import { temporary } from "../support/LayoutWriter.ts"

const TOP = fileURLToPath(new URL("../../", import.meta.url))
const lack = existsSync(join(TOP, "dist/lib/index.js")) ? "" : " (npm run build makes it)"

/** A layouts directory with one image that has no command and is for another machine, and one that can run. */
const withLayouts = async (test: (layouts: string, at: (name: string) => string) => Promise<void>) => {
  using place = temporary()
  const at = (name: string) => join(place.path, name)
  const base = await LayoutWriter.open(at("layouts/example.org/base"))
  const platform = { os: "linux", architecture: "riscv64" }
  await base.image({ ref: "v1", platform, layers: [[Layer.file("etc/name", "base", { mode: 0o600 })]] })
  const app = await LayoutWriter.open(at("layouts/example.org/app"))
  await app.image({
    ref: "v1",
    layers: [[Layer.file("bin/app", "#!", { mode: 0o755 })]],
    config: { Entrypoint: ["/bin/app"] }
  })
  await test(at("layouts"), at)
}

const run = async (name: string, ...words: readonly string[]) => {
  const { stderr, stdout } = await promisify(execFile)(process.execPath, [
    join(TOP, "examples", name),
    ...words
  ])
  return { stderr, lines: stdout.split("\n").filter((line) => line !== "") }
}

const failure = async (name: string, ...words: readonly string[]): Promise<string> =>
  run(name, ...words).then(
    () => assert.fail("it succeeded"),
    ({ code, stderr }) => {
      assert.strictEqual(code, 1)
      return stderr
    }
  )

describe.skipIf(lack !== "")(`examples${lack}`, () => {
  it("list.mjs lists images, their units, and what is wrong with them", () =>
    withLayouts(async (layouts) => {
      const { lines } = await run("list.mjs", layouts)
      assert.strictEqual(lines[0], "example.org/app:v1 org.example.app.ref.v1.service can run")
      assert.match(lines[1] ?? "", /^example\.org\/base:v1 .*riscv64/)
    }))

  it("compare.mjs compares units with those in a directory", () =>
    withLayouts(async (layouts, at) => {
      mkdirSync(at("units"))
      const service = "org.example.app.ref.v1.service"
      assert.include((await run("compare.mjs", layouts, at("units"))).lines, `new: ${service}`)
      writeFileSync(at(`units/${service}`), "")
      assert.include((await run("compare.mjs", layouts, at("units"))).lines, `different: ${service}`)
    }))

  it("into.mjs writes the root of a base image of another platform to a directory", () =>
    withLayouts(async (layouts, at) => {
      const layout = join(layouts, "example.org/base")
      assert.match(await failure("into.mjs", layout, "v1", at("root")), /riscv64/)
      assert.match(await failure("into.mjs", layout, "v2", at("root")), /has no reference "v2": it has v1/)
      const { lines } = await run("into.mjs", layout, "v1", at("root"), "linux/riscv64")
      assert.deepEqual(lines, [at("root")])
      assert.strictEqual(readFileSync(at("root/etc/name"), "utf8"), "base")
    }))

  it("layer.mjs reads a layer from a stream, and says when it is another", () =>
    withLayouts(async (layouts) => {
      const blobs = join(layouts, "example.org/base/blobs/sha256")
      const manifest = readdirSync(blobs)
        .map((name) => readFileSync(join(blobs, name)))
        .flatMap((bytes) => (bytes[0] === 0x7b ? [JSON.parse(bytes.toString())] : []))
        .find(({ layers }) => layers !== undefined)
      const [{ digest, mediaType }] = manifest.layers
      const blob = join(blobs, digest.slice("sha256:".length))
      const { lines } = await run("layer.mjs", blob, mediaType, digest)
      assert.match(lines.join(), /^File etc\/name [0-9a-f]{64}$/)
      const other = `sha256:${"0".repeat(64)}`
      assert.match(await failure("layer.mjs", blob, mediaType, other), /the blob is damaged/)
    }))

  it("make.mjs makes an image of a binary, which tree.mjs lists", () =>
    withLayouts(async (_, at) => {
      const { lines } = await run("make.mjs", at("made"), "v1", process.execPath)
      assert.match(lines.join(), /^sha256:[0-9a-f]{64}$/)
      assert.deepEqual((await run("tree.mjs", at("made"), "v1")).lines, [
        "Directory 755 0:0 / (layer none)",
        "Directory 755 0:0 /bin (layer 0)",
        "File 755 0:0 /bin/app (layer 0)"
      ])
    }))

  it("stub.mjs stubs a service", () =>
    withLayouts(async (layouts) => {
      const { lines } = await run("stub.mjs", join(layouts, "example.org/app"), "v1")
      assert.deepEqual(lines, ["as it should: LayerSizeMismatch"])
    }))
})
