/** What skopeo and umoci leave in layouts in the course of time: which images are found in them. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { run } from "./support/Command.ts"
import { busyboxRootfs, skopeoCopy, umociImage } from "./support/layouts.ts"
import { skipReason } from "./support/Machine.ts"

const CLI = join(dirname(fileURLToPath(import.meta.url)), "../../dist/oci-systemd.cjs")

const reason = skipReason()
describe.skipIf(reason !== undefined)(`layouts of other tools${reason ?? ""}`, () => {
  let work: string
  const built = () => join(work, "built")
  const layouts = () => join(work, "layouts")

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), "oci-skopeo-"))
    await busyboxRootfs(join(work, "rootfs"))
    for (const version of ["1", "2", "3"]) {
      const config = ["--config.cmd=/bin/true", `--config.env=VERSION=${version}`]
      await umociImage(join(work, `image${version}`), "v1", { rootfs: join(work, "rootfs"), config })
      await skopeoCopy(join(work, `image${version}`), "v1", built(), version)
    }
    await writeFile(
      join(work, "conf"),
      `[system]\nimagelayoutdir = ${layouts()}\nextractsdir = ${work}/extracts\nroots = directories\n`
    )
  })
  afterAll(() => rm(work, { recursive: true, force: true }))

  const images = async () => {
    const { stdout } = await run([process.execPath, CLI, "list", "--json", "--config", join(work, "conf")])
    return JSON.parse(stdout).map(({ image, manifest }: Record<string, string>) => [image, manifest])
  }
  const manifests = async (layout: string) =>
    JSON.parse(await readFile(join(layout, "index.json"), "utf8")).manifests

  it("a reference that is copied to again and again is one image, the last", async () => {
    const layout = join(layouts(), "myorg.com/app")
    for (const [index, version] of ["1", "2", "3"].entries()) {
      await skopeoCopy(built(), version, layout, "stable")
      const all = await manifests(layout)
      // What had the name before is left without one: else nothing is tested here.
      assert.lengthOf(all, index + 1)
      const last = all.find(({ annotations }: { annotations?: object }) => annotations !== undefined)
      assert.deepEqual(await images(), [["myorg.com/app:stable", last.digest]])
    }
  })

  it("a copy to the layouts directory itself hides none of those below it", async () => {
    await skopeoCopy(built(), "1", layouts(), "stable")
    assert.deepEqual(
      (await images()).map(([name]: readonly string[]) => name),
      ["myorg.com/app:stable"]
    )
  })

  it("a layout that umoci has just begun has no images", async () => {
    await run(["umoci", "init", "--layout", join(layouts(), "myorg.com/begun")])
    assert.isNull(await manifests(join(layouts(), "myorg.com/begun")))
    assert.lengthOf(await images(), 1)
  })
})
