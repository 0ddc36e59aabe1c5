/** The programs' loader: a code cache is used where it fits, and ignored silently where it does not. */
import { spawnSync } from "node:child_process"
import {
  chownSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "vitest"
import { temporary } from "../support/LayoutWriter.ts"

const DIST = fileURLToPath(new URL("../../dist/", import.meta.url))
const PROGRAM = "oci-systemd-generator"
const CACHE = `code/${PROGRAM}.${process.version}-${process.arch}.cache`

/** Says on standard error what became of each script's cache. */
const SPY = `
const vm = require("node:vm")
const { Script } = vm
vm.Script = class extends Script {
  constructor(source, options) {
    super(source, options)
    process.stderr.write("cache: " + (options.cachedData === undefined ? "none" : this.cachedDataRejected ? "refused" : "used"))
  }
}`

interface Installed {
  readonly path: string
  readonly cache: string
  /** Has the program print its configuration, and tells what became of the cache. */
  readonly run: (flags?: readonly string[], printed?: string) => string
}

const withInstalled = (test: (installed: Installed) => void): void => {
  using directory = temporary()
  const at = (name: string) => join(directory.path, name)
  for (const name of [`${PROGRAM}.cjs`, "oci-systemd.cjs", "layer-worker.cjs", "code-cache.cjs", "code"]) {
    cpSync(join(DIST, name), at(name), { recursive: true })
  }
  writeFileSync(at("spy.cjs"), SPY)
  test({
    path: directory.path,
    cache: at(CACHE),
    run: (flags = [], printed = "configuration of") => {
      const { status, stderr, stdout } = spawnSync(
        process.execPath,
        [...flags, "--require", at("spy.cjs"), at(`${PROGRAM}.cjs`), "-generate"],
        { encoding: "utf8" }
      )
      assert.strictEqual(status, 0)
      assert.include(stdout, printed)
      return stderr
    }
  })
}

describe.skipIf(!existsSync(join(DIST, "code-cache.cjs")))("code cache (needs npm run build)", () => {
  it("the build's cache is used", () => withInstalled(({ run }) => assert.strictEqual(run(), "cache: used")))

  it("caches are made where no image can be extracted, and it is said which have less in them", () =>
    withInstalled(({ path, cache, run }) => {
      rmSync(cache)
      // koffi is not beside it.
      const made = spawnSync(process.execPath, [join(path, "code-cache.cjs")], { encoding: "utf8" })
      assert.strictEqual(made.status, 0)
      assert.match(made.stderr, /^oci-systemd ended with 1 when its cache was made: .*koffi/m)
      // Neither the generator nor a layer's thread has native calls.
      assert.notMatch(made.stderr, /layer-worker|oci-systemd-generator/)
      assert.strictEqual(run(), "cache: used")
      assert.deepEqual(
        readdirSync(join(path, "code")).filter((name) => name.endsWith(".new")),
        []
      )
    }))

  it("without a cache the program runs, and makes none", () =>
    withInstalled(({ path, cache, run }) => {
      rmSync(cache)
      const before = readdirSync(join(path, "code"))
      assert.strictEqual(run(), "cache: none")
      assert.deepEqual(readdirSync(join(path, "code")), before)
    }))

  it("the cache of a V8 with other flags is refused", () =>
    withInstalled(({ run }) => assert.strictEqual(run(["--no-opt"]), "cache: refused")))

  it("a cut cache is not used", () =>
    withInstalled(({ cache, run }) => {
      truncateSync(cache, statSync(cache).size - 1)
      assert.strictEqual(run(), "cache: none")
    }))

  it("a damaged cache, which V8 would take, is not used", () =>
    withInstalled(({ cache, run }) => {
      const bytes = readFileSync(cache)
      bytes.fill(0x55, bytes.length / 2, bytes.length / 2 + 100)
      writeFileSync(cache, bytes)
      assert.strictEqual(run(), "cache: none")
    }))

  it("a cache of other code of the same length, which V8 would take, is not used", () =>
    withInstalled(({ path, run }) => {
      const code = join(path, `code/${PROGRAM}.js`)
      const text = readFileSync(code, "latin1")
      writeFileSync(code, text.replace("configuration of", "CONFIGURATION OF"), "latin1")
      assert.strictEqual(run([], "CONFIGURATION OF"), "cache: none")
    }))

  it("an empty file is no cache", () =>
    withInstalled(({ cache, run }) => {
      truncateSync(cache)
      assert.strictEqual(run(), "cache: none")
    }))

  it.skipIf(process.getuid?.() !== 0)("a cache that belongs to someone else is not read (needs root)", () =>
    withInstalled(({ cache, run }) => {
      chownSync(cache, 65534, 65534)
      assert.strictEqual(run(), "cache: none")
    })
  )

  it("code-cache.cjs makes it again", () =>
    withInstalled(({ path, cache, run }) => {
      rmSync(cache)
      const program = "require(process.argv[1]).make(process.argv[2], [process.argv[3]])"
      const { status } = spawnSync(process.execPath, [
        "-e",
        program,
        join(path, "code-cache.cjs"),
        join(path, "code"),
        PROGRAM
      ])
      assert.strictEqual(status, 0)
      assert.strictEqual(run(), "cache: used")
    }))
})
