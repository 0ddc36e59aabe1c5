/** The keys of the configuration that say how an image's process runs, on real systemd, as an operator uses them. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { LayoutWriter } from "../support/LayoutWriter.ts"
import { run } from "./support/Command.ts"
import { installed } from "./support/Installed.ts"
import { busyboxRootfs } from "./support/layouts.ts"
import { type Machine, releases, skipReason } from "./support/Machine.ts"

const service = (name: string, ref = "v1") => `org.example.${name}.ref.${ref}.service`
const check = (name: string) => `oci-check@org.example.${name}.ref.v1.service`

const STAY = `#!/bin/sh
trap 'exit 0' TERM
while :; do sleep 0.05; done
`

const writeLayouts = async (directory: string): Promise<void> => {
  const work = await mkdtemp(join(tmpdir(), "oci-keys-"))
  try {
    const rootfs = await busyboxRootfs(join(work, "rootfs"))
    await run(["mkdir", join(rootfs, "opt")])
    await writeFile(join(rootfs, "opt/stay"), STAY, { mode: 0o755 })
    const archive = join(work, "rootfs.tar")
    await run(["tar", "-C", rootfs, "-cf", archive, "."])
    const tar = await readFile(archive)
    const image = (name: string, config: object) => {
      const layout = new LayoutWriter(join(directory, "example.org", name))
      const manifest = layout.image({ config }, {}, tar)
      layout.index(layout.named("v1", manifest), layout.named("v2", manifest))
    }
    image("worker", { Cmd: ["stay"], User: "app", Env: ["PATH=/bin", "MODE=image", "KEPT=yes"] })
    image("able", { User: "app" })
    image("owner", {})
    image("device", { Cmd: ["/opt/stay"], User: "app" })
    image("strict", {})
    image("refused", { Cmd: ["/opt/stay"] })
    image("base", { Env: ["PATH=/opt:/bin"] })
    image("tool", { Entrypoint: ["/opt/stay", "entrypoint"], Cmd: ["image's command"], WorkingDir: "/opt" })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

const CONFIGURATION = `[image example.org/worker:*]
env = PATH=/opt:/bin
env = MODE=configuration
env = GREETING=hello "world"; it's 100% $HOME  \\n # no comment
env = "LINES= a\\nb "
env = LC_ALL=C
envfile = /etc/worker.env
envfile = -/etc/missing.env
healthcmd = echo "environment<$(base64 -w 0 /proc/$$/environ)>"
healthinterval = 1h
[image example.org/base:v1]
entrypoint = stay one "two words" '' %h $HOME ; \\x41
[image example.org/base:v2]
command = ["sh", "-c", "exec /opt/stay \\"$0\\"", "by a shell"]
[image example.org/tool:v1]
command = --set "a b"
[image example.org/able:*]
entrypoint = sh -c '"$@"; echo "ended $?"' sh
[image example.org/able:v1]
command = arping -c 1 -w 1 -I lo 127.0.0.1
[image example.org/able:v2]
command = arping -c 1 -w 1 -I lo 127.0.0.1
capabilities = +NET_RAW
[image example.org/owner:v1]
entrypoint = sh -c 'touch /tmp/x; chown 5:5 /tmp/x; echo "ended $?"'
[image example.org/owner:v2]
entrypoint = sh -c 'touch /tmp/x; chown 5:5 /tmp/x; echo "ended $?"'
capabilities = -cap_chown
[image example.org/strict:*]
profile = strict
entrypoint = sh -c 'touch /tmp/x; chown 5:5 /tmp/x; echo "chown $?"; arping -c 1 -w 1 -I lo 127.0.0.1; echo "ended $?"'
[image example.org/strict:v2]
capabilities = +CHOWN +NET_RAW
[image example.org/device:v1]
devices = /dev/zero:/dev/given:r
devices = /dev/net/tun
entrypoint = sh -c 'head -c 3 /dev/given | od -An -tx1; ls -l /dev/net/tun; exec /opt/stay'
healthcmd = echo "given<$(head -c 2 /dev/given | od -An -tx1)>"
healthinterval = 1h
[image example.org/device:v2]
devices = /dev/missing
[image example.org/refused:v1]
capabilities = +MKNOD
[image example.org/refused:v2]
capabilities = +NET_ROW
[image example.org/tool:v2]
entrypoint = ./stay
`

/** A file that uses all that systemd reads in it, and that would harm perl and every dynamic program of the host. */
const ENV_FILE = `# a comment
; another
FROM_FILE=one
MODE=file
LANG=de_DE.UTF-8
QUOTED="two words"
SINGLE='a "b" $c \\n'
ESCAPED=a\\ b\\\\c\\
d
DOUBLE="x\\"y\\\\z\\$w\\n\\
v"
  SPACED  =  value with  "blanks"   
EMPTY=
LINES_OF_FILE="first
second"
JOINED="a"'b'c
LD_PRELOAD=/nonexistent.so
PERL5OPT=-Mnonexistent
export NOT=taken
1NOT=taken
LAST=\\x`

