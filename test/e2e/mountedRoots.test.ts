/** Roots that are mounted from images, and the same as directories: one service through starts, boots and gc. */
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import * as ErofsPlace from "../support/ErofsPlace.ts"
import { LayoutWriter } from "../support/LayoutWriter.ts"
import { run } from "./support/Command.ts"
import { EXTRACTS, installed, LAYOUTS } from "./support/Installed.ts"
import { busyboxRootfs } from "./support/layouts.ts"
import { type Machine, releases, skipReason } from "./support/Machine.ts"
import { settled } from "./support/Waiting.ts"

const noMounts = await ErofsPlace.whyNoMounts()
if (noMounts !== undefined) console.error(`skipped: ${noMounts}`)

const UNIT = "org.example.app.ref.v1.service"
const KINDS = ["mounted", "directories"] as const

const writeLayouts = async (directory: string): Promise<void> => {
  const work = await mkdtemp(join(tmpdir(), "oci-mounted-"))
  try {
    const rootfs = await busyboxRootfs(join(work, "rootfs"))
    await run([
      "sh",
      "-c",
      'echo once > "$1/single"; echo x > "$1/double"; ln "$1/double" "$1/again"',
      "sh",
      rootfs
    ])
    await run(["tar", "-C", rootfs, "-cf", join(work, "rootfs.tar"), "."])
    const layout = new LayoutWriter(join(directory, "example.org/app"))
    const config = { Entrypoint: ["/bin/sleep", "100000"], StopSignal: "SIGKILL" }
    layout.index(layout.named("v1", layout.image({ config }, {}, await readFile(join(work, "rootfs.tar")))))
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

const reason = skipReason() ?? noMounts
describe
  .skipIf(reason !== undefined)
  .each(releases().flatMap((release) => KINDS.map((kind) => [release, kind] as const)))(
  "roots on %s, roots = %s",
  (release, kind) => {
    let machine: Machine
    beforeAll(async () => {
      machine = await installed(release, writeLayouts)
      await machine.write("/etc/oci-generator.conf", `[system]\nroots = ${kind}\n`)
      await machine.boot()
    })
    afterAll(async () => machine?.dispose())

    const said = async (command: string) => (await machine.run(command)).stdout.trim()
    const root = () => said(`readlink -f ${EXTRACTS}/names/example.org/app/v1/rootfs`)
    const fileSystem = async () => said(`stat -f -c %T ${await root()}`)
    const inService = async (command: string) =>
      said(`p=$(systemctl show -P MainPID ${UNIT}); cd /proc/$p/root && ${command}`)
    const isMounted = kind === "mounted"

    it("starts from a root of this kind, with the link counts of the image", async () => {
      await machine.run(["systemctl", "start", UNIT])
      if (isMounted) assert.match(await fileSystem(), /^(?:erofs|UNKNOWN \(0xe0f5e1e2\))$/)
      else assert.notMatch(await fileSystem(), /erofs|0xe0f5e1e2/)
      assert.strictEqual(
        await inService("stat -c '%n %h' single double again"),
        "single 1\ndouble 2\nagain 2"
      )
      assert.strictEqual(await inService("touch written && cat single"), "once")
    })

    it("has one mount of the root, whatever is started again, and none of a directory", async () => {
      await machine.run(["systemctl", "restart", UNIT])
      await machine.run(["systemctl", "daemon-reload"])
      await machine.run(["systemctl", "restart", UNIT])
      assert.strictEqual(await said("grep -c ' - erofs ' /proc/self/mountinfo || :"), isMounted ? "1" : "0")
    })

    it("is told by doctor", async () => {
      const told = await machine.run(["oci-systemd", "doctor"], { check: false })
      assert.match(
        told.stdout,
        isMounted ? /roots.*mounted from images/ : /roots.*directories, as the configuration/
      )
    })

    it("starts after a boot", async () => {
      await machine.reboot()
      assert.strictEqual(await said("grep -c ' - erofs ' /proc/self/mountinfo || :"), "0")
      await machine.run(["systemctl", "start", UNIT])
      assert.strictEqual(await inService("cat single"), "once")
    })

    it("stays while the service runs, though its image is gone, and goes with it", async () => {
      await machine.run(`rm -r ${LAYOUTS}/example.org`)
      await machine.run(["oci-systemd", "gc", "--allow-empty"])
      assert.strictEqual(await inService("cat single && stat -c %h double"), "once\n2")
      await machine.run(["systemctl", "stop", UNIT])
      // Clearing up goes on when the service has stopped, and gc keeps what is still mounted.
      await settled(machine)
      await machine.run(["oci-systemd", "gc", "--allow-empty"])
      assert.strictEqual(await said("grep -c ' - erofs ' /proc/self/mountinfo || :"), "0")
      assert.strictEqual(
        await said(`find ${EXTRACTS}/roots ${EXTRACTS}/images ${EXTRACTS}/layers -type f`),
        ""
      )
    })
  }
)
