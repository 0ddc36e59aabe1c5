/** examples/many-machines: machines follow a registry, by its own timer. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { LayoutWriter, MANIFEST, sha256 } from "../support/LayoutWriter.ts"
import { archive, member } from "../support/TarWriter.ts"
import { run } from "./support/Command.ts"
import { installed } from "./support/Installed.ts"
import { busyboxRootfs, umociImage } from "./support/layouts.ts"
import { type Machine, releases, skipReason } from "./support/Machine.ts"
import * as Registry from "./support/Registry.ts"
import { requireOrSkip, whyNoRegistry } from "./support/Requirements.ts"
import * as Skopeo from "./support/Skopeo.ts"

const EXAMPLE = fileURLToPath(new URL("../../examples/many-machines/", import.meta.url))
const { REGISTRY } = Registry
const APP = "com.myorg.app.ref.stable.service"
const OTHER = "com.myorg.other.ref.stable.service"
const SYNCED = "/var/lib/oci/synced/myorg.com/app"

const IMAGES = `
# what they follow
myorg.com/app stable ${REGISTRY}/myorg/app:stable
myorg.com/other stable ${REGISTRY}/myorg/other:stable
`
/** Images that arrive are started: that is what `upheldby` does, also right after a reload. */
const CONFIGURATION = "[image myorg.com/*]\nupheldby = multi-user.target\n"
const OFTEN =
  "[Timer]\nOnBootSec=\nOnUnitInactiveSec=\nOnActiveSec=1s\nOnUnitInactiveSec=1s\nRandomizedDelaySec=0\nAccuracySec=1ms\n"

