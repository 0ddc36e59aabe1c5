/** Images run as they were built: what people met with real images, on real systemd. One machine per release. */
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { installed } from "./support/Installed.ts"
import { type Machine, releases, skipReason } from "./support/Machine.ts"
import { type ShellImage, shellUnit, writeShellImages } from "./support/ShellImage.ts"

const WHERE = 'echo "where<$(pwd) $(/bin/busybox stat -c %u:%g:%a .)>"'
const STAYS = "trap 'exit 0' TERM; while :; do sleep 0.1; done"
const where = (config: object): ShellImage => ({ line: WHERE, config })
const MS = 1_000_000

/** Directories for programs to run in that the image does not have. */
const DIRECTORIES: Readonly<Record<string, ShellImage>> = {
  "in-volume": where({ Volumes: { "/data": {} }, WorkingDir: "/data/work" }),
  deep: where({ Volumes: { "/data": {}, "/data/a": {} }, WorkingDir: "/data/a/b/c" }),
  bound: where({ WorkingDir: "/srv/app/here" }),
  "in-run": where({ WorkingDir: "/run/app/here" }),
  "in-tmp": where({ WorkingDir: "/tmp/app" }),
  persistent: where({ Volumes: { "/data": {} }, WorkingDir: "/data/work" })
}

/** Ways in which programs of images open their output by a name. */
const OUTPUTS: Readonly<Record<string, string>> = {
  stdout: "echo said > /dev/stdout",
  stderr: "echo said > /dev/stderr",
  descriptor: "echo said > /proc/self/fd/2",
  link: "mkdir -p /opt/logs; /bin/busybox ln -s /dev/stdout /opt/logs/access.log; echo said >> /opt/logs/access.log",
  child: "sh -c 'exec > /dev/stdout; echo said'",
  // The end of its reader ends the loop: SIGPIPE is not ignored.
  pipeline: "(while :; do echo x; done) | /bin/busybox head -n 1 >/dev/null; echo said",
  // What a program says before it fails is why it failed.
  last: "/bin/busybox seq 20000; echo said; exit 3"
}
/** Where the service's program is process 1. */
const FIRST = { first: "sh -c 'echo said > /proc/1/fd/1'" }

const CONFIGURATION = `[image example.org/where:bound]
volume = /srv/app:/srv/app
[image example.org/where:in-tmp]
root = readonly
[image example.org/where:persistent]
root = persistent
[image example.org/sick:*]
health = restart
[image example.org/job]
volume = /srv/job:/data
alias = job.service
[image example.org/misspelt:*]
volum = /srv/n:/data
[image example.org/said:direct]
output = journal
`

/** As systemd restarts services: what each unit ends as. */
const RESTARTS: Readonly<Record<string, { readonly line: string; readonly settings: readonly string[] }>> = {
  limited: {
    line: "sleep 0.3; exit 3",
    settings: ["Restart=always", "RestartSec=50ms", "StartLimitIntervalSec=60s", "StartLimitBurst=4"]
  },
  failing: {
    line: "sleep 0.3; exit 3",
    settings: ["Restart=on-failure", "RestartSec=50ms", "StartLimitIntervalSec=60s", "StartLimitBurst=3"]
  },
  clean: { line: "sleep 0.3; exit 0", settings: ["Restart=on-failure", "RestartSec=50ms"] },
  once: { line: "sleep 0.3; exit 3", settings: [] },
  prevented: {
    line: "sleep 0.3; exit 7",
    settings: ["Restart=always", "RestartSec=50ms", "RestartPreventExitStatus=7"]
  }
}
/** The delays grow (systemd 254 and later). */
const GROWING = [
  ...["Restart=always", "RestartSec=10ms", "RestartSteps=3", "RestartMaxDelaySec=3s"],
  "StartLimitIntervalSec=0"
]

const writeLayouts = async (layouts: string): Promise<void> => {
  await writeShellImages(layouts, "where", DIRECTORIES)
  await writeShellImages(layouts, "said", {
    ...OUTPUTS,
    ...FIRST,
    direct: "echo said",
    priority: "echo '<3>said'"
  })
  await writeShellImages(layouts, "again", {
    ...Object.fromEntries(Object.entries(RESTARTS).map(([ref, { line }]) => [ref, line])),
    growing: "exit 3"
  })
  const check = (Test: readonly string[]) => ({ Test, Interval: 1000 * MS, Retries: 1 })
  await writeShellImages(layouts, "sick", {
    never: { line: STAYS, config: { Healthcheck: check(["CMD", "false"]) } }
  })
  await writeShellImages(layouts, "stopped", {
    v1: { line: "", config: { Entrypoint: ["sh", "-c", `echo at last; ${STAYS}`] }, isApart: true }
  })
  await writeShellImages(layouts, "job", {
    one: 'echo "greeting<$GREETING> kept<$(cat /data/mark 2>/dev/null)>"; echo of one >/data/mark'
  })
  await writeShellImages(layouts, "misspelt", { v1: "echo ran" })
  await writeShellImages(layouts, "closed", {
    v1: { line: "echo ran", config: { User: "4711:4711", WorkingDir: "/closed/app" }, isApart: true }
  })
  await writeShellImages(layouts, "checked", {
    slow: { line: STAYS, config: { Healthcheck: check(["CMD", "sleep", "600"]) } }
  })
}

