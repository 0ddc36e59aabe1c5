/** The generator's memory under PID 1 of real systemds: reloads and boots put back what has not changed, and see what has. */
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { run } from "./support/Command.ts"
import { EXTRACTS, installed, LAYOUTS } from "./support/Installed.ts"
import { type Machine, releases, skipReason } from "./support/Machine.ts"
import { shellUnit, writeShellImages } from "./support/ShellImage.ts"
import * as Waiting from "./support/Waiting.ts"

const FIRST = shellUnit("first")
const SECOND = shellUnit("second")
const MEMORY = "/run/oci/generator"
/** On a file system that is mounted late. */
const PLACE = `[system]
imagelayoutdir = /data/oci/layouts
extractsdir = /data/oci/extracts
volumesdir = /data/oci/volumes
`
const stay = "trap 'exit 0' TERM; sleep 100000 & wait"

const reason = skipReason()
describe.skipIf(reason !== undefined).each(releases())(
  `the generator's memory, on %s${reason ?? ""}`,
  (release) => {
    let machine: Machine
    beforeAll(async () => {
      machine = await installed(release, (directory) => writeShellImages(directory, "first", { v1: stay }))
      await machine.boot()
    })
    afterAll(async () => machine?.dispose())

    const output = async (command: string) => (await machine.run(command, { check: false })).stdout.trim()
    /** How often units were put back since the last whole run; whole runs since then. */
    const hits = async () => Number((await output(`wc -c <${MEMORY}/hits`)) || 0)
    const wholeRuns = async () =>
      Number(/"wholeRuns":([0-9]+)/.exec(await output(`cat ${MEMORY}/story`))?.[1] ?? 0)
    const units = () =>
      output("cd /run/systemd/generator && grep -rs . -- *oci* org.example* *.wants/org.example*")
    const reload = () => machine.run(["systemctl", "daemon-reload"])
    const assertWell = async () => {
      const { stdout } = await machine.run(["oci-systemd", "doctor", "--json"], { check: false })
      const checks = JSON.parse(stdout) as readonly {
        readonly check: string
        readonly status: string
        readonly found: string
      }[]
      for (const { check, found, status } of checks)
        if (check === "units" || check === "memory") assert.equal(status, "ok", `${check}: ${found}`)
    }
    /** Does something, and waits for the memory of the next boot that comes of it. */
    const remembered = async (change: () => Promise<unknown>, extracts = EXTRACTS) => {
      await machine.run("touch /run/before")
      await change()
      await Waiting.until(
        machine,
        "a memory for the next boot",
        async () =>
          (await output(`test ${extracts}/memory/last/expected -nt /run/before && echo yes`)) === "yes"
      )
    }

    it("puts back the units of the boot at a reload", async () => {
      const before = await units()
      assert.include(before, FIRST)
      await reload()
      await reload()
      assert.isAbove(await hits(), 0, await output(`cat ${MEMORY}/story`))
      assert.equal(await units(), before)
      await assertWell()
    })

    it("sees a new layout, and one that is gone", async () => {
      await writeShellImages(join(machine.root, LAYOUTS), "second", { v1: stay })
      await reload()
      assert.equal(await hits(), 0)
      assert.equal(await output(`systemctl show -P LoadState ${SECOND}`), "loaded")
      await machine.run(`rm -r ${LAYOUTS}/example.org/second`)
      await reload()
      assert.equal(await output(`systemctl show -P LoadState ${SECOND}`), "not-found")
      await assertWell()
    })

    it("is not lost when services start and stop", async () => {
      await machine.run(["systemctl", "start", FIRST])
      await reload()
      await reload()
      const before = await hits()
      assert.isAbove(before, 0)
      await machine.run(["systemctl", "restart", FIRST])
      await reload()
      await machine.run(["systemctl", "stop", FIRST])
      await reload()
      assert.equal(await hits(), before + 2)
      await assertWell()
    })

    it("is there at the first boot after an extraction", async () => {
      await writeShellImages(join(machine.root, LAYOUTS), "second", { v1: stay })
      await remembered(() => machine.run(["oci-systemd", "extract"]))
      await machine.reboot()
      assert.equal(await wholeRuns(), 0, await output(`cat ${MEMORY}/story`))
      assert.isAbove(await hits(), 0)
      assert.equal(await output(`systemctl show -P LoadState ${SECOND}`), "loaded")
      await assertWell()
    })

    it("is there at the first boot after a reload", async () => {
      await machine.write("/etc/oci-generator.conf", "[image *]\nwantedby = multi-user.target\n")
      await remembered(reload)
      await machine.reboot()
      assert.equal(await wholeRuns(), 0, await output(`cat ${MEMORY}/story`))
      assert.isAbove(await hits(), 0)
      assert.equal(await output(`systemctl is-active ${FIRST}`), "active")
      await assertWell()
    })

    it("is there once a file system is mounted late", async () => {
      await machine.powerOff()
      const disk = join(machine.root, "srv/disk")
      await mkdir(disk, { recursive: true })
      // An overlay's upper directory is on no overlay, as the machine's own root is.
      await run(["mount", "-t", "tmpfs", "tmpfs", disk])
      // `/var/lib/oci` is a file system of its own already.
      await run(["cp", "-a", join(machine.root, "var/lib/oci"), join(disk, "oci")])
      await mkdir(join(machine.root, "data/oci"), { recursive: true })
      await machine.write("/etc/oci-generator.conf.d/place.conf", PLACE)
      await machine.write("/etc/fstab", "/srv/disk/oci /data/oci none bind 0 0\n")
      await machine.boot()
      assert.equal(await output(`systemctl is-active ${FIRST}`), "active")
      await remembered(async () => {
        await machine.run("touch /etc/oci-generator.conf")
        await reload()
      }, "/data/oci/extracts")
      await machine.reboot()
      // Before the mount there is nothing to remember; what sees the mount has systemd reload, and that puts back.
      assert.isAbove(await hits(), 0, await output(`cat ${MEMORY}/story`))
      assert.equal(await output(`systemctl is-active ${FIRST}`), "active")
      await assertWell()
    })
  }
)
