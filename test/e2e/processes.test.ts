/** Process 1 of a namespace of its own, as in a container: what it sees, how it is told to stop, and what ends with it. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { LayoutWriter } from "../support/LayoutWriter.ts"
import { run } from "./support/Command.ts"
import { installed } from "./support/Installed.ts"
import { busyboxRootfs } from "./support/layouts.ts"
import { type Machine, releases, skipReason } from "./support/Machine.ts"
import { copyTo, programs } from "./support/Programs.ts"
import { settled, until } from "./support/Waiting.ts"

/** busybox's init, which refuses to be anything but process 1. */
const INITTAB = `::sysinit:/bin/echo booted
::respawn:/bin/again
`
const AGAIN = `#!/bin/sh
echo "started by $PPID"
[ -e /run/once ] || { touch /run/once; exit; }
exec sleep infinity
`

/** Each by its reference: a line of shell, or a program's words. */
const IMAGES: Readonly<Record<string, object>> = {
  sees: {
    Entrypoint: ["sh", "-c", 'echo "i am $$; there are $(ls -d /proc/[0-9]* | wc -l)"; exec sleep infinity']
  },
  init: { Entrypoint: ["/sbin/init"] },
  // Its children are nobody's once it ends: one in a session of its own, which ignores what it is sent.
  leaves: {
    Entrypoint: [
      "sh",
      "-c",
      `setsid sh -c 'trap "" TERM HUP; touch /mark/lives; sleep 1000' & while [ ! -e /mark/lives ]; do sleep 0.05; done; echo ready; trap 'exit 0' TERM; while :; do sleep 0.05; done`
    ],
    Volumes: { "/mark": {} }
  },
  // Without a handler, process 1 ignores the signal.
  deaf: { Entrypoint: ["sleep", "infinity"], StopTimeout: 1 },
  polite: {
    Entrypoint: ["sh", "-c", "trap 'sleep 0.3; echo bye; exit' TERM; echo up; while :; do sleep 0.05; done"]
  },
  first: { Entrypoint: ["sh", "-c", "sh -c 'echo by its number > /proc/1/fd/1'; exec sleep infinity"] },
  quits: { Entrypoint: ["sh", "-c", "sleep 1; exit 3"] },
  wanted: { Entrypoint: ["sleep", "infinity"] },
  shared: { Entrypoint: ["sh", "-c", 'echo "i am $$"; exec sleep infinity'] }
}

const CONFIGURATION = `[image example.org/processes:first]
output = pipe
[image example.org/processes:wanted]
pids = private
[image example.org/processes:shared]
pids = host
`

const unit = (ref: string) => `org.example.processes.ref.${ref}.service`

