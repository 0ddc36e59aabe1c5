/** The single executables: programs without a Node beside them, that find each other and what lies beside them. */
import { execFileSync, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { LayoutWriter, temporary } from "../support/LayoutWriter.ts"

const TOP = fileURLToPath(new URL("../../", import.meta.url))
const holdsPrograms = readFileSync(process.execPath).includes("NODE_SEA_FUSE_")
const isBuilt = existsSync(join(TOP, "dist/code-cache.cjs"))

describe.skipIf(!holdsPrograms || !isBuilt)(
  "single executables (need npm run build, and a Node that is one)",
  () => {
    const directory = temporary()
    const at = (path: string) => join(directory.path, path)
    /** No PATH: whatever is run is found otherwise. */
    const run = (program: string, ...args: readonly string[]) =>
      spawnSync(program, args, { encoding: "utf8", env: {} })

    beforeAll(() => {
      execFileSync(process.execPath, [join(TOP, "scripts/executables.mjs"), at("bin")], { stdio: "pipe" })
      const layout = new LayoutWriter(at("layouts/example.org/good"))
      layout.index(layout.named("v1", layout.image()))
      writeFileSync(
        at("conf"),
        `[system]\nimagelayoutdir = ${at("layouts")}\nextractsdir = ${at("extracts")}\n`
      )
    }, 120_000)
    afterAll(() => directory[Symbol.dispose]())

    it("the generator's units run the other program, without Node, from wherever the generator is linked to", () => {
      mkdirSync(at("units"))
      symlinkSync(at("bin/oci-systemd-generator"), at("oci-systemd-generator"))
      const { status, stdout, stderr } = run(at("oci-systemd-generator"), "-config", at("conf"), at("units"))
      assert.deepEqual([status, stdout, stderr], [0, "", ""])
      const unit = readFileSync(at("units/oci-prepare@org.example.good.ref.v1.service"), "utf8")
      assert.include(unit, `"${at("bin/oci-systemd")}" "prepare"`)
    })

    it("extracts with the native code beside it", () => {
      const { status, stdout, stderr } = run(at("bin/oci-systemd"), "extract", "--config", at("conf"))
      assert.equal(status, 0, stderr)
      assert.match(stdout, /^example\.org\/good:v1: extracted to \//)
    })

    it("is one file, and the program whose name it has", () => {
      assert.strictEqual(statSync(at("bin/oci-systemd")).ino, statSync(at("bin/oci-systemd-generator")).ino)
      assert.include(run(at("bin/oci-systemd-generator"), "-generate").stdout, "imagelayoutdir")
      assert.match(run(at("bin/oci-systemd"), "--version").stdout, /^[0-9]/)
    })
  }
)

it("a Node whose code is in a shared library, as Debian's is, is told from one that can become an executable", () => {
  using work = temporary()
  const standIn = join(work.path, "stand-in.cjs")
  // The program of Debian's Node is a few kilobytes that load the library.
  writeFileSync(standIn, 'Object.defineProperty(process, "execPath", { value: "/bin/sh" })')
  const [script, target] = [join(TOP, "scripts/executables.mjs"), join(work.path, "bin")]
  const { status, stderr } = spawnSync(process.execPath, ["--require", standIn, script, target], {
    encoding: "utf8"
  })
  assert.strictEqual(status, 1)
  assert.match(
    stderr,
    /^error: this Node cannot become a single executable: .* Run this with Node of nodejs\.org .*\n$/
  )
  assert.isFalse(existsSync(target))
})