const dropIn = (settings: readonly string[]): string => {
  const ofUnit = settings.filter((line) => line.startsWith("StartLimit"))
  const ofService = settings.filter((line) => !line.startsWith("StartLimit"))
  return `[Unit]\n${ofUnit.join("\n")}\n[Service]\n${ofService.join("\n")}\n`
}

const reason = skipReason()
describe.skipIf(reason !== undefined).each(releases())(`images as built, on %s${reason ?? ""}`, (release) => {
  let machine: Machine
  beforeAll(async () => {
    machine = await installed(release, writeLayouts)
    await machine.write("/etc/oci-generator.conf", CONFIGURATION)
    const units = Object.entries({ ...RESTARTS, growing: { line: "exit 3", settings: GROWING } })
    for (const [ref, { line, settings }] of units) {
      await machine.write(`/etc/systemd/system/${shellUnit("again", ref)}.d/restart.conf`, dropIn(settings))
      await machine.write(
        `/etc/systemd/system/plain-${ref}.service`,
        `${dropIn(settings)}Type=exec\nExecStart=/bin/sh -c ${JSON.stringify(line)}\n`
      )
    }
    await machine.boot()
    await machine.run("mkdir -p /srv/app")
  })
  afterAll(async () => machine?.dispose())

  const systemctl = (...words: readonly string[]) => machine.run(["systemctl", ...words], { check: false })
  const property = async (unit: string, name: string) =>
    (await systemctl("show", "-P", name, unit)).stdout.trim()
  /** One program in the machine waits, since each look from here starts several. */
  const waitFor = async (unit: string, name: string, pattern: string) => {
    const { stdout } = await machine.run(
      `for i in $(seq 300); do v=$(systemctl show --value -p ${name} '${unit}' | tr -d '\\n' | sed 's/\\([a-z]\\)0$/\\1/'); case $v in ${pattern}) exit;; esac; sleep 0.2; done; echo "$v"; exit 1`,
      { check: false }
    )
    assert.strictEqual(stdout, "", `${unit}: ${name} is not ${pattern}\n${await journal(unit)}`)
  }
  /** Without a job: a unit that is restarted is inactive for a moment. */
  const ended = (unit: string) => waitFor(unit, "ActiveState,Job", "inactive|failed")
  /** What the unit's own process wrote, in this start and those before. */
  const journal = async (unit: string, ...words: readonly string[]) => {
    await machine.run(["journalctl", "--sync"])
    return (await machine.run(["journalctl", "-b", "-o", "cat", "-u", unit, ...words])).stdout
  }

  describe("the working directory", () => {
    it.each(Object.entries(DIRECTORIES))("%s is made where the image lacks it", async (ref, { config }) => {
      const unit = shellUnit("where", ref)
      const expected = `where<${(config as { WorkingDir: string }).WorkingDir} 0:0:755>`
      const times = async () => (await journal(unit)).split(expected).length - 1
      for (const round of [1, 2]) {
        await systemctl("start", unit)
        await ended(unit)
        assert.strictEqual(await times(), round, await journal(unit))
      }
      // What the service or the operator removes is made again.
      await machine.run("rm -rf /var/lib/oci/volumes/*/*/work /srv/app/here /var/lib/oci/volumes/*/*/b")
      await systemctl("start", unit)
      await ended(unit)
      assert.strictEqual(await times(), 3, await journal(unit))
    })
  })

  describe("the output", () => {
    const named = release === "bookworm" ? OUTPUTS : { ...OUTPUTS, ...FIRST }
    it.each(Object.entries(named))("opened by its name is in the journal: %s", async (ref) => {
      const unit = shellUnit("said", ref)
      await systemctl("start", unit)
      await ended(unit)
      assert.match(await journal(unit), /^said$/m)
      assert.match(await journal(unit, `OCI_IMAGE=example.org/said:${ref}`), /^said$/m)
      const { stdout } = await machine.run(["journalctl", "-b", "-o", "json", "-u", unit, "-g", "^said$"])
      assert.strictEqual(JSON.parse(stdout).SYSLOG_IDENTIFIER, unit.replace(/\.service$/, ""))
    })

    it("has the priorities that lines begin with", async () => {
      const unit = shellUnit("said", "priority")
      await systemctl("start", unit)
      await ended(unit)
      assert.match(await journal(unit, "-p", "3..3"), /^said$/m)
    })

    it("has nothing beside it from what mounts and unmounts the root", async () => {
      const unit = shellUnit("said", "stdout")
      const { stdout: cursor } = await machine.run(
        "journalctl --sync; journalctl -b -n 0 --show-cursor | sed -n 's/^-- cursor: //p'"
      )
      await systemctl("start", unit)
      await ended(unit)
      await waitFor(`oci-scratch@${unit}`, "ActiveState", "inactive")
      await machine.run("journalctl --sync")
      const { stdout } = await machine.run(
        [
          "journalctl",
          "-b",
          "-o",
          "cat",
          `--after-cursor=${cursor.trim()}`,
          "-u",
          `oci-prepare@${unit}`,
          "-u",
          `oci-scratch@${unit}`
        ],
        { check: false }
      )
      // systemd 262 finds no controller of numbers of processes in a container of nspawn, for any service.
      const said = stdout.split("\n").filter((line) => !/: Failed to read pids\.max /.test(line))
      assert.strictEqual(said.join("\n").replace(/^-- No entries --\n/, ""), "")
    })

    it("goes to the journal without a process between where the configuration says so", async () => {
      const unit = shellUnit("said", "direct")
      await systemctl("start", unit)
      await ended(unit)
      const { stdout } = await machine.run(["journalctl", "-b", "-o", "json", "-u", unit, "-g", "^said$"])
      assert.strictEqual(JSON.parse(stdout)._SYSTEMD_UNIT, unit)
    })
  })

  describe("restarts", () => {
    const result = async (unit: string) => ({
      restarts: await property(unit, "NRestarts"),
      result: await property(unit, "Result"),
      state: await property(unit, "ActiveState"),
      sub: await property(unit, "SubState")
    })
    it.each(Object.keys(RESTARTS))("are a plain service's: %s", async (ref) => {
      const units = [shellUnit("again", ref), `plain-${ref}.service`] as const
      for (const unit of units) {
        await systemctl("start", unit)
        await ended(unit)
      }
      assert.deepEqual(await result(units[0]), await result(units[1]))
      // Nothing of it is left behind.
      await waitFor(`oci-scratch@${units[0]}`, "ActiveState", "inactive")
      assert.notInclude((await machine.run("cat /proc/self/mountinfo")).stdout, `again.ref.${ref} `)
    })

    it.skipIf(release === "bookworm")("are delayed as a plain service's", async () => {
      const units = [shellUnit("again", "growing"), "plain-growing.service"] as const
      for (const unit of units) {
        await systemctl("start", unit)
        await waitFor(unit, "NRestarts", "[4-9]")
      }
      const [image, plain] = [
        await property(units[0], "RestartUSecNext"),
        await property(units[1], "RestartUSecNext")
      ]
      assert.strictEqual(image, plain)
      assert.strictEqual(image, "3s")
      for (const unit of units) await systemctl("stop", unit)
    })
  })

  describe("health", () => {
    it("restarts an unhealthy service as often as its limit of starts says, and then it is failed", async () => {
      const unit = shellUnit("sick", "never")
      await machine.write(
        `/etc/systemd/system/${unit}.d/limit.conf`,
        "[Unit]\nStartLimitBurst=3\nStartLimitIntervalSec=1\n"
      )
      await systemctl("daemon-reload")
      await systemctl("start", unit)
      await waitFor(unit, "ActiveState", "failed")
      const said = await journal(unit)
      assert.strictEqual(said.split("restarting the unhealthy service").length - 1, 3, said)
      assert.include(said, "unhealthy after 3 restarts in a row: killing the service, which has failed")
      assert.strictEqual(await property(unit, "Result"), "signal")
      // The count begins anew with the next start.
      await systemctl("start", unit)
      await machine.run(
        `journalctl -fu ${unit} -n all -o cat | grep -m 4 -c "restarting the unhealthy service"`
      )
      await systemctl("stop", unit)
    })

    it("fails nothing where the service is stopped during a check", async () => {
      const unit = shellUnit("checked", "slow")
      const health = `oci-health@${unit}`
      await machine.write(`/etc/systemd/system/${health}.d/failure.conf`, "[Unit]\nOnFailure=told.service\n")
      await machine.write(
        "/etc/systemd/system/told.service",
        "[Service]\nType=oneshot\nExecStart=/bin/true\n"
      )
      await systemctl("daemon-reload")
      await systemctl("start", unit)
      await waitFor(`oci-check@${unit}`, "MainPID", "[1-9]*")
      await systemctl("stop", unit)
      assert.strictEqual((await systemctl("--failed", "--plain", "--no-legend")).stdout, await failedBefore())
      assert.strictEqual(await property("told.service", "InactiveExitTimestampMonotonic"), "0")
      assert.strictEqual(await property(unit, "Result"), "success")
    })

    /** Units that other tests here have made fail. */
    const failedBefore = async () =>
      (await systemctl("--failed", "--plain", "--no-legend")).stdout
        .split("\n")
        .filter((line) => !line.includes("checked"))
        .join("\n")
  })

  it("a preparation that extracts says how far it is, and a stop ends it without a failure", async () => {
    const unit = shellUnit("stopped")
    // The preparation waits for this lock after the extraction, since systemd has to reload.
    await machine.run("mkdir -p /run/oci; systemd-run --unit=holder flock -o /run/oci/reload.lock sleep 600")
    await systemctl("start", "--no-block", unit)
    await machine.run(
      "for i in $(seq 300); do ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c reload.lock | grep -qx 2 && exit; sleep 0.2; done; exit 1"
    )
    await waitFor(`oci-prepare@${unit}`, "StatusText", "extracted")
    assert.match(await journal(unit), /: layer 1 of 1: \d+ entries, .* unpacked$/m)
    await systemctl("stop", unit)
    await waitFor(`oci-prepare@${unit}`, "ActiveState", "inactive")
    assert.strictEqual(await property(`oci-prepare@${unit}`, "Result"), "success")
    assert.include(await journal(unit), "was stopped: its root is not prepared any further")
    await waitFor(`oci-scratch@${unit}`, "ActiveState", "inactive")
    await systemctl("stop", "holder")
    await systemctl("start", unit)
    assert.match(await journal(unit), /^at last$/m)
  })

  it("a service has a name, a volume and drop-ins whatever the tag, if the section of its layout says so", async () => {
    const layout = "/var/lib/oci/layouts/example.org/job"
    await machine.write(
      "/etc/systemd/system/job.service.d/greeting.conf",
      "[Service]\nEnvironment=GREETING=hello\n"
    )
    await systemctl("daemon-reload")
    await systemctl("start", "job.service")
    await ended("job.service")
    assert.match(await journal(shellUnit("job", "one")), /^greeting<hello> kept<>$/m)
    await machine.run(`sed -i 's/"one"/"two"/' ${layout}/index.json`)
    await systemctl("daemon-reload")
    await systemctl("start", "job.service")
    await ended("job.service")
    assert.match(await journal(shellUnit("job", "two")), /^greeting<hello> kept<of one>$/m)
  })

  it("an image whose section has a misspelt key fails, says what was meant, and runs once it is right", async () => {
    const unit = shellUnit("misspelt")
    assert.notStrictEqual((await systemctl("start", unit)).code, 0)
    const said = await journal(unit)
    assert.include(said, 'unknown key "volum" in an [image …] section: did you mean volume or volumes?')
    assert.notMatch(said, /^ran$/m)
    await machine.write("/etc/oci-generator.conf", CONFIGURATION.replace("volum =", "volume ="))
    await machine.run("mkdir -p /srv/n")
    await systemctl("daemon-reload")
    await systemctl("start", unit)
    await ended(unit)
    assert.match(await journal(unit), /^ran$/m)
  })

  it("a working directory that its user may not enter is told before the start", async () => {
    await machine.run("oci-systemd extract example.org/closed")
    const { stdout } = await machine.run("oci-systemd inspect example.org/closed")
    assert.include(
      stdout.replace(/\s+/g, " "),
      'its user 4711:4711 may not enter "/closed", on the way to the working directory "/closed/app"'
    )
    await systemctl("start", shellUnit("closed"))
    await ended(shellUnit("closed"))
    assert.strictEqual(await property(shellUnit("closed"), "ExecMainStatus"), "200")
  })

  it("a first start says nothing at the priority of errors", async () => {
    const unit = shellUnit("where", "in-volume")
    await machine.run(["journalctl", "--sync"])
    const { stdout } = await machine.run(["journalctl", "-b", "-p", "err", "-o", "short", "--no-hostname"], {
      check: false
    })
    const ours = stdout
      .split("\n")
      .filter((line) => /oci|example\.org\.(?:where|said|checked|stopped)/.test(line))
    assert.deepEqual(
      ours.filter((line) => !/said\.ref\.last|sick|restarts in a row|misspelt|closed/.test(line)),
      [],
      unit
    )
  })
})
