/** Health checks on real systemd: they see what the service sees, are counted, and end with it. */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { LayoutWriter } from "../support/LayoutWriter.ts"
import { run } from "./support/Command.ts"
import { EXTRACTS, installed, LAYOUTS } from "./support/Installed.ts"
import { busyboxRootfs } from "./support/layouts.ts"
import { type Machine, releases, skipReason } from "./support/Machine.ts"
import { settled } from "./support/Waiting.ts"

const service = (name: string) => `org.example.${name}.ref.v1.service`
const check = (name: string) => `oci-check@org.example.${name}.ref.v1.service`
const timer = (name: string) => `oci-health@org.example.${name}.ref.v1.timer`
const health = (name: string) => `oci-health@org.example.${name}.ref.v1.service`

/** Listens on its own loopback, leaves marks wherever a check may look, and is healthy until somebody says otherwise. */
const SERVE = `#!/bin/sh
trap 'exit 0' TERM
echo up > /tmp/up; echo up > /var/lib/up; echo up > /run/up; echo up > /data/up
nc -ll -p 7000 -e cat &
while :; do sleep 0.05; done
`

/** What the check sees; it fails as /data/verdict says. */
const CHECK = `#!/bin/sh
echo "sees<$(cat /tmp/up /var/lib/up /run/up /data/up | tr -d '\\n') $(id -u):$(id -g):$(id -G) $(pwd) $VALUE $HOME>"
echo "hears<$(echo hello | nc -w 1 127.0.0.1 7000)>"
touch /var/lib/by-check || echo "root<closed>"
[ -e /data/hang ] && sleep 1000
exit "$(cat /data/verdict 2>/dev/null || echo 0)"
`

/** Ready only a while after its start, anew after each. */
const LATE = `#!/bin/sh
trap 'exit 0' TERM
sleep 1
touch /var/lib/ready
while :; do sleep 0.05; done
`

