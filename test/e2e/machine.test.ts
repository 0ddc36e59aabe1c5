/** The harness itself: machines of every release boot, do what the other tests rely on, and leave nothing behind. */
import { existsSync } from "node:fs"
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { run } from "./support/Command.ts"
import { busyboxRootfs, layerMediaTypes, skopeoCopy, umociImage } from "./support/layouts.ts"
import { Machine, type Release, releases, skipReason } from "./support/Machine.ts"

const reason = skipReason()
if (reason !== undefined) console.warn(`machine tests are skipped: ${reason}`)

/** Debian's stable releases stay at theirs; unstable moves on. */
const isExpectedVersion: Readonly<Record<Release, (version: number) => boolean>> = {
  bookworm: (version) => version === 252,
  trixie: (version) => version === 257,
  sid: (version) => version >= 258
}

/** Whether any mount, process or cgroup of this host still belongs to the machine. */
const traces = async (machine: Machine): Promise<readonly string[]> => {
  const directory = join(machine.root, "..")
  const mounts = (await readFile("/proc/self/mountinfo", "utf8"))
    .split("\n")
    .filter((l) => l.includes(directory))
  const processes: string[] = []
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue
    const [cmdline, cgroup] = await Promise.all(
      ["cmdline", "cgroup"].map((file) => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => ""))
    )
    if (cmdline?.includes(machine.name) || cgroup?.includes(machine.name)) processes.push(`${pid} ${cmdline}`)
  }
  const find = ["find", "/sys/fs/cgroup", "-maxdepth", "3", "-type", "d", "-name", machine.name]
  const cgroups = (await run(find, { check: false })).stdout.split("\n").filter(Boolean)
  return [...mounts, ...processes, ...cgroups, ...(existsSync(directory) ? [directory] : [])]
}

