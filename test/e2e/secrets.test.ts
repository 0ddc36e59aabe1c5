/** Secrets on real systemd: who gets them, when, and who does not. */
import { createHash } from "node:crypto"
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
import { until } from "./support/Waiting.ts"

const service = (name: string, ref = "v1") => `org.example.${name}.ref.${ref}.service`

/** Tells the sums of files, by what it can read as its user, and goes on. */
const READ = `#!/bin/sh
for file; do echo "$(id -u) $file <$(md5sum <"$file" | cut -d' ' -f1)>"; done
echo ready
trap 'exit 0' TERM
while :; do sleep 0.05; done
`

const writeLayouts = async (directory: string): Promise<void> => {
  const work = await mkdtemp(join(tmpdir(), "oci-secrets-"))
  try {
    const rootfs = await busyboxRootfs(join(work, "rootfs"))
    await run(["mkdir", join(rootfs, "opt")])
    await writeFile(join(rootfs, "opt/read"), READ, { mode: 0o755 })
    const layout = (name: string, tar: Buffer, config: object) => {
      const writer = new LayoutWriter(join(directory, "example.org", name))
      const manifest = writer.image({ config }, {}, tar)
      writer.index(...["v1", "persistent", "readonly", "strict"].map((ref) => writer.named(ref, manifest)))
    }
    const archive = async () => {
      await run(["tar", "-C", rootfs, "-cf", join(work, "rootfs.tar"), "."])
      return readFile(join(work, "rootfs.tar"))
    }
    const tar = await archive()
    layout("reader", tar, { User: "app", Entrypoint: ["/opt/read"] })
    layout("dropper", tar, {
      Cmd: ["sh", "-c", 'exec su -s /bin/sh app -c "exec /opt/read /run/secrets/plain"']
    })
    layout("missing", tar, { Entrypoint: ["/opt/read"] })
    // What is at the places of secrets is the image's choice.
    await run(["ln", "-s", "/opt/elsewhere", join(rootfs, "run/secrets")])
    await run(["ln", "-s", "../../../../../../etc/passwd", join(rootfs, "opt/link")])
    layout("hostile", await archive(), { User: "app", Entrypoint: ["/opt/read"] })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

const ENTRYPOINT = `#!/bin/bash
# file_env is that of the official image.
set -e
file_env() {
  local var="$1" fileVar="$1_FILE" val=""
  if [ "\${!fileVar:-}" ]; then val="$(< "\${!fileVar}")"; fi
  export "$var"="$val"
  unset "$fileVar"
}
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chown -R postgres "$PGDATA"
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  file_env POSTGRES_PASSWORD
  initdb --auth-host=scram-sha-256 --auth-local=scram-sha-256 --username=postgres --pwfile=<(printf '%s\\n' "$POSTGRES_PASSWORD") >/dev/null
fi
exec "$@"
`

const CONFIGURATION = `[image example.org/reader:*]
secret = plain
secret = encrypted:/etc/app/encrypted:envfile=ENCRYPTED_FILE
secret = encrypted:4242:4243:0400
secret = /etc/host.key:/home/app/host.key
secret = variable:env=VARIABLE
secret = plain:env=PLAIN
command = /run/secrets/plain /etc/app/encrypted /run/secrets/encrypted /home/app/host.key
healthcmd = echo "environment<$(base64 -w 0 /proc/$$/environ)> <$(md5sum </run/secrets/encrypted)>"
healthinterval = 1h
[image example.org/reader:persistent]
root = persistent
[image example.org/reader:readonly]
root = readonly
[image example.org/reader:strict]
profile = strict
[image example.org/dropper:*]
secret = plain
[image example.org/missing:v1]
secret = nowhere
[image example.org/missing:persistent]
secret = /etc/nowhere.key:env=KEY
[image example.org/missing:readonly]
secret = wrong:env=WRONG
[image example.org/missing:strict]
secret = plain:0:0
[image example.org/hostile:*]
secret = plain
secret = plain:/opt/link
command = /run/secrets/plain /opt/elsewhere/plain /opt/link
[image debian.org/programs:postgres]
secret = pgpass:envfile=POSTGRES_PASSWORD_FILE
volume = /etc/entrypoint.sh:/usr/local/bin/docker-entrypoint.sh:ro
`

const MARK = "Geheimnis"
const VALUES = {
  plain: `${MARK}-plain-1`,
  encrypted: `${MARK}-encrypted\nwith a line end\n`,
  variable: `${MARK} "quoted" 'single' \\ $HOME \`id\` %h # ;\n\tä€𝄞 -`,
  host: `${MARK}-host`,
  pgpass: `${MARK} "of" postgres\\`
}
const sum = (value: string) => createHash("md5").update(value).digest("hex")

const reason = skipReason()
describe.skipIf(reason !== undefined).each(releases())(`secrets on %s${reason ?? ""}`, (release) => {
  let machine: Machine
  beforeAll(async () => {
    const layout = await programs()
    machine = await installed(release, async (directory) => {
      await writeLayouts(directory)
      await copyTo(layout, join(directory, "debian.org/programs"))
    })
    await machine.write("/etc/oci-generator.conf", CONFIGURATION)
    await machine.write("/etc/entrypoint.sh", ENTRYPOINT, 0o755)
    await machine.write("/etc/host.key", VALUES.host, 0o600)
    await machine.write("/etc/credstore/plain", VALUES.plain, 0o600)
    await machine.write("/etc/credstore/wrong", "a\x1bb", 0o600)
    await machine.boot()
    for (const name of ["encrypted", "variable", "pgpass"] as const) await encrypt(name, VALUES[name])
  })
  afterAll(async () => machine?.dispose())

  /** A container has no TPM: the key is the host's. */
  const encrypt = (name: string, value: string) =>
    machine.run(
      `mkdir -p /etc/credstore.encrypted && rm -f /etc/credstore.encrypted/${name} && systemd-creds encrypt --with-key=host --name=${name} - /etc/credstore.encrypted/${name}`,
      { stdin: value }
    )
  const journal = () =>
    machine.run("journalctl --sync; journalctl -b --no-pager -o cat").then(({ stdout }) => stdout)
  /** Where the journal was before each service was started. */
  const cursors = new Map<string, string>()
  const restart = async (unit: string): Promise<void> => {
    const { stdout } = await machine.run(
      "journalctl --sync; journalctl -b -n 1 -o cat --show-cursor | tail -n 1"
    )
    cursors.set(unit, stdout.trim().replace(/^-- cursor: /, ""))
    const { code } = await machine.run(["systemctl", "restart", unit], { check: false })
    if (code !== 0) assert.fail(await journal())
  }
  /** Returns what the last start of a service has said of its files, once it has said all. */
  const said = async (unit: string): Promise<readonly string[]> => {
    const argv = ["journalctl", "-b", "-o", "cat", "-u", unit, `--after-cursor=${cursors.get(unit)}`]
    for (;;) {
      await machine.run("journalctl --sync")
      const isUp = (await machine.run(["systemctl", "is-active", unit], { check: false })).code === 0
      const lines = (await machine.run(argv)).stdout.split("\n")
      if (lines.includes("ready")) return lines.filter((line) => /^\d+ \//.test(line))
      assert.isTrue(isUp, lines.join("\n"))
    }
  }
  const environment = async (unit: string): Promise<readonly string[]> => {
    const { stdout } = await machine.run(`base64 -w 0 /proc/$(systemctl show -P MainPID ${unit})/environ`)
    return Buffer.from(stdout, "base64").toString("utf8").split("\0")
  }
  const expectAll = async (unit: string, { plain } = VALUES) => {
    assert.deepStrictEqual(await said(unit), [
      `4242 /run/secrets/plain <${sum(plain)}>`,
      `4242 /etc/app/encrypted <${sum(VALUES.encrypted)}>`,
      `4242 /run/secrets/encrypted <${sum(VALUES.encrypted)}>`,
      `4242 /home/app/host.key <${sum(VALUES.host)}>`
    ])
    assert.includeMembers(
      [...(await environment(unit))],
      [`VARIABLE=${VALUES.variable}`, `PLAIN=${plain}`, "ENCRYPTED_FILE=/etc/app/encrypted"]
    )
  }
  /** The unit that cleans up stops after its service, which `systemctl stop` does not wait for. */
  const isClean = async () => {
    await until(machine, "the end of all that was started", async () => {
      const { stdout } = await machine.run(["systemctl", "show", "-P", "ActiveState", "oci-scratch@*"])
      return !/^(?:active|deactivating)$/m.test(stdout)
    })
    const { stdout } = await machine.run(
      "grep -c /run/oci/secrets /proc/self/mountinfo; ls /run/oci/secrets; grep -rlF Geheimnis /run/oci /run/systemd /run/credentials",
      { check: false }
    )
    assert.strictEqual(stdout, "0\n")
  }

  it.each(["v1", "persistent", "readonly", "strict"])(
    "a user of the image reads files, and has variables: %s",
    async (ref) => {
      const unit = service("reader", ref)
      await restart(unit)
      await expectAll(unit)
      // And again in the root that this start has left.
      await restart(unit)
      await expectAll(unit)
      await machine.run(["systemctl", "stop", unit])
      await isClean()
    }
  )

  it("an image that begins as root reads them after it has changed its user", async () => {
    await restart(service("dropper"))
    assert.deepStrictEqual(await said(service("dropper")), [`4242 /run/secrets/plain <${sum(VALUES.plain)}>`])
    await machine.run(["systemctl", "stop", service("dropper")])
    await isClean()
  })

  it("a health check has the same", async () => {
    await restart(service("reader"))
    const check = "oci-check@org.example.reader.ref.v1.service"
    await machine.run(["systemctl", "start", check])
    const [, base64 = "", files] = /environment<(.*)> <(\w+)/.exec(await machine.journal(check)) ?? []
    const variables = Buffer.from(base64, "base64").toString("utf8").split("\0")
    assert.includeMembers(variables, [`VARIABLE=${VALUES.variable}`, "ENCRYPTED_FILE=/etc/app/encrypted"])
    assert.strictEqual(files, sum(VALUES.encrypted))
  })

  it("no value is in a unit, in what systemd shows, in the journal, in inspect, or on a disk", async () => {
    await restart(service("reader"))
    await restart(service("reader", "persistent"))
    const { stdout: shown } = await machine.run(
      `for unit in ${service("reader")} oci-prepare@${service("reader")} oci-check@${service("reader")} ${service("reader", "persistent")}; do systemctl show $unit; systemctl cat $unit; systemctl status -n 1000 $unit; done; oci-systemd inspect example.org/reader:v1; oci-systemd inspect --json example.org/reader:v1; oci-systemd dry-run; cat /run/systemd/generator/*.service`,
      { check: false }
    )
    assert.include(shown, "/run/secrets/plain")
    assert.notInclude(shown, MARK)
    assert.notInclude(await journal(), MARK)
    const { stdout: files } = await machine.run(
      "journalctl --sync; grep -raclF Geheimnis / --exclude-dir=proc --exclude-dir=sys --exclude-dir=run --exclude-dir=credstore",
      { check: false }
    )
    assert.deepStrictEqual(files.split("\n").filter(Boolean), ["/etc/host.key"])
    // Of the host's users, root alone has a way to them.
    const { code } = await machine.run(
      "setpriv --reuid=65534 --regid=65534 --clear-groups sh -c 'cat /run/oci/secrets/*/* /run/oci/roots/*/run/secrets/*'",
      { check: false }
    )
    assert.notStrictEqual(code, 0)
  })

  it("are in inspect by their names, each with its line", async () => {
    const { stdout } = await machine.run(["oci-systemd", "inspect", "--json", "example.org/reader:v1"])
    const { directives, secrets } = JSON.parse(stdout)[0] ?? JSON.parse(stdout)
    assert.deepStrictEqual(
      secrets.map((each: { secret: string; source: { text: string } }) => [each.secret, each.source.text]),
      [
        ["plain:/run/secrets/plain:0:0:0444", 2],
        ["encrypted:/etc/app/encrypted:0:0:0444:envfile=ENCRYPTED_FILE", 3],
        ["encrypted:/run/secrets/encrypted:4242:4243:0400", 4],
        ["/etc/host.key:/home/app/host.key:0:0:0444", 5],
        ["variable:env=VARIABLE", 6],
        ["plain:env=PLAIN", 7]
      ].map(([secret, line]) => [secret, `/etc/oci-generator.conf:${line}: secret`])
    )
    const sources = new Map(
      directives.map(
        (each: { key: string; value: string; source: { text: string } }) =>
          [`${each.key}=${each.value}`, each.source.text] as const
      )
    )
    assert.strictEqual(
      sources.get("LoadCredentialEncrypted=encrypted:/etc/credstore.encrypted/encrypted"),
      "/etc/oci-generator.conf:3: secret"
    )
    assert.strictEqual(
      sources.get("EnvironmentFile=/run/oci/secrets/org.example.reader.ref.v1/environment"),
      "/etc/oci-generator.conf:6, /etc/oci-generator.conf:7: secret"
    )
  })

  it("what has changed counts from the next start, also after a crash", async () => {
    const unit = service("reader")
    await restart(unit)
    const plain = `${MARK}-plain-2`
    await machine.write("/etc/credstore/plain", plain, 0o600)
    await expectAll(unit)
    await machine.run(
      `systemctl kill --signal=KILL ${unit}; while systemctl is-active -q ${unit}; do sleep 0.05; done`,
      {
        check: false
      }
    )
    await machine.run(`while systemctl is-active -q oci-scratch@${unit}; do sleep 0.05; done`, {
      check: false
    })
    await restart(unit)
    await expectAll(unit, { ...VALUES, plain })
    await machine.write("/etc/credstore/plain", VALUES.plain, 0o600)
    await machine.run(["systemctl", "stop", unit, service("reader", "persistent")])
    await isClean()
  })

  it.each([
    [
      "v1",
      "the secret nowhere is missing: it is neither in /etc/credstore.encrypted nor in /etc/credstore. To make it: systemd-creds encrypt --name=nowhere - /etc/credstore.encrypted/nowhere"
    ],
    ["persistent", "the secret /etc/nowhere.key is missing: this host has no such file"],
    ["readonly", "the secret wrong cannot be the variable WRONG: it has control characters, or is not UTF-8"],
    ["strict", "/etc/oci-generator.conf:26: secret = "]
  ])("what cannot be given makes a start that fails and says why: %s", async (ref, message) => {
    for (let start = 0; start < 2; start++) {
      const { code } = await machine.run(["systemctl", "start", service("missing", ref)], { check: false })
      assert.notStrictEqual(code, 0)
      const status = ["systemctl", "status", "-n", "50", "-l", "--no-pager", service("missing", ref)]
      assert.include((await machine.run(status, { check: false })).stdout, message)
      await isClean()
    }
  })

  it("a secret that cannot be decrypted makes a start that fails and says why", async () => {
    await machine.run("mkdir -p /etc/credstore.encrypted && echo nonsense >/etc/credstore.encrypted/nowhere")
    const { code } = await machine.run(["systemctl", "start", service("missing")], { check: false })
    assert.notStrictEqual(code, 0)
    assert.match(await machine.journal(`oci-prepare@${service("missing")}`), /CREDENTIALS/)
    await machine.run("rm /etc/credstore.encrypted/nowhere")
    await isClean()
  })

  it("links of an image lead to places in its root alone", async () => {
    await restart(service("hostile"))
    assert.deepStrictEqual(
      await said(service("hostile")),
      ["/run/secrets/plain", "/opt/elsewhere/plain", "/opt/link"].map(
        (path) => `4242 ${path} <${sum(VALUES.plain)}>`
      )
    )
    assert.notInclude(await machine.read("/etc/passwd"), MARK)
    await machine.run(["systemctl", "stop", service("hostile")])
    await isClean()
  })

  it("PostgreSQL takes its password from POSTGRES_PASSWORD_FILE", async () => {
    const unit = "org.debian.programs.ref.postgres.service"
    await restart(unit)
    const sql = async (password: string) =>
      machine.run(
        'PGPASSWORD=$(cat) chroot /run/oci/roots/org.debian.programs.ref.postgres /usr/lib/postgresql/17/bin/psql -h 127.0.0.1 -U postgres -Atc "SELECT 6 * 7" 2>&1',
        { check: false, stdin: password }
      )
    for (;;) {
      const { stdout } = await sql(VALUES.pgpass)
      if (stdout.trim() === "42") break
      if ((await machine.run(["systemctl", "is-active", unit], { check: false })).code !== 0)
        assert.fail(await journal())
      assert.notMatch(stdout, /authentication failed/)
    }
    assert.match((await sql("wrong")).stdout, /password authentication failed/)
    await machine.run(["systemctl", "stop", unit])
    await isClean()
  })
})
