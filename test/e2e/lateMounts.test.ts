/** Layouts on file systems that are mounted after the generator ran: their images come up in the same boot, in their order. */
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { run } from "./support/Command.ts"
import { EXTRACTS, installed, LAYOUTS } from "./support/Installed.ts"
import { type Machine, releases, skipReason } from "./support/Machine.ts"
import { shellUnit, writeShellImages } from "./support/ShellImage.ts"
import * as Waiting from "./support/Waiting.ts"

/** A file system of its own in the machine, with what units mount elsewhere. */
const DISK = "/srv/disk"

const FIRST = shellUnit("first")
const SECOND = shellUnit("second")
const IDLE = shellUnit("idle")
const RESCUE = shellUnit("rescue")
const TIMED = shellUnit("timed")
/** Its name is escaped in units. */
const ODD = "org.example.o\\x40dd.ref.v1.service"
const STALE = shellUnit("stale")
const WATCH = "oci-layouts.service"

/** Where it is process 1, only what it catches can end it. */
const stay = (word: string) => `trap 'exit 0' TERM; echo "ran<${word}>"; sleep 100000 & wait`

const CONFIGURATION = `[image example.org/first:*]
wantedby = multi-user.target
[image example.org/second:*]
wantedby = multi-user.target
[image example.org/o@dd:*]
wantedby = multi-user.target
[image example.org/stale:*]
wantedby = multi-user.target
[image example.org/rescue:*]
wantedby = rescue.target
`

/** Nothing of which is on a file system of its own before. */
const PLACE = `[system]
imagelayoutdir = /data/oci/layouts
extractsdir = /data/oci/extracts
volumesdir = /data/oci/volumes
`

const UNITS: Readonly<Record<string, string>> = {
  [`${SECOND}.d/order.conf`]: `[Unit]\nAfter=${FIRST}\n`,
  // What cannot be started while the image is unknown.
  "needy.service": `[Unit]\nRequires=${FIRST}\nAfter=${FIRST}\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'echo >>/run/needy'\n`,
  "timed.timer": `[Timer]\nOnActiveSec=0\nUnit=${TIMED}\n`,
  // Is to run once a boot.
  "once.service": "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo >>/run/once'\n",
  "failing.service": "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo >>/run/failing; exit 1'\n"
}
const WANTS = {
  "multi-user.target": ["needy.service", "once.service", "failing.service"],
  "timers.target": ["timed.timer"]
}

/** Counts its runs, and so those of the generators: one a boot, and one a reload. */
const COUNTING = "#!/bin/sh\necho >>/run/generations\n"

/** An image for each behaviour, all of them on the disk; what is below the mount point is another thing. */
const writeLayouts = async (directory: string): Promise<void> => {
  const root = directory.slice(0, -LAYOUTS.length)
  const disk = join(root, DISK)
  await mkdir(disk, { recursive: true })
  await run(["mount", "-t", "tmpfs", "tmpfs", disk])
  for (const name of ["first", "second", "idle", "rescue", "timed", "o@dd"])
    await writeShellImages(join(disk, "oci/layouts"), name, { v1: stay(name) })
}

