/** The built program on a real layout: what goes to which stream, and how it ends. */
import { spawnSync } from "node:child_process"
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "vitest"
import { LayoutWriter, temporary } from "../support/LayoutWriter.ts"

const CLI = fileURLToPath(new URL("../../dist/oci-systemd.cjs", import.meta.url))

interface Place {
  readonly config: string
  readonly run: (...args: readonly string[]) => {
    readonly status: number | null
    readonly out: string
    readonly err: string
  }
}

const withPlace = (test: (place: Place) => void): void => {
  using directory = temporary()
  const layouts = join(directory.path, "layouts")
  const good = new LayoutWriter(join(layouts, "example.org/good"))
  good.index(good.named("v1", good.image()))
  const bad = new LayoutWriter(join(layouts, "example.org/bad"))
  bad.index(bad.named("v1", { ...bad.image(), size: 3 }))
  const config = join(directory.path, "conf")
  writeFileSync(
    config,
    `[system]\nimagelayoutdir = ${layouts}\nextractsdir = ${directory.path}/extracts\nodd = 1\n`
  )
  test({
    config,
    run: (...args) => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], { encoding: "utf8" })
      return { status, out: stdout, err: stderr }
    }
  })
}

describe.skipIf(!existsSync(CLI))(`oci-systemd${existsSync(CLI) ? "" : " (npm run build makes it)"}`, () => {
  it("takes --config before and after the subcommand", () =>
    withPlace(({ config, run }) => {
      const after = run("list", "--config", config)
      const before = run("--config", config, "list")
      assert.equal(after.status, 0)
      assert.equal(before.out, after.out)
      assert.match(after.out, /^example\.org\/good:v1 +org\.example\.good\.ref\.v1\.service +linux\//m)
      assert.match(after.out, /^example\.org\/bad:v1 .*and its descriptor says 3$/m)
      assert.match(after.err, /^warning: .*conf:4: unknown key "odd" in \[system\]$/m)
    }))

  it("prints JSON, and nothing else, on standard output", () =>
    withPlace(({ config, run }) => {
      const images = JSON.parse(run("list", "--json", "--config", config).out)
      assert.deepEqual(
        images.map(({ image, extracted }: { image: string; extracted: boolean }) => [image, extracted]),
        [
          ["example.org/bad:v1", false],
          ["example.org/good:v1", false]
        ]
      )
      const inspected = JSON.parse(
        run("inspect", "--json", "--config", config, "org.example.good.ref.v1.service").out
      )
      assert.equal(inspected.config.config.Entrypoint[0], "/bin/app")
    }))

  it("prints the units that the generator would write", () =>
    withPlace(({ config, run }) => {
      const { out, status } = run("dry-run", "--config", config, "--systemd-version", "252")
      assert.equal(status, 0)
      assert.match(out, /^ExecStart=@:\/bin\/app "\/bin\/app"$/m)
      assert.match(out, /^# org\.example\.bad\.ref\.v1\.service$/m)
      assert.notInclude(out, "BindLogSockets")
      assert.include(run("dry-run", "--config", config, "--systemd-version", "257").out, "BindLogSockets=yes")
    }))

  it("extracts the good images, tells of the bad ones, and fails for them", () =>
    withPlace(({ config, run }) => {
      const { out, err, status } = run("extract", "--config", config)
      assert.equal(status, 1)
      assert.match(out, /^example\.org\/good:v1: extracted to \//m)
      assert.match(
        err,
        /^error: example\.org\/bad:v1: the manifest .* has [0-9]+ bytes, and its descriptor says 3$/m
      )
      assert.match(run("extract", "--config", config, "example.org/good:v1").out, /is extracted already/)
    }))

  it("says which images there are when one is not, and how it is used", () =>
    withPlace(({ config, run }) => {
      const unknown = run("inspect", "--config", config, "nope")
      assert.equal(unknown.status, 1)
      assert.match(
        unknown.err,
        /no image is called "nope"; there are: example\.org\/bad:v1, example\.org\/good:v1/
      )
      assert.equal(run("frobnicate").status, 2)
      assert.equal(run("list", "--config", "/nonexistent").err, "error: /nonexistent is missing\n")
    }))
})