const EXPECTED: Readonly<Record<string, string>> = {
  PATH: "/opt:/bin",
  KEPT: "yes",
  HOME: "/home/app",
  GREETING: `hello "world"; it's 100% $HOME  \\n # no comment`,
  LINES: " a\nb ",
  LC_ALL: "C",
  FROM_FILE: "one",
  MODE: "file",
  LANG: "de_DE.UTF-8",
  QUOTED: "two words",
  SINGLE: 'a "b" $c \\n',
  ESCAPED: "a b\\cd",
  DOUBLE: 'x"y\\z$w\\nv',
  SPACED: 'value with  "blanks"',
  EMPTY: "",
  LINES_OF_FILE: "first\nsecond",
  JOINED: "abc",
  LD_PRELOAD: "/nonexistent.so",
  PERL5OPT: "-Mnonexistent",
  LAST: "x"
}

/** Variables of systemd's own, which differ from start to start. */
const OF_SYSTEMD = /^(?:INVOCATION_ID|JOURNAL_STREAM|SYSTEMD_EXEC_PID|MEMORY_PRESSURE_\w+)$/

const environmentOf = (base64: string): Record<string, string> =>
  Object.fromEntries(
    Buffer.from(base64, "base64")
      .toString("utf8")
      .split("\0")
      .filter((entry) => entry !== "")
      .map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)] as const)
      .filter(([name]) => !OF_SYSTEMD.test(name))
  )

