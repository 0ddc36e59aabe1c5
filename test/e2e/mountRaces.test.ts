/**
 * Attacks on what root mounts for a service, on real systemd: a directory that a volume, or a root that is kept, has on the way to a
 * mount is exchanged for a link to `/etc`, thousands of times a second, while the service is restarted and checked. And
 * device nodes of an image, which the host's user with the image's id finds at `/proc/PID/root`.
 */
import { mkdir, mkdtemp, readFile, rename, rm, symlink } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { LayoutWriter } from "../support/LayoutWriter.ts"
import { run } from "./support/Command.ts"
import * as Exchange from "./support/Exchange.ts"
import { EXTRACTS, installed } from "./support/Installed.ts"
import { busyboxRootfs } from "./support/layouts.ts"
import { type Machine, releases, skipReason } from "./support/Machine.ts"
import { settled } from "./support/Waiting.ts"

const VOLUMES = "/var/lib/oci/volumes"
/** `mountRaces.long.test.ts` has more. */
const RESTARTS = Number(process.env.OCI_RESTARTS ?? 4)
const unit = (name: string, ref: string) => `org.example.${name}.ref.${ref}.service`

const writeLayouts = async (directory: string): Promise<void> => {
  const work = await mkdtemp(join(tmpdir(), "oci-races-"))
  try {
    const rootfs = await busyboxRootfs(join(work, "rootfs"))
    const archive = async () => {
      await run(["tar", "-C", rootfs, "-cf", join(work, "rootfs.tar"), "."])
      return readFile(join(work, "rootfs.tar"))
    }
    const plain = await archive()
    const layout = (name: string, images: Readonly<Record<string, object>>, content: Uint8Array) => {
      const writer = new LayoutWriter(join(directory, "example.org", name))
      const base = { Entrypoint: ["/bin/sleep", "1000000"], StopSignal: "SIGKILL" }
      writer.index(
        ...Object.entries(images).map(([ref, config]) =>
          writer.named(ref, writer.image({ config: { ...base, ...config } }, {}, content))
        )
      )
    }
    const nested = { User: "app", Volumes: { "/vol": {}, "/vol/x/nologin": {} } }
    layout("nested", { default: nested, strict: nested, kept: nested, fixed: nested }, plain)
    const Healthcheck = { Test: ["CMD", "/bin/true"], Interval: 3600e9 }
    layout("checked", { default: { ...nested, Healthcheck }, strict: { ...nested, Healthcheck } }, plain)
    layout("rooted", { kept: { Volumes: { "/x/nologin": {} } } }, plain)
    for (const [index, link] of LED.entries()) {
      const target = join(rootfs, link)
      await rename(target, join(work, "aside")).catch(() => undefined)
      await symlink("/vol/x/nologin", target)
      layout(
        `led${index}`,
        { default: { Volumes: { "/vol": {} } }, strict: { Volumes: { "/vol": {} } } },
        await archive()
      )
      await rm(target)
      await rename(join(work, "aside"), target).catch(() => undefined)
    }
    layout("run", { default: { Volumes: { "/run": {} } } }, plain)
    layout("inner", { default: { Volumes: { "/b/made/nologin": {} } } }, plain)
    for (const path of ["disk", "data/disk", "run/disk"]) {
      await mkdir(join(rootfs, path, ".."), { recursive: true })
      // /dev/zero: nspawn lets a machine open it, and it is as good as a disk to be refused.
      await run(["mknod", "--mode=666", join(rootfs, path), "c", "1", "5"])
    }
    const nodes = { User: "app", Volumes: { "/data": {} } }
    layout("nodes", { default: nodes, kept: nodes, fixed: nodes, trusted: nodes }, await archive())
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Where systemd makes or mounts something by its path at each start. The images have a link there. */
const LED = ["run", "run/systemd", "run/host", "dev", "proc", "sys", "tmp", "var/tmp"]

const CONFIGURATION = `[image example.org/inner]
volume = /srv/a:/a
volume = /srv/a/b:/b
[image example.org/*:strict]
profile = strict
[image example.org/*:kept]
root = persistent
[image example.org/*:fixed]
root = readonly
profile = strict
[image example.org/nodes:fixed]
profile = default
[image example.org/*:trusted]
profile = trusted
`

const reason = skipReason()
describe.skipIf(reason !== undefined).each(releases())(
  `attacks on mounts on %s${reason ?? ""}`,
  (release) => {
    let machine: Machine
    beforeAll(async () => {
      machine = await installed(release, writeLayouts)
      await machine.write("/etc/oci-generator.conf", CONFIGURATION)
      await machine.write("/etc/systemd/system/service.d/starts.conf", "[Unit]\nStartLimitIntervalSec=0\n")
      await machine.boot()
    })
    afterAll(async () => machine?.dispose())

    const systemctl = (...words: readonly string[]) => machine.run(["systemctl", ...words])
    const pidOf = async (name: string) => (await systemctl("show", "-P", "MainPID", name)).stdout.trim()
    /** What the attacks would change, and what is mounted where they would have it. */
    const host = async () =>
      (
        await machine.run(
          `find /etc -printf '%p %y %m %U:%G %l\\n' | sort; awk '$5 ~ "^/etc"' /proc/self/mountinfo`
        )
      ).stdout
    /** How many ended well. */
    const repeated = async (line: string, times = RESTARTS): Promise<number> => {
      const { stdout } = await machine.run(
        `well=0; for i in $(seq ${times}); do ${line} 2>/dev/null && well=$((well + 1)); done; echo $well`,
        { timeout: 30_000 * times }
      )
      return Number(stdout.trim())
    }

    describe.each(["default", "strict", "kept", "fixed"])("a volume inside a volume: %s", (ref) => {
      const name = unit("nested", ref)
      const volume = `${VOLUMES}/org.example.nested.ref.${ref}/vol`

      it("leads no mount elsewhere while an accomplice exchanges a directory of it", async () => {
        await systemctl("start", name)
        const before = await host()
        await machine.run(`ln -s /etc ${volume}/y`)
        const accomplice = await Exchange.start(machine, volume, "x", "y")
        await repeated(`systemctl restart ${name}`)
        assert.isAbove(await accomplice.stop(), 1000)
        assert.strictEqual(await host(), before)
      })

      it("starts again when that is over, with each volume in its place", async () => {
        await machine.run(`cd ${volume} && [ ! -L x ] || { rm x && mv -T y x; }`)
        await systemctl("restart", name)
        const inner = `${VOLUMES}/org.example.nested.ref.${ref}/vol%2Fx%2Fnologin`
        await machine.run(`touch ${inner}/mark && [ -e /proc/${await pidOf(name)}/root/vol/x/nologin/mark ]`)
        await machine.run(`ln -s x ${volume}/link && [ -e /proc/${await pidOf(name)}/root/vol/link/nologin ]`)
      })

      it("has what is mounted in it made anew, but not behind a link", async () => {
        // Until its scratch has ended, what is mounted in the volume cannot be removed.
        const stop = () => systemctl("stop", name, `oci-scratch@${name}`)
        await stop()
        await machine.run(`rm -r ${volume}/x`)
        await systemctl("start", name)
        await stop()
        await machine.run(`rm -r ${volume}/x && ln -s /etc ${volume}/x`)
        const before = await host()
        const { code } = await machine.run(["systemctl", "start", name], { check: false })
        assert.notStrictEqual(code, 0)
        assert.strictEqual(await host(), before)
        assert.strictEqual(
          (await machine.run("grep -c /run/oci/roots /proc/self/mountinfo || :")).stdout,
          "0\n"
        )
      })
    })

    it.each(["default", "strict"])(
      "a health check makes nothing in the root of the service: %s",
      async (ref) => {
        const name = unit("checked", ref)
        await systemctl("start", name)
        const before = await host()
        const volume = `${VOLUMES}/org.example.checked.ref.${ref}/vol`
        await machine.run(`ln -s /etc ${volume}/y`)
        const accomplice = await Exchange.start(machine, volume, "x", "y")
        assert.isAbove(await repeated(`systemctl start oci-check@${name}`), 0)
        assert.isAbove(await accomplice.stop(), 1000)
        assert.strictEqual(await host(), before)
        await systemctl("stop", name)
      }
    )

    it("leads no mount elsewhere from a root that is kept, whose old mount an accomplice holds", async () => {
      const name = unit("rooted", "kept")
      await systemctl("start", name)
      const before = await host()
      const root = `/proc/${await pidOf(name)}/root`
      await machine.run(`ln -s /etc ${root}/y`)
      const accomplice = await Exchange.start(machine, root, "x", "y")
      await repeated(`systemctl restart ${name}`)
      await accomplice.stop()
      await systemctl("stop", name)
      assert.strictEqual(await host(), before)
    })

    it("fails to start where a kept root has a link in the place of a directory, and makes a lost one anew", async () => {
      const name = unit("rooted", "kept")
      const upper = `${EXTRACTS}/scratch/org.example.rooted.ref.kept/upper`
      await machine.run(`rm -rf ${upper}/x ${upper}/y && ln -s /etc ${upper}/x`)
      const before = await host()
      assert.notStrictEqual((await machine.run(["systemctl", "start", name], { check: false })).code, 0)
      assert.strictEqual(await host(), before)
      assert.include(await machine.journal(`oci-prepare@${name}`), `remove it from ${upper}`)
      await machine.run(`rm ${upper}/x`)
      await systemctl("start", name)
      await machine.run(`[ -d /proc/${await pidOf(name)}/root/x/nologin ]`)
      await systemctl("stop", name)
    })

    describe.each([...LED.entries()])("a link of the image through a volume, %s: %s", (index, link) => {
      it.each(link.endsWith("tmp") ? ["strict"] : ["default", "strict"])(
        "leads systemd nowhere while an accomplice exchanges a directory of the volume: %s",
        async (ref) => {
          const name = unit(`led${index}`, ref)
          const volume = `${VOLUMES}/org.example.led${index}.ref.${ref}/vol`
          const before = await host()
          const { code } = await machine.run(["systemctl", "start", name], { check: false })
          await machine.run(`mkdir -p ${volume}/x && ln -s /etc ${volume}/y`)
          const accomplice = await Exchange.start(machine, volume, "x", "y")
          await repeated(`systemctl restart ${name}`)
          assert.isAbove(await accomplice.stop(), 1000)
          assert.strictEqual(await host(), before)
          assert.notStrictEqual(code, 0)
          assert.include(await machine.journal(`oci-prepare@${name}`), "where systemd makes files of its own")
        }
      )
    })

    it("an image does not keep /run, where systemd makes files of its own", async () => {
      const name = unit("run", "default")
      await systemctl("start", name)
      assert.include((await systemctl("cat", name)).stdout, "the volume /run is not kept")
      await systemctl("stop", name)
      assert.notStrictEqual(
        (await machine.run(`ls -d ${VOLUMES}/org.example.run*`, { check: false })).code,
        0
      )
    })

    it("makes nothing behind a link that a volume has where the source of another volume lies", async () => {
      const name = unit("inner", "default")
      const before = await host()
      await machine.run("mkdir -p /srv/a && ln -s /etc /srv/a/b")
      assert.notStrictEqual((await machine.run(["systemctl", "start", name], { check: false })).code, 0)
      assert.strictEqual(await host(), before)
      await machine.run("rm /srv/a/b")
      await systemctl("start", name)
      await systemctl("stop", name)
    })

    it.each(["default", "kept", "fixed"])(
      "device nodes of an image open no device for a user of the host: %s",
      async (ref) => {
        const name = unit("nodes", ref)
        await systemctl("start", name)
        const user = "setpriv --reuid=4242 --regid=4243 --clear-groups"
        for (const path of ["disk", "data/disk", "run/disk"]) {
          const at = `/proc/${await pidOf(name)}/root/${path}`
          assert.strictEqual((await machine.run(`stat -c %F ${at}`)).stdout, "character special file\n", path)
          const { code } = await machine.run(`${user} head -c 1 ${at}`, { check: false })
          assert.notStrictEqual(code, 0, path)
        }
        await systemctl("stop", name)
      }
    )

    it("and do for a service that is trusted", async () => {
      const name = unit("nodes", "trusted")
      await systemctl("start", name)
      for (const path of ["disk", "data/disk", "run/disk"])
        await machine.run(`head -c 1 /proc/${await pidOf(name)}/root/${path}`)
      await systemctl("stop", name)
    })

    it("leaves nothing mounted", async () => {
      await settled(machine)
      assert.strictEqual(
        (await machine.run("grep -c /run/oci/roots /proc/self/mountinfo || :")).stdout,
        "0\n"
      )
    })
  }
)
