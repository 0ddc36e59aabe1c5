/** Starts of images that are ready, of many at once, of those that were updated or removed, and starts that were cut short. */
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { LayoutWriter } from "../support/LayoutWriter.ts"
import { run } from "./support/Command.ts"
import { EXTRACTS, installed, LAYOUTS } from "./support/Installed.ts"
import { busyboxRootfs } from "./support/layouts.ts"
import { type Machine, releases, skipReason } from "./support/Machine.ts"
import * as Waiting from "./support/Waiting.ts"

const MODES = ["ephemeral", "persistent", "readonly"] as const
const unit = (name: string) => `org.example.${name}.ref.v1.service`
const root = (name: string) => `/run/oci/roots/org.example.${name}.ref.v1`
/** Its directories have names of 220 bytes, and the mount options that name them more than 256. */
const LONG = "v".repeat(210)
/** `npm run test:long` starts fifty, which takes minutes. Twelve are more than the five mounts that systemd hears of in a second. */
const HOW_MANY = process.env.OCI_SYSTEMD_LONG === undefined ? 12 : 50
const MANY = Array.from({ length: HOW_MANY }, (_, index) => `many${index}`)

/** Where a service says that it was asked to stop, and stops as soon as it may. */
const HOLD = "/srv/hold"

/** Tells which image it is of, and whether somebody wrote to its root before. */
const APP = `#!/bin/sh
end() {
  if [ -n "\${HOLD:-}" ]; then touch $HOLD/asked; until [ -e $HOLD/end ]; do sleep 0.05; done; fi
  echo "stopped<$(cat /etc/version)>"
  exit 0
}
trap end USR1
if [ -e /var/mark ]; then was=used; else was=fresh; fi
touch /var/mark 2>/dev/null
echo "started<$(cat /etc/version) $was $(ls -d /run/seed /srv/kept/seed | tr '\\n' ' ')$(id -u)>"
while :; do sleep 0.1; done
`

/** All that a layout may become, ready on the host: the tests put one in place of another. */
const writeVersions = async (directory: string): Promise<void> => {
  const rootfs = await busyboxRootfs(join(directory, "rootfs"))
  await writeFile(join(rootfs, "bin/app"), APP, { mode: 0o755 })
  await chmod(join(rootfs, "var"), 0o1777)
  await mkdir(join(rootfs, "run/seed"))
  await mkdir(join(rootfs, "srv/kept"), { recursive: true })
  await writeFile(join(rootfs, "srv/kept/seed"), "")
  for (const version of ["one", "two"]) {
    await writeFile(join(rootfs, "etc/version"), `${version}\n`)
    const tar = join(directory, `${version}.tar`)
    await run(["tar", "-C", rootfs, "-cf", tar, "."])
    const content = await readFile(tar)
    const layout = (name: string, config: object, ref = "v1") => {
      const writer = new LayoutWriter(join(directory, version, name))
      const full = { Entrypoint: ["app"], StopSignal: "SIGUSR1", Env: [`VERSION=${version}`], ...config }
      writer.index(writer.named(ref, writer.image({ config: full }, {}, content)))
    }
    for (const mode of MODES) layout(mode, { User: "app", Volumes: { "/srv/kept": {} } })
    for (const name of ["moving", "leaving"]) layout(name, {})
    layout("holds", { Env: ["HOLD=/hold"] })
    layout("nothing", { Entrypoint: ["/bin/nothing"] })
    layout("quits", { Entrypoint: ["/bin/sleep", "1000"], StopSignal: "SIGQUIT" })
    layout("exits", {
      Entrypoint: ["/bin/sh", "-c", "trap 'exit 143' TERM; while :; do sleep 0.1; done"],
      StopSignal: "SIGTERM"
    })
    layout("long", {}, LONG)
    if (version === "one") for (const name of MANY) layout(name, { Env: [`NAME=${name}`] })
  }
}

const CONFIGURATION = `[image example.org/quits:*]
pids = host
[image example.org/persistent:*]
root = persistent
[image example.org/readonly:*]
root = readonly
[image example.org/holds:*]
volume = ${HOLD}:/hold
`