const reason = skipReason()
describe.skipIf(reason !== undefined).each(releases())(`keys on %s${reason ?? ""}`, (release) => {
  let machine: Machine
  beforeAll(async () => {
    machine = await installed(release, writeLayouts)
    await machine.write("/etc/oci-generator.conf", CONFIGURATION)
    await machine.write("/etc/worker.env", ENV_FILE, 0o600)
    await machine.boot()
  })
  afterAll(async () => machine?.dispose())

  const start = async (name: string, ref = "v1"): Promise<void> => {
    const { code } = await machine.run(["systemctl", "restart", service(name, ref)], { check: false })
    if (code !== 0) assert.fail((await machine.run("journalctl -b -n 80 --no-pager -o cat")).stdout)
  }
  const inside = async (name: string, script: string, ref = "v1"): Promise<string> =>
    (await machine.run(`pid=$(systemctl show -P MainPID ${service(name, ref)}); ${script}`, { check: false }))
      .stdout
  const checkOf = async (name: string): Promise<string> => {
    await machine.run(["systemctl", "start", check(name)])
    const found = [...(await machine.journal(check(name))).matchAll(/environment<(.*)>/g)]
    return found[found.length - 1]?.[1] ?? assert.fail(await machine.journal(check(name)))
  }

  describe("env and envfile", () => {
    it("are the service's environment, literally, a file above all else, and nothing of the host's", async () => {
      await start("worker")
      assert.deepStrictEqual(
        environmentOf(await inside("worker", "base64 -w 0 /proc/$pid/environ")),
        EXPECTED
      )
      // PATH of the configuration found it.
      assert.match(await inside("worker", "tr '\\0' ' ' </proc/$pid/cmdline"), /\/opt\/stay/)
    })

    it("are the health check's too, and not those of programs of the host", async () => {
      assert.deepStrictEqual(environmentOf(await checkOf("worker")), EXPECTED)
    })

    it("a file is read again at each start, and removes nothing that it does not set", async () => {
      await machine.write("/etc/worker.env", "FROM_FILE=two\n")
      await start("worker")
      const changed = environmentOf(await inside("worker", "base64 -w 0 /proc/$pid/environ"))
      assert.include(changed, { FROM_FILE: "two", MODE: "configuration", LC_ALL: "C" })
      assert.doesNotHaveAnyKeys(changed, ["LANG", "USER", "LOGNAME", "SHELL", "QUOTED"])
      assert.deepStrictEqual(environmentOf(await checkOf("worker")), changed)
    })

    it("a file that is missing is a start that fails and says so, and a check that fails", async () => {
      await machine.run("mv /etc/worker.env /etc/away.env")
      assert.include(
        await machine
          .run(
            `systemctl start ${check("worker")}; journalctl --sync; journalctl -o cat -u ${check("worker")}`
          )
          .then(({ stdout }) => stdout),
        "the check cannot be made: /etc/worker.env: No such file"
      )
      assert.notStrictEqual(
        (await machine.run(["systemctl", "restart", service("worker")], { check: false })).code,
        0
      )
      assert.match(await machine.journal(service("worker")), /Failed to load environment files: No such file/)
      await machine.run("mv /etc/away.env /etc/worker.env")
      await start("worker")
    })

    it("are in inspect, each with its line", async () => {
      const { stdout } = await machine.run(["oci-systemd", "inspect", "--json", "example.org/worker:v1"])
      const { directives } = JSON.parse(stdout)[0] ?? JSON.parse(stdout)
      const source = (value: string) =>
        directives.find(
          (each: { unit: string; value: string }) => each.unit === service("worker") && each.value === value
        )?.source.text
      assert.strictEqual(source('"MODE=configuration"'), "/etc/oci-generator.conf:3: env")
      assert.strictEqual(source('"KEPT=yes"'), "image: Env")
      assert.strictEqual(source("-/etc/missing.env"), "/etc/oci-generator.conf:8: envfile")
    })
  })
  describe("entrypoint and command", () => {
    const argvOf = async (name: string, ref: string): Promise<readonly string[]> => {
      await start(name, ref)
      return (await inside(name, "tr '\\0' '\\n' </proc/$pid/cmdline", ref)).split("\n").slice(0, -1)
    }

    it("run an image that has no command, two references to it in two ways", async () => {
      assert.deepStrictEqual(await argvOf("base", "v1"), [
        ...["/bin/sh", "/opt/stay", "one", "two words", "", "%h", "$HOME", ";", "A"]
      ])
      assert.deepStrictEqual(await argvOf("base", "v2"), ["/bin/sh", "/opt/stay", "by a shell"])
      // Neither has taken the facts of the other away.
      await machine.run(["systemctl", "daemon-reload"])
      for (const ref of ["v1", "v2"]) {
        const { stdout: unit } = await machine.run(["systemctl", "cat", service("base", ref)])
        assert.include(unit, "\nRootDirectory=")
      }
      assert.notMatch((await machine.run(["oci-systemd", "list"])).stdout, /neither an entrypoint/)
    })

    it("replace what the image has, as the options of podman do", async () => {
      assert.deepStrictEqual(await argvOf("tool", "v1"), [
        ...["/bin/sh", "/opt/stay", "entrypoint", "--set", "a b"]
      ])
      assert.deepStrictEqual(await argvOf("tool", "v2"), ["/bin/sh", "/opt/stay"])
    })
  })
  describe("capabilities", () => {
    /** Runs a service to its end, and returns what it printed. */
    const ended = async (name: string, ref: string): Promise<string> => {
      await machine.run(["systemctl", "start", service(name, ref)])
      for (;;) {
        await machine.run("journalctl --sync")
        const said = await machine.journal(service(name, ref))
        if (/ended \d/.test(said)) return said
        const { stdout: state } = await machine.run([
          "systemctl",
          "show",
          "-P",
          "ActiveState",
          service(name, ref)
        ])
        if (!state.startsWith("active")) return machine.journal(service(name, ref))
      }
    }
    // A raw socket tells of what is missing when it is opened; without addresses, lo cannot be asked after that.
    const REFUSED = /not permitted|not supported/i

    it("+NET_RAW lets a user other than root open a packet socket", async () => {
      assert.match(await ended("able", "v1"), REFUSED)
      const said = await ended("able", "v2")
      assert.notMatch(said, REFUSED)
      assert.match(said, /ARPING|ended/)
    })

    it("-CHOWN takes it from root", async () => {
      assert.include(await ended("owner", "v1"), "ended 0")
      assert.match(await ended("owner", "v2"), /not permitted[\s\S]*ended 1/)
    })

    it("of strict have an effect too", async () => {
      assert.match(await ended("strict", "v1"), /chown 1[\s\S]*not (?:permitted|supported)/)
      const said = await ended("strict", "v2")
      assert.include(said, "chown 0")
      assert.notMatch(said, REFUSED)
    })

    it("that cannot be given make a start that fails and says why", async () => {
      for (const [ref, message] of [
        ["v1", "capabilities = +MKNOD needs profile = trusted"],
        ["v2", '"NET_ROW" is not a capability of Linux: did you mean NET_RAW?']
      ] as const) {
        const { code } = await machine.run(["systemctl", "start", service("refused", ref)], { check: false })
        assert.notStrictEqual(code, 0)
        assert.include(await machine.journal(service("refused", ref)), message)
      }
    })
  })
  describe("devices", () => {
    it("are in the service's own /dev, and may be used by it and by its health check", async () => {
      await start("device")
      for (let said = ""; !/c[rw-]+ .* \/dev\/net\/tun/.test(said); ) {
        await machine.run("journalctl --sync")
        said = await machine.journal(service("device"))
        if (/No such file|not permitted/.test(said)) assert.fail(said)
      }
      assert.match(await machine.journal(service("device")), /00 00 00/)
      await machine.run(["systemctl", "start", check("device")])
      await machine.run("journalctl --sync")
      assert.match(await machine.journal(check("device")), /given< *00 00>/)
      for (const unit of [service("device"), check("device")]) {
        const { stdout } = await machine.run([
          "systemctl",
          "show",
          "-P",
          "DeviceAllow",
          "-P",
          "DevicePolicy",
          unit
        ])
        assert.match(stdout, /closed/)
        assert.match(stdout, /\/dev\/zero r\b/)
        assert.match(stdout, /\/dev\/net\/tun rw\b/)
      }
    })

    it("that are missing make a start that fails and says so", async () => {
      const { code } = await machine.run(["systemctl", "start", service("device", "v2")], { check: false })
      assert.notStrictEqual(code, 0)
      assert.include(
        (await machine.run(["systemctl", "status", "-n", "50", service("device", "v2")], { check: false }))
          .stdout,
        "the device /dev/missing is missing on this host"
      )
    })
  })
})