/** The layout of one of the images, with another layer. */
const writeNewer = async (layouts: string): Promise<void> => {
  const work = await mkdtemp(join(tmpdir(), "oci-health-newer-"))
  try {
    await writeLayouts(work, "newer")
    await cp(join(work, "example.org/checked"), join(layouts, "example.org/checked"), { recursive: true })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

const MS = 1_000_000
const QUICK = { Interval: 300 * MS, Timeout: 1000 * MS, Retries: 2 }

/** `newer` is said by a file of the root, so that its layer is another. */
const writeLayouts = async (directory: string, newer?: string): Promise<void> => {
  const work = await mkdtemp(join(tmpdir(), "oci-health-"))
  try {
    const rootfs = await busyboxRootfs(join(work, "rootfs"))
    await writeFile(join(rootfs, "bin/serve"), SERVE, { mode: 0o755 })
    await writeFile(join(rootfs, "bin/check"), CHECK, { mode: 0o755 })
    await writeFile(join(rootfs, "bin/late"), LATE, { mode: 0o755 })
    await run(["chmod", "1777", join(rootfs, "var/lib"), join(rootfs, "run")])
    await run(["mkdir", "-m", "1777", join(rootfs, "data")])
    if (newer !== undefined) await writeFile(join(rootfs, "newer"), newer)
    const archive = join(work, "rootfs.tar")
    await run(["tar", "-C", rootfs, "-cf", archive, "."])
    const tar = await readFile(archive)
    const image = (name: string, Healthcheck?: object, program = "serve") => {
      const layout = new LayoutWriter(join(directory, "example.org", name))
      const config = {
        Entrypoint: [program],
        User: "app",
        WorkingDir: "/home/app",
        Env: ["VALUE=100%q $X"],
        Volumes: { "/data": {} },
        Healthcheck
      }
      layout.index(layout.named("v1", layout.image({ config }, {}, tar)))
    }
    image("checked", { Test: ["CMD", "check"], ...QUICK })
    image("fixed", { Test: ["CMD-SHELL", "check | sed 's/^/through a shell: /'; exit 0"], ...QUICK })
    image("strict", { Test: ["CMD-SHELL", "check | sed 's/^/through a shell: /'; exit 0"], ...QUICK })
    image("again", { Test: ["CMD", "check"], ...QUICK })
    image("slow", { Test: ["CMD", "check"], ...QUICK, StartPeriod: 10_000 * MS, StartInterval: 200 * MS })
    image("late", { Test: ["CMD", "test", "-e", "/var/lib/ready"], Interval: 3000 * MS, Retries: 1 }, "late")
    image("bare")
    image("line")
    image("unwanted", { Test: ["CMD", "check"], ...QUICK })
    image("without", { Test: ["NONE"] })
    image("missing", { Test: ["CMD", "not-there"] })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

const CONFIGURATION = `[image example.org/*]
network = none
[image example.org/again:*]
health = restart
[image example.org/late:*]
health = restart
[image example.org/unwanted:*]
healthcmd = none
[image example.org/line:*]
healthcmd = echo 'first; "second" # no comment'; exit 7
healthinterval = 300ms
healthretries = 1
[image example.org/fixed:*]
root = readonly
[image example.org/strict:*]
profile = strict
`

const reason = skipReason()
describe.skipIf(reason !== undefined).each(releases())(`health checks on %s${reason ?? ""}`, (release) => {
  let machine: Machine
  beforeAll(async () => {
    machine = await installed(release, (layouts) => writeLayouts(layouts))
    await machine.write("/etc/oci-generator.conf", CONFIGURATION)
    await machine.boot()
  })
  afterAll(async () => machine?.dispose())

  const systemctl = (...words: readonly string[]) => machine.run(["systemctl", ...words])
  const state = async (unit: string) => (await systemctl("show", "-P", "ActiveState", unit)).stdout.trim()
  const status = async (unit: string) =>
    (await machine.run(["systemctl", "status", "--full", "-n", "100", unit], { check: false })).stdout
  const data = (name: string) => `/var/lib/oci/volumes/org.example.${name}.ref.v1/data`
  /** Waits for what is looked for: how long that takes is nobody's promise. */
  const until = async (what: string, look: () => Promise<string>, found: RegExp): Promise<string> => {
    for (let round = 0; round < 300; round++) {
      const text = await look()
      if (found.test(text)) return text
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    throw new Error(`${what}: no ${found} in\n${await look()}`)
  }

  it("run as the service does, in its root, network and identity, from the first start on", async () => {
    await systemctl("start", service("checked"))
    const said = await until("the check", () => machine.journal(check("checked")), /hears/)
    // Below 257 the service has a user namespace, in which a group beyond the user's own is shown as nobody's.
    const group = release === "bookworm" ? 65534 : 4300
    assert.include(said, `sees<upupupup 4242:4243:4243 ${group} /home/app 100%q $X /home/app>`)
    assert.include(said, "hears<hello>")
    assert.notInclude(said, "root<closed>")
    assert.notMatch(said, /Starting|Finished|Deactivated/)
    const root = (await machine.run(`ls /run/oci/roots/org.example.checked.ref.v1/var/lib`)).stdout
    assert.include(root, "by-check")
  })

  /** The state of a service as `oci-systemd list` shows it. */
  const listed = async (name: string) => {
    const { stdout } = await machine.run(["oci-systemd", "list", "--json", `example.org/${name}:v1`])
    return JSON.parse(stdout)[0].state
  }

  it("tell in the service's status that it is healthy", async () => {
    assert.include(
      await until("status", () => status(service("checked")), /oci-health\[\d+\]: /),
      ": healthy"
    )
    assert.strictEqual(await state(timer("checked")), "active")
    assert.include((await systemctl("list-timers", "--all")).stdout, timer("checked"))
    const { memory, since, ...found } = await listed("checked")
    assert.deepEqual(found, { active: "active", sub: "running", restarts: 0, health: "healthy" })
    const counted = (await systemctl("show", "-P", "MemoryCurrent", service("checked"))).stdout.trim()
    if (/^\d+$/.test(counted)) assert.isAbove(memory, 0)
    else assert.isNull(memory)
    const shown = (await systemctl("show", "-P", "ActiveEnterTimestamp", service("checked"))).stdout.trim()
    const entered = (await machine.run(["date", "--utc", "+%FT%T.000Z", "--date", shown])).stdout.trim()
    assert.strictEqual(since, entered)
    const text = (await machine.run(["oci-systemd", "list"])).stdout
    assert.match(text, /^example\.org\/checked:v1 .* running \d+ \w+, healthy {2}/m)
    const { stdout } = await machine.run(["oci-systemd", "inspect", "example.org/checked:v1"])
    assert.match(stdout, /State +running \d+ \w+, healthy$/m)
  })

  it("make it unhealthy after as many failures as the image says, and healthy again", async () => {
    await machine.write(`${data("checked")}/verdict`, "3")
    const text = await until("status", () => status(service("checked")), /unhealthy: /)
    assert.include(text, "health check failed, 1 of 2: exit code 3")
    assert.include(text, "unhealthy: 2 failed health checks in a row, the last: exit code 3")
    await until(
      "failed units",
      async () => (await systemctl("--failed", "--plain")).stdout,
      /oci-health@org\.example\.checked/
    )
    assert.strictEqual(await state(service("checked")), "active")
    assert.strictEqual((await listed("checked")).health, "unhealthy")
    await machine.run(`rm ${data("checked")}/verdict`)
    await until("status", () => status(service("checked")), /unhealthy: [\s\S]*: healthy/)
    await until("state", () => state(health("checked")), /^inactive/)
  })

  it("fail when they take too long", async () => {
    await machine.run(`touch ${data("checked")}/hang`)
    await until("status", () => status(service("checked")), /failed, 1 of 2: it took too long/)
    await machine.run(`rm ${data("checked")}/hang`)
  })

  it("pause when the image is replaced and not extracted yet, and go on with the next start", async () => {
    const fired = async () =>
      (await systemctl("show", "-P", "LastTriggerUSecMonotonic", timer("checked"))).stdout
    const pid = async () => (await systemctl("show", "-P", "MainPID", service("checked"))).stdout
    const running = await pid()
    await rm(join(machine.root, LAYOUTS, "example.org/checked"), { recursive: true })
    await writeNewer(join(machine.root, LAYOUTS))
    await systemctl("daemon-reload")
    for (let round = 0; round < 2; round++) {
      const last = await fired()
      await until("the timer", async () => String((await fired()) === last), /false/)
    }
    assert.strictEqual(await state(timer("checked")), "active")
    assert.strictEqual(await pid(), running)
    assert.match(await status(health("checked")), /not extracted yet/)
    await systemctl("restart", service("checked"))
    const before = (await machine.journal(check("checked"))).length
    await until(
      "the check",
      async () => (await machine.journal(check("checked"))).slice(before),
      /hears<hello>/
    )
    assert.strictEqual(await state(timer("checked")), "active")
  })

  it("end with the service, and leave nothing, not even a failed unit", async () => {
    await machine.write(`${data("checked")}/verdict`, "1")
    await until(
      "failed units",
      async () => (await systemctl("--failed", "--plain")).stdout,
      /oci-health@org\.example\.checked/
    )
    await systemctl("stop", service("checked"))
    await settled(machine)
    assert.strictEqual(await state(timer("checked")), "inactive")
    assert.strictEqual(await state(check("checked")), "inactive")
    await until("state", () => state(health("checked")), /^inactive$/)
    assert.notInclude((await systemctl("--failed", "--plain")).stdout, "oci-health")
    assert.strictEqual((await machine.run(`ls ${EXTRACTS}/scratch`)).stdout, "")
    await machine.run(`rm ${data("checked")}/verdict`)
  })

  it.each(["fixed", "strict"])("see the places that are writable in a root that is not: %s", async (name) => {
    await systemctl("start", service(name))
    const said = await until("the check", () => machine.journal(check(name)), /hears/)
    assert.match(said, /through a shell: sees<upupup 4242:/)
    assert.include(said, "hears<hello>")
    assert.include(said, "root<closed>")
    await systemctl("stop", service(name))
  })

  it("restart the service where that is wanted, and begin anew", async () => {
    await machine.run(`mkdir -p ${data("again")} && chmod 777 ${data("again")}`)
    await machine.write(`${data("again")}/verdict`, "1")
    await systemctl("start", service("again"))
    const first = (await systemctl("show", "-P", "MainPID", service("again"))).stdout
    await until("status", () => machine.journal(service("again")), /restarting the unhealthy service/)
    await machine.run(`rm ${data("again")}/verdict`)
    await until(
      "pid",
      async () => `${(await systemctl("show", "-P", "MainPID", service("again"))).stdout === first}`,
      /false/
    )
    await until("status", () => status(service("again")), /: healthy$/m)
    assert.strictEqual(await state(service("again")), "active")
    assert.strictEqual(await state(timer("again")), "active")
    await systemctl("stop", service("again"))
  })

  it("go on after systemd has restarted the service by itself", async () => {
    await machine.write(
      `/etc/systemd/system/${service("again")}.d/restart.conf`,
      "[Service]\nRestart=always\nRestartSec=100ms\n"
    )
    await systemctl("daemon-reload")
    await systemctl("start", service("again"))
    await systemctl("kill", "--signal=KILL", service("again"))
    await until(
      "restarts",
      async () => (await systemctl("show", "-P", "NRestarts", service("again"))).stdout,
      /^[1-9]/
    )
    await until("timer", () => state(timer("again")), /^active$/)
    await until("state", () => state(service("again")), /^active$/)
    const before = (await machine.journal(check("again"))).match(/hears/g)?.length ?? 0
    await until(
      "checks",
      async () => `${((await machine.journal(check("again"))).match(/hears/g)?.length ?? 0) > before + 1}`,
      /true/
    )
    await systemctl("stop", service("again"))
    assert.strictEqual(await state(timer("again")), "inactive")
  })

  it("come one interval after the service's start, at every start and restart", async () => {
    const heard = async () => (await machine.journal(service("late"))).match(/^healthy$/gm)?.length ?? 0
    const starts = ["start", "restart", "stop", "start", "kill", "restart"] as const
    await machine.write(
      `/etc/systemd/system/${service("late")}.d/restart.conf`,
      "[Service]\nRestart=always\nRestartSec=100ms\n"
    )
    await systemctl("daemon-reload")
    for (const verb of starts) {
      const before = await heard()
      // By then the next check is near, and after a stop its time has passed.
      await new Promise((resolve) => setTimeout(resolve, 2500))
      await systemctl(verb, ...(verb === "kill" ? ["--signal=KILL"] : []), service("late"))
      if (verb === "stop") continue
      const said = async () => `${(await heard()) > before} ${await machine.journal(service("late"))}`
      assert.notInclude(await until(verb, said, /^true|unhealthy/), "unhealthy", verb)
    }
    assert.strictEqual(await state(service("late")), "active")
    await systemctl("stop", service("late"))
  })

  it("do not hold up a stop that has to wait", async () => {
    await machine.write(
      "/etc/systemd/system/last.service",
      `[Unit]\nPartOf=${service("late")}\nAfter=${service("late")}\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\nExecStop=/bin/sleep 2\n`
    )
    await systemctl("daemon-reload")
    await systemctl("start", service("late"), "last.service")
    const stopped = systemctl("stop", service("late"))
    await until("stop", () => state("last.service"), /deactivating/)
    // As the health unit does in the moment before it is stopped.
    await machine.write("/tmp/state", "1 0 healthy\n")
    const units = `${health("late")} ${check("late")} ${service("late")}`
    await machine.run(`/usr/lib/oci-systemd-generator/oci-health check ${units} /tmp/state 1 0 0 log`, {
      check: false
    })
    await stopped
    assert.strictEqual(await state(service("late")), "inactive")
  })

  it("do not count failures in the start period, until one has succeeded", async () => {
    await machine.run(`mkdir -p ${data("slow")} && chmod 777 ${data("slow")}`)
    await machine.write(`${data("slow")}/verdict`, "1")
    await systemctl("start", service("slow"))
    const early = await until(
      "status",
      () => machine.journal(service("slow")),
      /(?:does not count[\s\S]*){4}/
    )
    assert.notInclude(early, "unhealthy")
    await until("status", () => machine.journal(service("slow")), /unhealthy/)
    await systemctl("stop", service("slow"))
  })

  it("are made where the image has none and the configuration gives one", async () => {
    await systemctl("start", service("bare"))
    assert.strictEqual(await state(timer("bare")), "inactive")
    await machine.write(
      "/etc/oci-generator.conf.d/health.conf",
      '[image example.org/bare:*]\nhealthcmd = ["check"]\nhealthinterval = 300ms\n'
    )
    await systemctl("daemon-reload")
    await systemctl("restart", service("bare"))
    await until("status", () => machine.journal(service("bare")), /^healthy$/m)
    assert.include(await machine.journal(check("bare")), "hears<hello>")
    await systemctl("stop", service("bare"))
    const shown = (await machine.run(["oci-systemd", "inspect", "example.org/bare:v1"])).stdout
    assert.match(shown, /health\.conf:2: healthcmd/)
  })

  it("pass a line of the configuration to the shell unchanged", async () => {
    await systemctl("start", service("line"))
    const said = await until("the check", () => machine.journal(check("line")), /no comment/)
    assert.match(said, /^first; "second" # no comment$/m)
    await until(
      "status",
      () => machine.journal(service("line")),
      /unhealthy: a failed health check: exit code 7/
    )
    await systemctl("stop", service("line"))
  })

  it("are not made where the image has none or the configuration wants none, or its program is missing", async () => {
    for (const name of ["without", "unwanted", "missing"]) {
      await systemctl("start", service(name))
      assert.strictEqual(await state(timer(name)), "inactive", name)
      assert.notInclude((await systemctl("show", "-P", "Wants", service(name))).stdout, "oci-health", name)
      await systemctl("stop", service(name))
    }
    assert.include(
      (await machine.run(["oci-systemd", "inspect", "example.org/missing:v1"])).stdout,
      "program is not in the image: no checks are made"
    )
  })
})