const writeLayouts = async (directory: string): Promise<void> => {
  const work = await mkdtemp(join(tmpdir(), "oci-processes-"))
  try {
    const rootfs = await busyboxRootfs(join(work, "rootfs"))
    await writeFile(join(rootfs, "etc/inittab"), INITTAB)
    await writeFile(join(rootfs, "bin/again"), AGAIN, { mode: 0o755 })
    const archive = join(work, "rootfs.tar")
    await run(["tar", "-C", rootfs, "-cf", archive, "."])
    const tar = await readFile(archive)
    const layout = new LayoutWriter(join(directory, "example.org/processes"))
    layout.index(
      ...Object.entries(IMAGES).map(([ref, config]) => layout.named(ref, layout.image({ config }, {}, tar)))
    )
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

const reason = skipReason()
const newer = releases().filter((release) => release !== "bookworm")

describe.skipIf(reason !== undefined).each(newer)(`process 1 on %s${reason ?? ""}`, (release) => {
  let machine: Machine
  beforeAll(async () => {
    const real = await programs()
    machine = await installed(release, async (directory) => {
      await writeLayouts(directory)
      await copyTo(real, join(directory, "debian.org/programs"))
    })
    await machine.write("/etc/oci-generator.conf", CONFIGURATION)
    await machine.boot()
  })
  afterAll(async () => machine?.dispose())

  const systemctl = (...words: readonly string[]) => machine.run(["systemctl", ...words])
  const show = async (name: string, property: string) =>
    (await systemctl("show", "-P", property, name)).stdout.trim()
  // By the identifier: the journal cannot look up the unit of a process that has ended by then.
  const written = async (name: string) => {
    await machine.run(["journalctl", "--sync"])
    const identifier = name.replace(/\.service$/, "")
    return (await machine.run(["journalctl", "--boot", "-o", "cat", "-t", identifier])).stdout
  }
  const says = (name: string, found: RegExp) =>
    until(machine, `${name} to say ${found}`, async () => found.test(await written(name)))

  it("is the image's program, and sees no process of the host", async () => {
    await systemctl("start", unit("sees"))
    await says(unit("sees"), /^i am 1; there are [1-5]$/m)
    await systemctl("kill", "--signal=KILL", unit("sees"))
  })

  it("may be an init, which starts again what ends", async () => {
    await systemctl("start", unit("init"))
    await says(unit("init"), /booted[\s\S]*started by 1[\s\S]*started by 1/)
    await systemctl("kill", "--signal=KILL", unit("init"))
  })

  it("takes all others of the service with it when it ends, at once", async () => {
    await systemctl("start", unit("leaves"))
    await says(unit("leaves"), /ready/)
    const group = `/sys/fs/cgroup${await show(unit("leaves"), "ControlGroup")}/cgroup.procs`
    assert.isAtLeast(Number((await machine.run(`wc -l < ${group}`)).stdout), 2)
    const others = (await machine.run(`cat ${group}`)).stdout.trim().split("\n")
    await systemctl("stop", unit("leaves"))
    assert.strictEqual(await show(unit("leaves"), "Result"), "success")
    for (const pid of others)
      assert.strictEqual((await machine.run(`[ ! -e /proc/${pid} ]`, { check: false })).code, 0, pid)
  })

  // So it is with a service that an earlier version of this program started, or whose drop-in has changed.
  it.each(["stop", "restart"])(
    "is to be by now, and was not: its others end at the next %s",
    async (verb) => {
      const dropIn = `/etc/systemd/system/${unit("leaves")}.d/shared.conf`
      await machine.write(dropIn, "[Service]\nPrivatePIDs=no\n")
      await systemctl("daemon-reload")
      await systemctl("start", unit("leaves"))
      const group = `/sys/fs/cgroup${await show(unit("leaves"), "ControlGroup")}/cgroup.procs`
      await until(
        machine,
        "both processes",
        async () => Number((await machine.run(`wc -l < ${group}`)).stdout) >= 2
      )
      const old = (await machine.run(`cat ${group}`)).stdout.trim().split("\n")
      await machine.run(["rm", dropIn])
      await systemctl("daemon-reload")
      await systemctl(verb, unit("leaves"))
      await settled(machine)
      assert.strictEqual(await show(unit("leaves"), "ActiveState"), verb === "stop" ? "inactive" : "active")
      for (const pid of old)
        await until(
          machine,
          `the end of ${pid}`,
          async () => (await machine.run(`[ ! -e /proc/${pid} ]`, { check: false })).code === 0
        )
      await systemctl("stop", unit("leaves"))
    }
  )

  it("without a handler for its signal is killed when its time is up", async () => {
    await systemctl("start", unit("deaf"))
    await systemctl("stop", unit("deaf"))
    assert.strictEqual(await show(unit("deaf"), "Result"), "signal")
    assert.match(
      (await machine.run(["systemctl", "status", unit("deaf")], { check: false })).stdout,
      /did not end within 1s of signal 15: it is killed/
    )
    await systemctl("reset-failed", unit("deaf"))
  })

  it("has its time at each stop and each restart, whether systemd takes it for its child or not", async () => {
    const name = unit("polite")
    await machine.write(`/etc/systemd/system/${name}.d/often.conf`, "[Unit]\nStartLimitIntervalSec=0\n")
    await systemctl("daemon-reload")
    const said = async (word: string) =>
      (await written(name)).split("\n").filter((line) => line === word).length
    await systemctl("start", name)
    for (let round = 1; round <= 10; round++) {
      await until(machine, `start ${round}`, async () => (await said("up")) === round)
      if (round % 2 === 0) await systemctl("restart", name)
      else {
        await systemctl("stop", name)
        await systemctl("start", name)
      }
      await until(machine, `farewell ${round}`, async () => (await said("bye")) === round)
    }
    await systemctl("stop", name)
    assert.strictEqual(await show(name, "Result"), "success")
    assert.notMatch(await machine.journal(name), /SIGKILL/)
  })

  it("has what is written to its output by its number in the journal", async () => {
    await systemctl("start", unit("first"))
    await says(unit("first"), /^by its number$/m)
    await systemctl("kill", "--signal=KILL", unit("first"))
  })

  it("fails with the status that it ends with, and is started again where that is wanted", async () => {
    await machine.write(
      `/etc/systemd/system/${unit("quits")}.d/again.conf`,
      "[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=on-failure\n"
    )
    await systemctl("daemon-reload")
    await machine.run(["systemctl", "start", unit("quits")], { check: false })
    await until(machine, "restarts", async () => Number(await show(unit("quits"), "NRestarts")) >= 2)
    assert.strictEqual(await show(unit("quits"), "ExecMainStatus"), "3")
    await systemctl("stop", unit("quits"))
  })

  it("tells systemd that it is ready, where its unit is of that type", async () => {
    const redis = "org.debian.programs.ref.redis.service"
    const line = "redis-server --supervised systemd --bind 127.0.0.1 --dir /data"
    await machine.write(
      `/etc/systemd/system/${redis}.d/notify.conf`,
      `[Service]\nType=notify\nExecStart=\nExecStart=${line}\nTimeoutStartSec=30\n`
    )
    await systemctl("daemon-reload")
    await systemctl("start", redis)
    assert.match(await show(redis, "StatusText"), /[Rr]eady/)
    await systemctl("stop", redis)
    assert.strictEqual(await show(redis, "Result"), "success")
  })

  it("is not, where the configuration says host", async () => {
    await systemctl("start", unit("shared"))
    await says(unit("shared"), /^i am (?!1$)\d+$/m)
    await systemctl("stop", unit("shared"))
    assert.strictEqual(await show(unit("shared"), "Result"), "success")
  })
})

describe.skipIf(reason !== undefined)(`process ids on systemd 252${reason ?? ""}`, () => {
  it("are not had by a service whose configuration asks for its own: it fails, and says why", async () => {
    await using machine = await installed("bookworm", writeLayouts)
    await machine.write("/etc/oci-generator.conf", CONFIGURATION)
    await machine.boot()
    const { code } = await machine.run(["systemctl", "start", unit("wanted")], { check: false })
    assert.notStrictEqual(code, 0)
    assert.match(
      await machine.journal(unit("wanted")),
      /pids = private needs systemd 257 or later, and this host has 252/
    )
  })
})