const reason = skipReason() ?? whyNoRegistry()
describe.skipIf(requireOrSkip(reason))(`many machines${reason === undefined ? "" : `: ${reason}`}`, () => {
  let work: string
  let registry: Registry.Registry
  let machines: readonly Machine[]

  /** Builds and pushes a version that says its name. All have their first layer in common. */
  const push = async (name: string, version: string) => {
    const layout = join(work, "images")
    const tag = `${name}-${version}`
    await umociImage(layout, tag, {
      rootfs: join(work, "rootfs"),
      layers: [(root) => writeFile(join(root, "version"), `${version}\n`)],
      config: [
        "--config.entrypoint=/bin/sh",
        "--config.cmd=-c",
        '--config.cmd=echo "this is $(cat /version)"; trap "exit 0" TERM; while :; do sleep 0.1; done'
      ]
    })
    await upload(`${layout}:${tag}`, name)
  }
  const upload = (from: string, name: string) =>
    registry.run([
      ...["skopeo", "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false"],
      ...[`oci:${from}`, `docker://${REGISTRY}/myorg/${name}:stable`]
    ])

  const show = async (machine: Machine, unit: string, property: string) =>
    (await machine.run(["systemctl", "show", "-P", property, unit])).stdout.trim()
  const until = async (machine: Machine, found: () => Promise<boolean>, what: string) => {
    for (let round = 0; round < 300; round++) {
      if (await found()) return
      await sleep(200)
    }
    throw new Error(`not ${what}:\n${await machine.journal("oci-sync.service")}`)
  }
  const untilSaid = (machine: Machine, unit: string, line: string) =>
    until(machine, async () => (await machine.journal(unit)).includes(line), `said: ${line}`)
  const onAll = (what: (machine: Machine) => Promise<void>) => Promise.all(machines.map(what))

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), "oci-systemd-many-"))
    await busyboxRootfs(join(work, "rootfs"))
    registry = await Registry.start()
    machines = await Promise.all(
      releases().map((release) =>
        installed(
          release,
          async (layouts) => {
            const root = join(layouts, "../../../..")
            await Skopeo.install(root, REGISTRY)
            await install(root)
          },
          { network: registry.network }
        )
      )
    )
    await push("app", "one")
    await push("other", "one")
    for (const machine of machines) await machine.boot()
  })
  afterAll(async () => {
    await Promise.all((machines ?? []).map((machine) => machine.dispose()))
    await registry?.[Symbol.asyncDispose]()
    if (work !== undefined) await rm(work, { recursive: true, force: true })
  })

  it("get what the registry has, and start it", async () => {
    await onAll(async (machine) => {
      await untilSaid(machine, APP, "this is one")
      await untilSaid(machine, OTHER, "this is one")
    })
  })

  it("pick up a new version, and restart nothing else", async () => {
    const before = await Promise.all(machines.map((machine) => show(machine, OTHER, "InvocationID")))
    const blobs = await Promise.all(machines.map((machine) => machine.run(`ls -i ${SYNCED}/*/blobs/sha256`)))
    await push("app", "two")
    await onAll((machine) => untilSaid(machine, APP, "this is two"))
    const after = await Promise.all(machines.map((machine) => show(machine, OTHER, "InvocationID")))
    assert.deepEqual(after, before)
    for (const [index, machine] of machines.entries()) {
      assert.strictEqual(await show(machine, APP, "ActiveState"), "active")
      // The layer that both versions have is one file, fetched once; the other one, and the documents, are each version's own.
      const inodes = (text: string) =>
        new Set([...text.matchAll(/^(\d+) [0-9a-f]{64}$/gm)].map(([, inode]) => inode))
      const old = inodes(blobs[index]?.stdout ?? "")
      const link = (await machine.run(`readlink /var/lib/oci/layouts/myorg.com/app`)).stdout.trim()
      const now = inodes((await machine.run(`ls -i ${link}/blobs/sha256`)).stdout)
      assert.strictEqual(old.size, 4)
      assert.strictEqual(now.size, 4)
      assert.lengthOf(
        [...now].filter((inode) => old.has(inode)),
        1
      )
    }
  })

  it("keep what runs when a version cannot be extracted, and say so", async () => {
    const tar = archive(member({ name: "file" }, "content"))
    const writer = new LayoutWriter(join(work, "broken"))
    const layer = writer.blob("application/vnd.oci.image.layer.v1.tar", tar)
    const diffId = sha256(Buffer.from("something else"))
    const config = { rootfs: { type: "layers", diff_ids: [diffId] } }
    writer.index(writer.named("v1", writer.image(config, { mediaType: MANIFEST, layers: [layer] })))
    await upload(`${writer.path}:v1`, "app")
    await onAll(async (machine) => {
      await untilSaid(machine, "oci-sync.service", "myorg.com/app:stable: the new version cannot be used")
      assert.strictEqual(await show(machine, APP, "ActiveState"), "active")
      const extracted = await machine.run(["oci-systemd", "extract", "myorg.com/app:stable"])
      assert.match(extracted.stdout, /is already extracted to/)
    })
  })

  it("go on with the next good version, and keep no more than it and the one before", async () => {
    await push("app", "three")
    await onAll(async (machine) => {
      await untilSaid(machine, APP, "this is three")
      await machine.run(["systemctl", "stop", "oci-sync.timer"])
      await machine.run("while systemctl is-active --quiet oci-sync.service; do sleep 0.1; done")
      assert.lengthOf((await machine.run(`ls ${SYNCED}`)).stdout.trim().split("\n"), 2)
      // The timer of this test starts it more often than systemd likes.
      await machine.run(["systemctl", "reset-failed", "oci-sync.service"])
      await machine.run(["systemctl", "start", "oci-sync.service"])
      assert.strictEqual(await show(machine, "oci-sync.service", "Result"), "success")
    })
  })
})

const install = async (root: string): Promise<void> => {
  const at = (path: string) => join(root, path)
  for (const directory of [
    "usr/local/lib",
    "etc/systemd/system/oci-sync.timer.d",
    "etc/systemd/system/timers.target.wants"
  ])
    await mkdir(at(directory), { recursive: true })
  await run(["cp", join(EXAMPLE, "oci-sync"), at("usr/local/lib/oci-sync")])
  for (const unit of ["oci-sync.service", "oci-sync.timer"])
    await run(["cp", join(EXAMPLE, unit), at(`etc/systemd/system/${unit}`)])
  await writeFile(at("etc/systemd/system/oci-sync.timer.d/often.conf"), OFTEN)
  await symlink("../oci-sync.timer", at("etc/systemd/system/timers.target.wants/oci-sync.timer"))
  await writeFile(at("etc/oci-sync.conf"), IMAGES)
  await writeFile(at("etc/oci-generator.conf"), CONFIGURATION)
}
