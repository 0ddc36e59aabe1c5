/** The commands for people on real systemd: enabling over reboots, collecting beside running services, and doctor's eye. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { LayoutWriter, sha256 } from "../support/LayoutWriter.ts"
import { run } from "./support/Command.ts"
import { EXTRACTS, installed, LAYOUTS } from "./support/Installed.ts"
import { busyboxRootfs } from "./support/layouts.ts"
import { type Machine, releases, skipReason } from "./support/Machine.ts"

const APP = "example.org/app:v1"
const UNIT = "org.example.app.ref.v1.service"
const OTHER = "example.org/other:v1"

/** A layout of one image, whose program says which version it is. */
const writeImage = async (layouts: string, name: string, version: string): Promise<void> => {
  const work = await mkdtemp(join(tmpdir(), "oci-cli-"))
  try {
    const rootfs = await busyboxRootfs(join(work, "rootfs"))
    await writeFile(
      join(rootfs, "bin/app"),
      `#!/bin/sh\necho "version<${version}>"\ntrap 'exit 0' TERM\nwhile :; do cat /version; sleep 1 & wait; done\n`,
      { mode: 0o755 }
    )
    await writeFile(join(rootfs, "version"), `reads<${version}>\n`)
    const archive = join(work, "layer.tar")
    await run(["tar", "--numeric-owner", "--sort=name", "--mtime=@0", "-cf", archive, "-C", rootfs, "."])
    const tar = await readFile(archive)
    const layout = new LayoutWriter(join(layouts, name))
    layout.index(
      // Where a bare name of a program leads, only the root tells: such units are final after an extraction.
      layout.named(
        "v1",
        layout.image(
          { config: { Entrypoint: ["app"] }, rootfs: { type: "layers", diff_ids: [sha256(tar)] } },
          {},
          tar
        )
      )
    )
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

const reason = skipReason()
if (reason !== undefined) console.warn(`the commands are not tried on machines: ${reason}`)

describe.skipIf(reason !== undefined).each(releases())("the commands on %s", (release) => {
  let machine: Machine
  const state = async () => (await machine.run(`systemctl is-active ${UNIT}`, { check: false })).stdout.trim()
  const cli = (command: string) => machine.run(`oci-systemd ${command}`, { check: false })
  /** Of a command that works. */
  const json = async (command: string) => {
    const { code, stderr, stdout } = await cli(`${command} --json`)
    assert.equal(code, 0, stderr)
    return JSON.parse(stdout)
  }

  beforeAll(async () => {
    machine = await installed(release, async (directory) => {
      await writeImage(directory, "example.org/app", "one")
      await writeImage(directory, "example.org/other", "other")
    })
    await machine.boot()
  })
  afterAll(() => machine?.dispose())

  it("doctor finds nothing amiss", async () => {
    const { code: exitCode, stdout } = await cli("doctor --json")
    const diagnoses = JSON.parse(stdout)
    assert.deepEqual(
      diagnoses.filter(({ status }: { status: string }) => status === "problem"),
      []
    )
    assert.equal(exitCode, 0)
    for (const check of ["systemd", "overlay", "file system", "generator", "units", "unit files", "users"]) {
      const diagnosis = diagnoses.find((each: { check: string }) => each.check === check)
      assert.equal(diagnosis?.status, "ok", JSON.stringify(diagnosis))
    }
  })

  it("enable --now starts it, and every boot does", async () => {
    const enabled = await cli(`enable --now ${APP}`)
    assert.equal(enabled.code, 0, enabled.stderr)
    assert.equal(
      enabled.stdout,
      `Created /etc/oci-generator.conf.d/50-enabled-example.org%2Fapp:v1.conf: multi-user.target starts ${UNIT}.\n`
    )
    assert.equal(await state(), "active")
    assert.match((await cli(`enable ${APP}`)).stdout, /^Nothing to do: multi-user\.target starts /)
    await machine.reboot()
    assert.equal(await state(), "active")
    const [image] = await json(`list ${APP}`)
    assert.deepInclude(image, { enabled: true, enabledBy: ["multi-user.target"], extracted: true })
    assert.match(
      (await cli(`inspect ${APP}`)).stdout,
      /multi-user\.target\.wants\/org\.example\.app\.ref\.v1\.service/
    )
  })

  it("who is not root gets status 5 with a hint, and no error where there is nothing to do", async () => {
    const user = (command: string) =>
      machine.run(`setpriv --reuid=65534 --regid=65534 --clear-groups oci-systemd ${command}`, {
        check: false
      })
    const manifest = "/usr/local/lib/oci-systemd-generator/installed.json"
    await machine.run("mkdir -p /usr/local/lib/oci-systemd-generator")
    await machine.write(
      manifest,
      JSON.stringify({ version: "0", directories: [], files: [], configuration: null })
    )
    for (const command of ["uninstall", `disable ${APP}`, `enable ${OTHER}`, `enable --now ${APP}`]) {
      const { code, stderr } = await user(command)
      assert.equal(code, 5, `${command}: ${stderr}`)
      assert.match(
        stderr,
        /^error: .*(\n {2}.*)*\n {2}hint: this needs root: run it with sudo, or as root\n$/
      )
    }
    await machine.run(`rm ${manifest}`)
    const { code, stderr, stdout } = await user(`disable ${OTHER}`)
    assert.deepEqual([code, stderr], [0, ""])
    assert.match(stdout, /^Nothing to do: /)
    assert.equal(await state(), "active")
  })

  it("extract says when systemd has to reload, and inspect which drop-ins there are", async () => {
    assert.include((await cli(`inspect ${OTHER}`)).stdout, "units are final only after extraction")
    const dropIn = "/etc/systemd/system/org.example.other.ref.v1.service.d/nice.conf"
    await machine.write(dropIn, "[Service]\nNice=1\n")
    const { code, stderr } = await cli(`extract ${OTHER}`)
    assert.equal(code, 0)
    assert.match(
      stderr,
      /^info: run systemctl daemon-reload: .* finished units of example\.org\/other:v1 yet/m
    )
    await machine.run("systemctl daemon-reload")
    assert.notInclude((await cli(`extract ${OTHER}`)).stderr, "daemon-reload")
    const inspection = await json(`inspect ${OTHER}`)
    assert.deepEqual(inspection.dropIns, [dropIn])
    // Below 257 nothing keeps an image that runs as root from the host's processes, and inspect says so.
    const walls = inspection.notes.filter((note: string) => note.includes("can take over the host"))
    assert.lengthOf(walls, release === "bookworm" ? 1 : 0)
    assert.lengthOf(inspection.notes, walls.length)
    await machine.run(`rm ${dropIn}; systemctl daemon-reload`)
  })

  it("enable of an image that cannot run says why, and with --now what systemd says", async () => {
    const layout = new LayoutWriter(join(machine.root, LAYOUTS, "example.org/base"))
    layout.index(layout.named("v1", layout.image({ config: {} })))
    const reason = "example.org/base:v1: the image has neither an entrypoint nor a command"
    const enabled = await cli("enable example.org/base:v1")
    assert.equal(enabled.code, 0, enabled.stderr)
    assert.match(enabled.stdout, /^Created /)
    assert.equal(
      enabled.stderr,
      `warning: ${reason}: until that is fixed, org.example.base.ref.v1.service fails when it is started\n`
    )
    const started = await cli("enable --now example.org/base:v1")
    assert.equal(started.code, 1)
    assert.equal(started.stderr, `error: ${reason}: it was enabled, but not started\n`)
    await machine.write(
      "/etc/systemd/system/org.example.other.ref.v1.service.d/fails.conf",
      "[Service]\nExecStartPre=/bin/nothing\n"
    )
    const failed = await cli(`enable --now ${OTHER}`)
    assert.equal(failed.code, 1)
    assert.match(
      failed.stderr,
      /^error: systemctl start -- org\.example\.other\.ref\.v1\.service failed:\n {4}Job for .*\n {4}See .*\n$/
    )
    await cli(`disable ${OTHER}`)
    await machine.run("rm -r /etc/systemd/system/org.example.other.ref.v1.service.d")
    assert.equal((await cli("disable example.org/base:v1")).code, 0)
    await rm(layout.path, { recursive: true })
    await machine.run("systemctl daemon-reload; systemctl reset-failed")
  })

  it("gc leaves the root of a running service alone, also after its image moved on", async () => {
    await cli(`extract ${OTHER}`)
    const before = await json(`inspect ${APP}`)
    const nothing = await json("gc")
    assert.deepEqual([nothing.removed, nothing.kept], [[], []])
    await writeImage(join(machine.root, LAYOUTS), "example.org/app", "two")
    await rm(join(machine.root, LAYOUTS, "example.org/other"), { recursive: true })
    const dry = await json("gc --dry-run")
    const outcome = await json("gc")
    assert.deepEqual(dry.removed, outcome.removed)
    const kept = outcome.kept.filter(({ kind }: { kind: string }) => kind === "root")
    assert.lengthOf(kept, 1)
    assert.equal(kept[0].path, before.root)
    assert.match(kept[0].reason, /^in use by /)
    assert.equal(outcome.removed.filter(({ kind }: { kind: string }) => kind === "root").length, 1)
    assert.equal(await state(), "active")
    assert.include(
      (await machine.run(`journalctl --sync; journalctl -n 3 --no-pager -o cat -u ${UNIT}`)).stdout,
      "reads<one>"
    )
    await machine.run(`systemctl daemon-reload; systemctl restart ${UNIT}`)
    assert.include(await machine.journal(UNIT), "version<two>")
    const after = await json("gc")
    assert.deepEqual(after.kept, [])
    assert.deepEqual(
      after.removed
        .filter(({ kind }: { kind: string }) => kind === "root")
        .map(({ path }: { path: string }) => path),
      [before.root]
    )
    const verified = await cli("verify --deep")
    assert.equal(verified.code, 0, verified.stdout + verified.stderr)
    assert.equal(await state(), "active")
  })

  it("starts of a service whose image changes each time succeed while gc runs again and again", async () => {
    const layout = `${LAYOUTS}/example.org/app`
    for (const version of ["three", "four"]) {
      await writeImage(join(machine.root, LAYOUTS), "example.org/app", version)
      await machine.run(`cp ${layout}/index.json /tmp/${version}.json`)
    }
    await machine.run(
      "systemd-run --quiet --unit=collecting sh -c 'while :; do oci-systemd gc || exit; done'"
    )
    for (let round = 0; round < 8; round++) {
      const version = round % 2 === 0 ? "three" : "four"
      await machine.run(`cp /tmp/${version}.json ${layout}/new && mv ${layout}/new ${layout}/index.json`)
      const { code, stderr } = await machine.run(
        `systemctl reset-failed ${UNIT}; systemctl restart ${UNIT}`,
        { check: false }
      )
      assert.equal(code, 0, stderr + (await machine.journal(UNIT)))
      assert.equal(await state(), "active")
    }
    await machine.run("systemctl stop collecting")
    assert.notInclude(await machine.journal("collecting"), "error")
    assert.equal((await cli("verify --deep")).code, 0)
    await machine.run(`systemctl daemon-reload && systemctl restart ${UNIT}`)
    const { removed } = await json("gc")
    assert.isAtMost(removed.filter(({ kind }: { kind: string }) => kind === "root").length, 1)
    assert.match(await machine.journal(UNIT), /version<four>/)
  })

  it("gc does not enter what is mounted in an extract, and refuses without layouts", async () => {
    await machine.run(`mkdir -p /srv/precious && touch /srv/precious/file`)
    const hex = "ab".repeat(32)
    const root = `${EXTRACTS}/roots/sha256/ab/${hex}`
    await machine.run(`mkdir -p ${root}/mnt && mount --bind /srv/precious ${root}/mnt`)
    const outcome = await json("gc")
    assert.deepEqual(
      outcome.kept.map(({ path }: { path: string }) => path),
      [root]
    )
    await machine.run(`umount ${root}/mnt && test -e /srv/precious/file`)
    await machine.run(`mv ${LAYOUTS} ${LAYOUTS}.away`)
    const refused = await cli("gc")
    assert.equal(refused.code, 1)
    assert.match(
      refused.stderr,
      /^error: nothing is removed: the layouts directory .* is missing\n {2}hint: /
    )
    await machine.run(`mv ${LAYOUTS}.away ${LAYOUTS}`)
    assert.deepEqual(
      (await json("gc")).removed.map(({ path }: { path: string }) => path),
      [root]
    )
  })

  it("disable --now stops it, and it stays off", async () => {
    const disabled = await cli(`disable --now ${UNIT}`)
    assert.equal(disabled.code, 0, disabled.stderr)
    assert.match(disabled.stdout, /^Removed \/etc\/oci-generator\.conf\.d\/50-enabled-/)
    assert.equal(await state(), "inactive")
    await machine.reboot()
    assert.equal(await state(), "inactive")
  })

  it("doctor says what to do on a machine that was spoiled", async () => {
    const advice = async (check: string) => {
      const { code: exitCode, stdout } = await cli("doctor --json")
      const diagnosis = JSON.parse(stdout).find((each: { check: string }) => each.check === check)
      return { exitCode, ...diagnosis }
    }
    await machine.run("touch /etc/oci-generator.conf && cp -a /etc/oci-generator.conf /tmp/conf")
    await machine.write("/etc/oci-generator.conf", "[image *]\nroot = persistent\n")
    assert.deepInclude(await advice("units"), { exitCode: 0, status: "warning" })
    await machine.run("systemctl daemon-reload")
    assert.equal((await advice("units")).status, "ok")
    await machine.run(
      "mkdir -p /etc/systemd/system-generators && ln -s /dev/null /etc/systemd/system-generators/oci-systemd-generator"
    )
    assert.deepInclude(await advice("generator"), {
      exitCode: 1,
      status: "problem",
      advice: "rm /etc/systemd/system-generators/oci-systemd-generator"
    })
    // Which a reload would not change.
    assert.equal((await advice("units")).status, "skipped")
    await machine.run("rm /etc/systemd/system-generators/oci-systemd-generator")
    await machine.run("sed -i 's/systemd//g' /etc/nsswitch.conf")
    assert.match((await advice("users")).advice, /nsswitch\.conf/)
    await machine.run(`mkdir -p /mnt/x && mount -t tmpfs -o noexec,nosuid tmpfs ${EXTRACTS}`)
    assert.deepInclude(await advice("mount"), { exitCode: 1, status: "problem" })
    await machine.run(`umount ${EXTRACTS}`)
  })
})