describe.skipIf(reason !== undefined)("machine", () => {
  describe.each(releases())("%s", (release) => {
    let machine: Machine

    beforeAll(async () => {
      machine = await Machine.create(release, {
        files: { "/opt/copied": import.meta.dirname },
        setup: async (root) => assert.isTrue(existsSync(join(root, "var/lib/oci")))
      })
      await machine.boot()
    })
    afterAll(() => machine?.dispose())

    it("has booted the release's systemd without a failed unit", async () => {
      const version = (await machine.run(["systemctl", "--version"])).stdout
      assert.isTrue(isExpectedVersion[release](Number(/^systemd (\d+)/.exec(version)?.[1])), version)
      const failed = (await machine.run("systemctl --failed --plain --no-legend")).stdout
      assert.strictEqual(failed, "")
      assert.strictEqual((await machine.run("systemctl is-system-running")).stdout, "running\n")
    })

    it("runs the node of the tests, and holds the files it was given", async () => {
      assert.strictEqual((await machine.run(["node", "--version"])).stdout, `${process.version}\n`)
      assert.include(await machine.read("/opt/copied/machine.test.ts"), "describe")
    })

    it("runs a unit and keeps its output in the journal", async () => {
      const unit = "[Service]\nType=oneshot\nExecStart=/bin/echo the unit was here\n"
      await machine.write("/etc/systemd/system/hello.service", unit)
      await machine.run("systemctl daemon-reload && systemctl start hello.service")
      assert.include(await machine.journal("hello.service"), "the unit was here\n")
    })

    it("mounts overlayfs with its upper directory below /var/lib/oci", async () => {
      await machine.write("/var/lib/oci/overlay/lower/old", "lower")
      const mount =
        "mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged && cat merged/old"
      const shell = `cd /var/lib/oci/overlay && mkdir upper work merged && ${mount} && rm merged/old && echo new > merged/new`
      assert.strictEqual((await machine.run(shell)).stdout, "lower")
      assert.deepStrictEqual(await readdir(join(machine.root, "var/lib/oci/overlay/upper")), ["new", "old"])
      await machine.run("umount /var/lib/oci/overlay/merged")
    })

    it("resolves the users and groups of /run/userdb", async () => {
      const user = { userName: "ociapp", uid: 61234, gid: 61235, disposition: "container", service: "test" }
      const group = { groupName: "ociapp", gid: 61235, disposition: "container", service: "test" }
      await machine.write("/run/userdb/ociapp.user", JSON.stringify(user), 0o644)
      await machine.write("/run/userdb/ociapp.group", JSON.stringify(group), 0o644)
      await machine.run("cd /run/userdb && ln -s ociapp.user 61234.user && ln -s ociapp.group 61235.group")
      assert.match((await machine.run("getent passwd 61234")).stdout, /^ociapp:\*?x?:61234:61235:/)
      assert.match((await machine.run("getent group ociapp")).stdout, /^ociapp:\*?x?:61235:/)
    })

    it("has a loopback device, and no other network", async () => {
      assert.match(await machine.read("/proc/net/fib_trie"), /127\.0\.0\.1/)
      const devices = (await machine.read("/proc/net/dev")).split("\n").slice(2).filter(Boolean)
      assert.deepStrictEqual(
        devices
          .map((line) => line.split(":")[0]?.trim())
          .filter((name) => /^(en|eth|host|veth|wl)/.test(name ?? "")),
        []
      )
    })

    it("tells the exit code, and kills what takes too long", async () => {
      assert.strictEqual((await machine.run("echo no >&2; exit 7", { check: false })).code, 7)
      const failure = await machine.run("echo no >&2; exit 7").catch((cause: unknown) => String(cause))
      assert.match(String(failure), /exit code 7\nno/)
      const late = await machine.run("sleep 4321", { timeout: 300 }).catch((cause: unknown) => String(cause))
      assert.match(String(late), /killed after 300 ms/)
      assert.notInclude((await machine.run("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")).stdout, "sleep 4321")
    })

    it("keeps its files over a reboot, and over a power cut", async () => {
      await machine.write("/var/lib/oci/kept", "one")
      assert.isTrue(await machine.powerOff())
      assert.isFalse(machine.isRunning)
      assert.strictEqual(await machine.read("/var/lib/oci/kept"), "one")
      await machine.write("/var/lib/oci/kept", "two")
      await machine.boot()
      assert.strictEqual((await machine.run("cat /var/lib/oci/kept")).stdout, "two")
      assert.include(
        (await machine.run("journalctl --boot=-1 -o cat -u hello.service")).stdout,
        "the unit was here"
      )
      await machine.cutPower()
      await machine.boot()
      assert.strictEqual(await machine.read("/var/lib/oci/kept"), "two")
    })
  })

  it("several machines run at the same time, and leave nothing behind", async () => {
    const machines = await Promise.all(releases().map((release) => Machine.create(release)))
    try {
      await Promise.all(machines.map((machine) => machine.boot()))
      const booted = await Promise.all(machines.map((m) => m.run("cat /proc/sys/kernel/hostname")))
      assert.deepStrictEqual(
        booted.map((r) => r.stdout.trim()),
        [...releases()]
      )
      // The traces are found while there are some: a check that can only succeed proves nothing.
      for (const machine of machines) assert.isAbove((await traces(machine)).length, 3)
    } finally {
      await Promise.all(machines.map((machine) => machine.dispose()))
    }
    for (const machine of machines) assert.deepStrictEqual(await traces(machine), [])
  })

  it("a boot that fails says what the console said, and leaves nothing behind", async () => {
    const [release = "trixie"] = releases()
    const machine = await Machine.create(release)
    try {
      const systemd = "/etc/systemd/system"
      await machine.write(`${systemd}/slow.service`, "[Service]\nType=oneshot\nExecStart=/bin/sleep 1000\n")
      await machine.write(`${systemd}/multi-user.target.d/slow.conf`, "[Unit]\nWants=slow.service\n")
      const failure = String(await machine.boot(3000).catch((cause: unknown) => cause))
      assert.include(failure, "was not up after 3000 ms; its console:")
      assert.include(failure, "Welcome to")
      assert.isFalse(machine.isRunning)
    } finally {
      await machine.dispose()
    }
    assert.deepStrictEqual(await traces(machine), [])
  })
})

describe.skipIf(reason !== undefined)("layouts", () => {
  let directory: string
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "oci-systemd-layouts-"))
  })
  afterAll(() => rm(directory, { recursive: true, force: true }))

  it("holds what umoci packed, layer by layer, and what skopeo compressed anew", async () => {
    const rootfs = await busyboxRootfs(join(directory, "rootfs"))
    assert.strictEqual((await run(["chroot", rootfs, "/usr/bin/id", "-u", "app"])).stdout, "4242\n")
    const layout = join(directory, "myorg.com/myapp")
    await umociImage(layout, "stable", {
      rootfs,
      layers: [(root) => rm(join(root, "etc/group"))],
      config: ["--config.entrypoint=/bin/sh", "--config.cmd=-c", "--config.cmd=echo $A", "--config.env=A=b c"]
    })
    await umociImage(layout, "empty")
    const gzip = "application/vnd.oci.image.layer.v1.tar+gzip"
    assert.deepStrictEqual(await layerMediaTypes(layout, "stable"), [gzip, gzip])
    assert.deepStrictEqual(await layerMediaTypes(layout, "empty"), [])

    const zstd = join(directory, "myorg.com/zstd")
    await skopeoCopy(layout, "stable", zstd, "stable", { compression: "zstd" })
    const zstdType = "application/vnd.oci.image.layer.v1.tar+zstd"
    assert.deepStrictEqual(await layerMediaTypes(zstd, "stable"), [zstdType, zstdType])

    const docker = join(directory, "docker")
    await skopeoCopy(layout, "stable", docker, "", { format: "v2s2" })
    const manifest = await readFile(join(docker, "manifest.json"), "utf8")
    assert.include(manifest, "application/vnd.docker.distribution.manifest.v2+json")
  })
})