const reason = skipReason()
describe.skipIf(reason !== undefined).each(releases())(
  `layouts that are mounted late, on %s${reason ?? ""}`,
  (release) => {
    let machine: Machine
    beforeAll(async () => {
      machine = await installed(release, writeLayouts)
      await machine.write("/etc/oci-generator.conf", CONFIGURATION)
      await machine.write("/etc/systemd/system-generators/counting", COUNTING, 0o755)
      for (const [name, text] of Object.entries(UNITS))
        await machine.write(`/etc/systemd/system/${name}`, text)
      for (const [target, names] of Object.entries(WANTS))
        for (const name of names) await enable(target, name)
    })
    afterAll(async () => machine?.dispose())

    const enable = async (target: string, name: string) => {
      const wants = join(machine.root, `etc/systemd/system/${target}.wants`)
      await mkdir(wants, { recursive: true })
      await run(["ln", "-s", `../${name}`, join(wants, name)])
    }
    const systemctl = async (...words: readonly string[]) =>
      (await machine.run(["systemctl", ...words], { check: false })).stdout.trim()
    const property = (unit: string, name: string) => systemctl("show", "--value", "-p", name, unit)
    const isActive = async (unit: string) => (await systemctl("is-active", unit)) === "active"
    const lines = async (file: string) => Number((await machine.run(`wc -l <${file}`)).stdout)
    /** How often generators ran in this boot. */
    const generations = () => lines("/run/generations")
    const until = (what: string, condition: () => Promise<boolean>) => Waiting.until(machine, what, condition)
    const settled = () => Waiting.settled(machine)
    const reboot = async (fstab: string) => {
      if (machine.isRunning) await machine.powerOff()
      await machine.write("/etc/fstab", fstab)
      await machine.boot()
    }
    const bind = (from: string, to: string, options = "") => `${from} ${to} none bind${options} 0 0\n`

    /** Names of units in the order in which they became active. */
    const inOrder = async (...units: readonly string[]): Promise<readonly string[]> => {
      const times = await Promise.all(
        units.map(
          async (unit) => [Number(await property(unit, "ActiveEnterTimestampMonotonic")), unit] as const
        )
      )
      return times.toSorted(([a], [b]) => a - b).map(([, unit]) => unit)
    }

    const assertUp = async (): Promise<void> => {
      for (const unit of [FIRST, SECOND, ODD, TIMED, "needy.service"])
        assert.isTrue(await isActive(unit), `${unit}\n${await machine.journal("oci-*")}`)
      assert.include(await machine.journal(FIRST), "ran<first>")
      for (const unit of [IDLE, RESCUE]) assert.isFalse(await isActive(unit), unit)
      assert.equal(await lines("/run/once"), 1)
      assert.equal(await lines("/run/failing"), 1)
      // Not what else is of the machine: its bus finds no inotify instance left where many run at once.
      const ours = ["org.example.*", "oci-*", "needy.service", "timed.timer"]
      assert.equal(await systemctl("--failed", "--plain", "--no-legend", ...ours), "")
    }
    const assertInOrder = async (): Promise<void> => {
      assert.deepEqual(await inOrder("sysinit.target", WATCH), [WATCH, "sysinit.target"])
      const expected = ["basic.target", FIRST, SECOND, "multi-user.target"]
      assert.deepEqual(await inOrder(...expected.toReversed()), expected)
      assert.deepEqual(await inOrder("needy.service", FIRST), [FIRST, "needy.service"])
    }

    it("start in the same boot, each in its order, and nothing else runs twice", async () => {
      await reboot(bind(`${DISK}/oci/layouts`, LAYOUTS))
      await assertUp()
      await assertInOrder()
      // A first start may reload once more, for what only the root can tell.
      await systemctl("start", IDLE, RESCUE)
      assert.include(await machine.journal(WATCH), `${LAYOUTS} is not what it was when units were generated`)
    })

    it("take one more run of the generators, once it is known what the images hold", async () => {
      await machine.reboot()
      await assertUp()
      await assertInOrder()
      assert.equal(await generations(), 2)
    })

    it("are looked at once a boot, whatever is started and reloaded later", async () => {
      const before = await property(WATCH, "InvocationID")
      await systemctl("daemon-reload")
      await systemctl("restart", SECOND)
      await systemctl("start", IDLE, "multi-user.target")
      assert.equal(await property(WATCH, "InvocationID"), before)
      assert.equal(await generations(), 3)
    })

    it("come back from rescue mode, where only what it wants runs", async () => {
      await systemctl("isolate", "rescue.target")
      await settled()
      assert.isTrue(await isActive(RESCUE))
      assert.isFalse(await isActive(FIRST))
      await systemctl("isolate", "multi-user.target")
      await settled()
      assert.isTrue(await isActive(FIRST))
      assert.isFalse(await isActive(RESCUE))
      assert.equal(await generations(), 3)
    })

    it("are not what was below the mount point", async () => {
      await machine.powerOff()
      await writeShellImages(join(machine.root, LAYOUTS), "stale", { v1: stay("stale") })
      await writeShellImages(join(machine.root, LAYOUTS), "first", { v1: stay("stale") })
      await reboot(bind(`${DISK}/oci/layouts`, LAYOUTS))
      await assertUp()
      assert.notInclude(await machine.journal(FIRST), "ran<stale>")
      assert.equal(await property(STALE, "LoadState"), "not-found")
    })

    it("do not start from what is below the mount point where the mount fails, and nothing waits for it", async () => {
      await reboot(`tmpfs ${LAYOUTS} tmpfs size=wrong,nofail 0 0\n`)
      assert.equal(await systemctl("is-failed", "var-lib-oci-layouts.mount"), "failed")
      assert.isTrue(await isActive("multi-user.target"))
      assert.isFalse(await isActive(STALE))
      assert.equal(await property(WATCH, "Result"), "success")
      assert.equal(await generations(), 1)
      await machine.run(`rm -r ${LAYOUTS}/example.org`)
    })

    it("start with all that belongs to them: what was extracted, and volumes", async () => {
      await machine.run(`mkdir ${DISK}/oci/extracts && cp -a ${EXTRACTS}/. ${DISK}/oci/extracts/`)
      await machine.powerOff()
      await machine.write("/etc/oci-generator.conf.d/place.conf", PLACE)
      await machine.write(
        "/etc/systemd/system/data-oci.mount",
        `[Mount]\nWhat=${DISK}/oci\nWhere=/data/oci\nType=none\nOptions=bind\n`
      )
      await enable("local-fs.target", "data-oci.mount")
      await reboot("")
      await assertUp()
      await assertInOrder()
      assert.equal(await generations(), 2)
      await machine.run("rm /etc/systemd/system/local-fs.target.wants/data-oci.mount")
    })

    it("start after the targets that do not wait for the mount, when that comes late", async () => {
      await machine.write(
        "/etc/systemd/system/data-oci.mount.d/slow.conf",
        "[Unit]\nDefaultDependencies=no\nRequires=slow.service\nAfter=slow.service\n"
      )
      await machine.write(
        "/etc/systemd/system/slow.service",
        "[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'until systemctl -q is-active multi-user.target; do sleep 0.1; done'\n"
      )
      await enable("local-fs.target", "data-oci.mount")
      await reboot("")
      await settled()
      await assertUp()
      const expected = ["multi-user.target", "data-oci.mount", FIRST, SECOND]
      assert.deepEqual(await inOrder(...expected.toReversed()), expected)
      await machine.run(
        "rm -r /etc/systemd/system/local-fs.target.wants/data-oci.mount /etc/systemd/system/data-oci.mount.d"
      )
    })

    it("start when they are mounted by hand, and again", async () => {
      await reboot("")
      assert.isFalse(await isActive(FIRST))
      assert.equal(await generations(), 1)
      for (const [mount, unmount] of [
        [`mkdir -p /data/oci && mount --bind ${DISK}/oci /data/oci`, "umount /data/oci"],
        ["systemctl start data-oci.mount", "systemctl stop data-oci.mount"]
      ] as const) {
        await machine.run(mount)
        await until("the start of the second", () => isActive(SECOND))
        await settled()
        // It has run, as systemd remembers: a unit that stays names it. Nobody names the second.
        assert.equal(await lines("/run/needy"), 1)
        assert.isFalse(await isActive(IDLE))
        await systemctl("stop", FIRST, SECOND, ODD, TIMED)
        await machine.run(unmount)
        await systemctl("daemon-reload")
        assert.equal(await property(FIRST, "LoadState"), "not-found")
      }
    })

    it("start behind an automount, which is not touched while systemd waits for its generators", async () => {
      // Containers have none of their own; whether there is one, systemd asks once.
      await run([
        "nsenter",
        "--target",
        `${machine.pid}`,
        "--mount",
        "mknod",
        "/dev/autofs",
        "c",
        "10",
        "235"
      ])
      await machine.write("/etc/systemd/system/data-oci.automount", "[Automount]\nWhere=/data/oci\n")
      await machine.run(["systemctl", "daemon-reexec"])
      await machine.run(["systemctl", "start", "data-oci.automount"])
      await until("the start of the second", () => isActive(SECOND))
      assert.isTrue(await isActive("data-oci.mount"))
      await machine.run(["systemctl", "stop", SECOND, "data-oci.mount"])
      await machine.run(["systemctl", "daemon-reload"])
      assert.isTrue(await isActive("data-oci.automount"))
      assert.isFalse(await isActive("data-oci.mount"))
      assert.equal(await property(SECOND, "LoadState"), "not-found")
    })

    it("start from a /var of its own", async () => {
      await machine.run(`mkdir -p ${DISK}/var && cp -a --one-file-system /var/. ${DISK}/var/`)
      await machine.run(`cp -a ${DISK}/oci ${DISK}/var/lib/`)
      await machine.run("rm /etc/oci-generator.conf.d/place.conf")
      await reboot(bind(`${DISK}/var`, "/var"))
      await assertUp()
      await assertInOrder()
      assert.equal(await generations(), 2)
    })

    it("start where somebody else reloads between the mount and the look", async () => {
      await machine.write(
        "/etc/systemd/system/reloading.service",
        `[Unit]\nDefaultDependencies=no\nAfter=local-fs.target\nBefore=${WATCH}\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/systemctl daemon-reload\n`
      )
      await enable("sysinit.target", "reloading.service")
      await reboot(bind(`${DISK}/oci/layouts`, LAYOUTS))
      await assertUp()
      await assertInOrder()
      assert.equal(await generations(), 2)
      assert.notInclude(await machine.journal(WATCH), "is not what it was")
      await machine.run("rm /etc/systemd/system/sysinit.target.wants/reloading.service")
    })

    it("take no reload where nothing is mounted late", async () => {
      await machine.powerOff()
      await run(["cp", "-a", `${machine.root}${DISK}/oci/layouts/example.org`, `${machine.root}${LAYOUTS}/`])
      await reboot("")
      await assertUp()
      assert.equal(await generations(), 1)
      assert.equal(await property(WATCH, "Result"), "success")
      assert.notInclude(await machine.journal(WATCH), "is not what it was")
    })
  }
)