const reason = skipReason()
describe.skipIf(reason !== undefined).each(releases())(`starts on %s${reason ?? ""}`, (release) => {
  let machine: Machine
  let versions: string
  beforeAll(async () => {
    versions = await mkdtemp(join(tmpdir(), "oci-starts-"))
    await writeVersions(versions)
    machine = await installed(release, (directory) =>
      cp(join(versions, "one"), join(directory, "example.org"), { recursive: true })
    )
    await machine.write("/etc/oci-generator.conf", CONFIGURATION)
    await mkdir(join(machine.root, HOLD))
    await machine.boot()
  })
  afterAll(async () => {
    await machine?.dispose()
    await rm(versions, { recursive: true, force: true })
  })

  const systemctl = (...words: readonly string[]) => machine.run(["systemctl", ...words])
  const show = async (name: string, property: string) =>
    (await systemctl("show", "-P", property, name)).stdout.trim()
  const shell = async (text: string) => (await machine.run(text)).stdout.trim()
  /** The last thing that it said of itself; `Type=exec` counts as started before it has said anything. */
  const said = async (name: string, times: number, what = "started"): Promise<string> => {
    for (let round = 0; round < 200; round++) {
      const found = [...(await machine.journal(unit(name))).matchAll(new RegExp(`^${what}<(.*)>`, "gm"))]
      if (found.length >= times) return found[times - 1]?.[1] ?? ""
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error(`${name} has not said ${what} ${times} times:\n${await machine.journal(unit(name))}`)
  }
  const count = async (name: string, what = "started") =>
    (await machine.journal(unit(name))).match(new RegExp(`^${what}<`, "gm"))?.length ?? 0
  const start = async (name: string): Promise<string> => {
    const before = await count(name)
    await systemctl("start", unit(name))
    return said(name, before + 1)
  }
  /** Clearing up goes on when the service has stopped. */
  const settled = () => Waiting.settled(machine)
  const stop = async (...names: readonly string[]) => {
    await systemctl("stop", ...names.map(unit))
    await settled()
  }
  const isClear = async (...kept: readonly string[]) => {
    assert.strictEqual(await shell("grep -c /run/oci/roots /proc/self/mountinfo || :"), "0")
    assert.strictEqual(await shell(`ls -A ${EXTRACTS}/scratch`), kept.join("\n"))
    assert.strictEqual(
      await shell("ls /run/userdb /run/oci/users 2>/dev/null | grep -e oci- -e org || :"),
      ""
    )
  }
  /** While `use` runs, Node is replaced by a program that fails. */
  const withoutNode = async (use: () => Promise<void>) => {
    const node = await shell('readlink -f "$(command -v node)"')
    await machine.run(`mount --bind /bin/false ${node}`)
    try {
      await use()
    } finally {
      await machine.run(`umount ${node}`)
    }
  }
  const put = (version: "one" | "two", name: string) => async () => {
    await rm(join(machine.root, LAYOUTS, "example.org", name), { recursive: true, force: true })
    await cp(join(versions, version, name), join(machine.root, LAYOUTS, "example.org", name), {
      recursive: true
    })
    await systemctl("daemon-reload")
  }

  it("ask for Node once, and never again", async () => {
    await withoutNode(async () => {
      for (const mode of MODES) {
        assert.notStrictEqual(
          (await machine.run(["systemctl", "start", unit(mode)], { check: false })).code,
          0
        )
      }
    })
    for (const mode of MODES) {
      assert.strictEqual(await start(mode), "one fresh /run/seed /srv/kept/seed 4242", mode)
      await stop(mode)
    }
    await isClear("org.example.persistent.ref.v1")
    await withoutNode(async () => {
      for (const mode of MODES) {
        const was = mode === "persistent" ? "used" : "fresh"
        assert.strictEqual(await start(mode), `one ${was} /run/seed /srv/kept/seed 4242`, mode)
        const before = await count(mode)
        await systemctl("restart", unit(mode))
        assert.strictEqual(await said(mode, before + 1), `one ${was} /run/seed /srv/kept/seed 4242`, mode)
        await stop(mode)
      }
    })
    await isClear("org.example.persistent.ref.v1")
  })

  it("nor after a power cut and a reboot", async () => {
    for (const mode of MODES) await start(mode)
    await machine.cutPower()
    await machine.boot()
    await withoutNode(async () => {
      for (const mode of MODES) {
        assert.strictEqual(
          await start(mode),
          `one ${mode === "persistent" ? "used" : "fresh"} /run/seed /srv/kept/seed 4242`,
          mode
        )
      }
    })
    await stop(...MODES)
    await isClear("org.example.persistent.ref.v1")
  })

  it("look again where the extract, or all that was ever made, is gone", async () => {
    for (const lost of ["roots", "templates", "*"]) {
      // Nothing can be removed of a root that is mounted, and everything else is.
      await machine.run(`rm -rf ${EXTRACTS}/${lost}`, { check: false })
      assert.match(await start("ephemeral"), /^one fresh/, lost)
      await stop("ephemeral")
    }
  })

  it("work again after one before which no root could be made, while the service ran", async () => {
    await machine.write(
      `/etc/systemd/system/oci-prepare@${unit("ephemeral")}.d/refuse.conf`,
      "[Service]\nExecStartPre=/usr/bin/test ! -e /run/refuse\n"
    )
    await systemctl("daemon-reload")
    await start("ephemeral")
    for (let round = 0; round < 3; round++) {
      await machine.run("touch /run/refuse")
      const refused = await machine.run(["systemctl", "restart", unit("ephemeral")], { check: false })
      assert.notStrictEqual(refused.code, 0)
      await machine.run("rm /run/refuse")
      // What is left of the service before may be going still, or gone.
      if (round > 0) await settled()
      assert.match(await start("ephemeral"), /^one fresh/)
    }
    await machine.run(`rm -r /etc/systemd/system/oci-prepare@${unit("ephemeral")}.d`)
    await systemctl("daemon-reload")
    await stop("ephemeral")
    assert.strictEqual(await shell(`ls -A ${EXTRACTS}/scratch | grep ephemeral || :`), "")
  })

  it("are whole again after every kill of what makes the root", async () => {
    const name = "ephemeral"
    await start(name)
    await stop(name)
    const prepare = `oci-prepare@${unit(name)}`
    for (let round = 0; round < 12; round++) {
      // Every other time there is everything to be made.
      if (round % 2 === 1) await machine.run(`rm -rf ${EXTRACTS}/templates`)
      await machine.run(
        `systemctl start --no-block ${unit(name)}; sleep 0.0${round}; systemctl kill --signal=KILL ${prepare} 2>/dev/null || :`
      )
      await settled()
      await machine.run(["systemctl", "reset-failed", unit(name)], { check: false })
      if ((await show(unit(name), "ActiveState")) === "active") await stop(name)
      assert.strictEqual(await start(name), "one fresh /run/seed /srv/kept/seed 4242", `round ${round}`)
      await stop(name)
    }
    await isClear()
    assert.strictEqual(await shell(`ls ${EXTRACTS}/tmp`), "")
  })

  it("take the longest of names", async () => {
    const service = `org.example.long.ref.${LONG}.service`
    await systemctl("start", service)
    assert.strictEqual(await show(service, "ActiveState"), "active")
    await systemctl("stop", service)
    await settled()
    await isClear()
  })

  it("do not disturb a service that runs", async () => {
    const name = "ephemeral"
    await start(name)
    const pid = await show(unit(name), "MainPID")
    await machine.write(
      "/run/systemd/system/wants-it.service",
      `[Unit]\nRequires=${unit(name)}\nAfter=${unit(name)}\n[Service]\nType=oneshot\nExecStart=/bin/true\n`
    )
    await systemctl("daemon-reload")
    for (const started of [unit(name), `oci-prepare@${unit(name)}`, "wants-it.service"])
      await systemctl("start", started)
    assert.strictEqual(await show(unit(name), "MainPID"), pid)
    assert.strictEqual(
      await shell(`cat /proc/${pid}/root/etc/version; ls /proc/${pid}/root/var`),
      "one\nlib\nmark\ntmp"
    )
    await stop(name)
  })

  it("never run in a root that was used, where the service is about to stop while its root is looked at", async () => {
    const name = "holds"
    const prepare = `oci-prepare@${unit(name)}`
    const systemctlSays = `${HOLD}/systemctl`
    // The preparation waits before it looks, and tells when it has looked.
    await machine.write(
      systemctlSays,
      `#!/bin/sh\n/usr/bin/systemctl "$@"\nstatus=$?\ntouch ${HOLD}/looked\nexit $status\n`,
      0o755
    )
    await machine.write(
      `/etc/systemd/system/${prepare}.d/hold.conf`,
      `[Service]
Environment=PATH=${HOLD}:/usr/local/bin:/usr/sbin:/usr/bin
ExecStartPre=/bin/sh -c 'until [ -e ${HOLD}/look ]; do sleep 0.05; done'
`
    )
    await systemctl("daemon-reload")
    await machine.run(`touch ${HOLD}/look`)
    await start(name)
    for (const verbs of [["restart"], ["stop", "start"]]) {
      const before = await count(name)
      await machine.run(`cd ${HOLD}; rm -f look looked asked end`)
      await systemctl("start", "--no-block", unit(name))
      await machine.run(
        `until systemctl show -P ActiveState ${prepare} | grep -q ^activating; do sleep 0.05; done`
      )
      for (const verb of verbs) {
        await systemctl(verb, "--no-block", unit(name))
        await machine.run(`until [ -e ${HOLD}/asked ]; do sleep 0.05; done`)
      }
      await machine.run(`cd ${HOLD}; touch look; until [ -e looked ]; do sleep 0.05; done; touch end`)
      assert.match(await said(name, before + 1), /^one fresh/, verbs.join())
      await settled()
      assert.strictEqual(await show(unit(name), "ActiveState"), "active", verbs.join())
    }
    await machine.run(`rm -r /etc/systemd/system/${prepare}.d ${systemctlSays}`)
    await systemctl("daemon-reload")
    await stop(name)
  })

  // Where its orderly stop comes first, the service is active until its process has ended, and a start of it does nothing.
  it.runIf(release !== "bookworm")(
    "are not lost, where the service is stopped and started just after its root was looked at",
    async () => {
      const name = "holds"
      const prepare = `oci-prepare@${unit(name)}`
      const systemctlSays = `${HOLD}/systemctl`
      // The preparation has heard that the service runs, and ends only when it is told to.
      await machine.write(
        systemctlSays,
        `#!/bin/sh
/usr/bin/systemctl "$@"
status=$?
case $* in
*ConsistsOf*) ;;
*--value*) touch ${HOLD}/looked; until [ -e ${HOLD}/look ]; do sleep 0.05; done ;;
esac
exit $status
`,
        0o755
      )
      await machine.write(
        `/etc/systemd/system/${prepare}.d/hold.conf`,
        `[Service]\nEnvironment=PATH=${HOLD}:/usr/local/bin:/usr/sbin:/usr/bin\n`
      )
      await systemctl("daemon-reload")
      await machine.run(`cd ${HOLD}; touch look`)
      await start(name)
      await machine.run(`cd ${HOLD}; rm -f look looked asked end`)
      const before = await count(name)
      await systemctl("start", "--no-block", unit(name))
      await machine.run(`until [ -e ${HOLD}/looked ]; do sleep 0.05; done`)
      await systemctl("stop", "--no-block", unit(name))
      await machine.run(`until [ -e ${HOLD}/asked ]; do sleep 0.05; done`)
      await systemctl("start", "--no-block", unit(name))
      await machine.run(
        `touch ${HOLD}/look; until systemctl show -P ActiveState ${prepare} | grep -q ^inactive; do sleep 0.05; done; touch ${HOLD}/end`
      )
      assert.match(await said(name, before + 1), /^one fresh/)
      await settled()
      assert.strictEqual(await show(unit(name), "ActiveState"), "active")
      await machine.run(`rm -r /etc/systemd/system/${prepare}.d ${systemctlSays}`)
      await systemctl("daemon-reload")
      await stop(name)
    }
  )

  it("do not disturb one that runs until it is done", async () => {
    const name = "leaving"
    const dropIn = `/etc/systemd/system/${unit(name)}.d`
    await machine.write(`${dropIn}/oneshot.conf`, "[Service]\nType=oneshot\n")
    await systemctl("daemon-reload")
    const before = await count(name)
    await systemctl("start", "--no-block", unit(name))
    await said(name, before + 1)
    const pid = await show(unit(name), "MainPID")
    await systemctl("start", `oci-prepare@${unit(name)}`)
    assert.strictEqual(await show(unit(name), "MainPID"), pid)
    assert.strictEqual(await shell(`ls -d /proc/${pid}/root/var/mark ${root(name)}/var/mark | wc -l`), "2")
    await stop(name)
    await machine.run(["rm", "-r", dropIn])
    await systemctl("daemon-reload")
  })

  it("need nobody to leave a root that is thrown away", async () => {
    const name = "ephemeral"
    await start(name)
    await machine.run(`systemd-run --unit=visitor --property=WorkingDirectory=${root(name)} sleep 1000`)
    await stop(name)
    await isClear()
    assert.match(await start(name), /^one fresh/)
    await stop(name)
    await systemctl("stop", "visitor")
  })

  it(`work for ${HOW_MANY} images at once, for the first time and again`, async () => {
    for (let round = 0; round < 2; round++) {
      const units = MANY.map(unit)
      await systemctl("start", ...units)
      const states = await systemctl("is-active", ...units)
      assert.deepStrictEqual(
        states.stdout.trim().split("\n"),
        MANY.map(() => "active")
      )
      // One root each; what is mounted inside them is not counted.
      assert.strictEqual(
        await shell("grep -c ' /run/oci/roots/[^/ ]* ' /proc/self/mountinfo"),
        `${MANY.length}`
      )
      await stop(...MANY)
      await isClear()
    }
    assert.strictEqual(await shell("systemctl --failed --plain --no-legend"), "")
  })

  it("run the new image after a reload, which the running one does not notice", async () => {
    const name = "moving"
    assert.match(await start(name), /^one fresh/)
    const pid = await show(unit(name), "MainPID")
    await put("two", name)()
    assert.strictEqual(await show(unit(name), "MainPID"), pid)
    assert.strictEqual(await shell(`cat /proc/${pid}/root/etc/version`), "one")
    assert.strictEqual(await shell(`cat ${root(name)}/etc/version`), "one")
    const before = await count(name)
    await systemctl("restart", unit(name))
    assert.match(await said(name, before + 1), /^two fresh/)
    assert.strictEqual(await said(name, 1, "stopped"), "one")
    await stop(name)
    await withoutNode(async () => assert.match(await start(name), /^two fresh/))
    await stop(name)
  })

  it("and the old one again where one goes back", async () => {
    const name = "moving"
    await put("one", name)()
    assert.match(await start(name), /^one fresh/)
    await put("two", name)()
    await put("one", name)()
    const before = await count(name)
    await withoutNode(async () => {
      await systemctl("restart", unit(name))
      assert.match(await said(name, before + 1), /^one fresh/)
    })
    await stop(name)
    await isClear()
  })

  it("that fail because a program is missing say which", async () => {
    const { code } = await machine.run(["systemctl", "start", unit("nothing")], { check: false })
    assert.notStrictEqual(code, 0)
    await machine.run(["journalctl", "--sync"])
    // By the field that systemd itself writes: the journal may not find the unit of a process that has ended by then.
    const { stdout } = await machine.run(["journalctl", "--boot", "-o", "cat", `UNIT=${unit("nothing")}`])
    assert.match(stdout, /\/bin\/nothing: No such file or directory/)
    await settled()
  })

  it("end cleanly by the image's stop signal, whether the program dies of it or exits as shells do", async () => {
    for (const name of ["quits", "exits"]) {
      await systemctl("start", unit(name))
      await stop(name)
      assert.strictEqual(await show(unit(name), "ActiveState"), "inactive", name)
    }
  })

  it("are over when a layout is removed, but not the service that runs from it, until it stops as it should", async () => {
    const name = "leaving"
    await start(name)
    const pid = await show(unit(name), "MainPID")
    await rm(join(machine.root, LAYOUTS, "example.org", name), { recursive: true })
    await systemctl("daemon-reload")
    assert.strictEqual(await show(unit(name), "MainPID"), pid)
    assert.strictEqual(await show(unit(name), "ActiveState"), "active")
    const refused = await machine.run(["systemctl", "restart", unit(name)], { check: false })
    assert.include(refused.stderr, "refused")
    assert.strictEqual(await show(unit(name), "Description"), `example.org/${name}:v1 (its image is gone)`)
    assert.strictEqual(await show(unit(name), "MainPID"), pid)
    await stop(name)
    assert.strictEqual(await said(name, 1, "stopped"), "one")
    await isClear()
    await systemctl("daemon-reload")
    assert.strictEqual(await show(unit(name), "LoadState"), "not-found")
    await put("two", name)()
    assert.match(await start(name), /^two fresh/)
    await stop(name)
  })

  it("are over when a layout is removed whose service does not run", async () => {
    assert.strictEqual(await show(unit("leaving"), "LoadState"), "loaded")
    await rm(join(machine.root, LAYOUTS, "example.org", "leaving"), { recursive: true })
    await systemctl("daemon-reload")
    assert.strictEqual(await show(unit("leaving"), "LoadState"), "not-found")
    assert.strictEqual(await shell("ls /run/systemd/generator | grep leaving || :"), "")
  })
})
