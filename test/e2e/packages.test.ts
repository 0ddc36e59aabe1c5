/** On real machines, with services running: the Debian package installed, upgraded, removed and purged; a build installed and uninstalled. */
import { createHash } from "node:crypto"
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs"
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { gunzipSync } from "node:zlib"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { run } from "./support/Command.ts"
import { EXTRACTS, LAYOUTS } from "./support/Installed.ts"
import { busyboxRootfs, umociImage } from "./support/layouts.ts"
import { Machine, releases, skipReason } from "./support/Machine.ts"
import { requireOrSkip, whyNoTool } from "./support/Requirements.ts"

const TOP = fileURLToPath(new URL("../../", import.meta.url))
const CLI = join(TOP, "dist/oci-systemd.cjs")
const NAME = "oci-systemd-generator"
const CONFIGURATION = "/etc/oci-generator.conf"

const unit = (ref: string) => `org.example.app.ref.${ref}.service`
/** Their roots are thrown away, and kept. */
const [FRESH, KEPT] = [unit("fresh"), unit("kept")]
const EDITED = "[image example.org/app:kept]\nroot = persistent\n"

/** Ends when it is told to, also as the first process of its own. */
const SCRIPT = "trap 'exit 0' TERM; echo mine > /mark; echo mine > /data/mark; sleep 100000 & wait"

const writeLayouts = async (directory: string): Promise<void> => {
  const work = await mkdtemp(join(tmpdir(), "oci-packages-"))
  try {
    const rootfs = await busyboxRootfs(join(work, "rootfs"))
    const config = [
      "--config.entrypoint=/bin/sh",
      "--config.cmd=-c",
      `--config.cmd=${SCRIPT}`,
      "--config.volume=/data"
    ]
    for (const ref of ["fresh", "kept"])
      await umociImage(join(directory, "example.org/app"), ref, { rootfs, config })
  } finally {
    await rm(work, { recursive: true })
  }
}

/** Each file and link below a directory: mode, and what is in it. */
const describeTree = (root: string, path = ""): ReadonlyArray<readonly [path: string, what: string]> =>
  readdirSync(join(root, path)).flatMap((name) => {
    const here = join(path, name)
    const file = join(root, here)
    const stat = lstatSync(file)
    if (stat.isDirectory()) return describeTree(root, here)
    if (stat.isSymbolicLink()) return [[here, `-> ${readlinkSync(file)}`] as const]
    const content = here.endsWith(".gz") ? gunzipSync(readFileSync(file)) : readFileSync(file)
    const mode = (stat.mode & 0o7777).toString(8)
    return [
      [here.replace(/\.gz$/, ""), `${mode} ${createHash("sha256").update(content).digest("hex")}`] as const
    ]
  })

const missing =
  [...["dpkg-deb", "dpkg-shlibdeps", "strip"].map(whyNoTool)].find((reason) => reason !== undefined) ??
  (existsSync(CLI) ? undefined : "npm run build makes dist")

describe.skipIf(requireOrSkip(missing))("the Debian package", () => {
  let work: string
  let deb: string
  /** A later version, and not compressed: that would take half a minute. */
  let later: string
  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), "oci-packages-"))
    const env = { DPKG_DEB_COMPRESSOR_LEVEL: "1" }
    await run(["node", join(TOP, "scripts/deb.mjs"), work], { timeout: 300_000, env })
    deb = join(work, (await readdir(work)).find((name) => name.endsWith(".deb")) ?? "")
    later = join(work, "later.deb")
    await run(["dpkg-deb", "--raw-extract", deb, join(work, "raw")])
    await run(["sed", "-i", "s/^Version: .*/&+later/", join(work, "raw/DEBIAN/control")])
    await run(["dpkg-deb", "--root-owner-group", "-Znone", "--build", join(work, "raw"), later])
  })
  afterAll(() => rm(work, { recursive: true, force: true }))

  it("has what oci-systemd install puts in place, and Debian's own documents", async () => {
    const installed = join(work, "installed")
    await mkdir(installed)
    await run([join(work, "bin/oci-systemd"), "install", "--root", installed, "--prefix", "/usr"])
    const packaged = describeTree(join(work, "raw")).filter(
      ([path]) => !/^DEBIAN\/|^usr\/share\/(?:doc|lintian)\//.test(path)
    )
    assert.deepEqual(
      packaged
        .map(([path, what]) => [path.replace("zsh/vendor-completions", "zsh/site-functions"), what])
        .sort(),
      describeTree(installed)
        .filter(([path]) => path !== `usr/lib/${NAME}/installed.json`)
        .map((entry) => [...entry])
        .sort()
    )
  })

  it.skipIf(requireOrSkip(whyNoTool("lintian")))("is as Debian wants its packages", async () => {
    const { stdout } = await run(["lintian", "--allow-root", "--fail-on", "none", deb], { timeout: 300_000 })
    assert.strictEqual(stdout, "")
  })

  const reason = skipReason()
  describe.skipIf(reason !== undefined).each(releases())(`on %s${reason ?? ""}`, (release) => {
    let machine: Machine
    let pids: readonly string[]
    beforeAll(async () => {
      machine = await Machine.create(release, {
        files: { "/srv/oci.deb": deb, "/srv/later.deb": later },
        setup: async (root) => {
          await mkdir(join(root, LAYOUTS), { recursive: true })
          await writeLayouts(join(root, LAYOUTS))
        }
      })
      await machine.boot()
      // The programs have their own.
      await machine.run("rm /usr/bin/node")
    })
    afterAll(async () => machine?.dispose())

    const systemctl = (...words: readonly string[]) => machine.run(["systemctl", ...words])
    const show = async (property: string) =>
      (await systemctl("show", "-P", property, FRESH, KEPT)).stdout.trim().split(/\n+/)
    const has = async (path: string) => (await machine.run(["test", "-e", path], { check: false })).code === 0

    it("installs: there are services, which start", async () => {
      await machine.run(["dpkg", "--install", "/srv/oci.deb"])
      assert.deepEqual(await show("LoadState"), ["loaded", "loaded"])
      assert.match((await machine.run(["oci-systemd", "list"])).stdout, /^example\.org\/app:fresh /m)
      await machine.write(CONFIGURATION, EDITED)
      await machine.run(["oci-systemd", "enable", KEPT])
      await systemctl("daemon-reload")
      await systemctl("start", FRESH, KEPT)
      assert.deepEqual(await show("ActiveState"), ["active", "active"])
      assert.strictEqual(
        (await systemctl("show", "-P", "Description", "oci.slice")).stdout,
        "Services of OCI Images\n"
      )
      pids = await show("MainPID")
    })

    it("upgrades: services go on, and an edited configuration stays", async () => {
      await machine.run(["dpkg", "--install", "/srv/later.deb"])
      assert.match((await machine.run(["dpkg-query", "-W", NAME])).stdout, /\+later$/m)
      assert.deepEqual(await show("ActiveState"), ["active", "active"])
      assert.deepEqual(await show("MainPID"), pids)
      assert.strictEqual(await machine.read(CONFIGURATION), EDITED)
    })

    it("is removed: services end in good order, their units are gone, what is theirs stays", async () => {
      await machine.run(["dpkg", "--remove", NAME])
      assert.deepEqual(await show("LoadState"), ["not-found", "not-found"])
      assert.deepEqual(await show("ActiveState"), ["inactive", "inactive"])
      const failed = await systemctl(
        ...["list-units", "--state=failed", "--plain", "--no-legend", "org.example.*", "oci*"]
      )
      assert.strictEqual(failed.stdout, "")
      assert.strictEqual(
        (await machine.run("ls /run/userdb /run/oci/users 2>/dev/null | grep oci- || :")).stdout,
        ""
      )
      assert.strictEqual((await machine.run("grep /run/oci/roots/ /proc/self/mountinfo || :")).stdout, "")
      assert.strictEqual(await machine.read(CONFIGURATION), EDITED)
      assert.isTrue(await has(`${EXTRACTS}/roots`))
      assert.isTrue(await has(`${LAYOUTS}/example.org/app/index.json`))
      assert.isFalse(await has(`/usr/lib/${NAME}`))
    })

    it("is installed again: the kept root is as it was left", async () => {
      await machine.run(["dpkg", "--install", "/srv/later.deb"])
      await systemctl("start", KEPT)
      const roots = (await machine.run("cat /var/lib/oci/extracts/scratch/*/upper/mark")).stdout
      assert.strictEqual(roots, "mine\n")
    })

    it("is purged while a service runs: what can be made again goes, layouts, volumes and kept roots do not", async () => {
      const { stderr } = await machine.run(["dpkg", "--purge", NAME])
      assert.match(stderr, /^layouts, volumes and kept roots stay in \/var\/lib\/oci/m)
      assert.deepEqual(await show("ActiveState"), ["inactive", "inactive"])
      assert.isFalse(await has(CONFIGURATION))
      assert.isFalse(await has(`${CONFIGURATION}.d`))
      assert.strictEqual((await machine.run(`ls ${EXTRACTS}`)).stdout, "scratch\n")
      assert.strictEqual((await machine.run(`cat ${EXTRACTS}/scratch/*/upper/mark`)).stdout, "mine\n")
      assert.strictEqual((await machine.run(`cat /var/lib/oci/volumes/*/data/mark`)).stdout, "mine\nmine\n")
      assert.isTrue(await has(`${LAYOUTS}/example.org/app/index.json`))
      assert.strictEqual((await machine.run(["dpkg", "--verify"])).stdout, "")
    })
  })
})

const noMachine = skipReason() ?? (existsSync(CLI) ? undefined : "npm run build makes dist")
describe.skipIf(requireOrSkip(noMachine)).each(releases())(
  "a build that installs itself on %s",
  (release) => {
    let machine: Machine
    beforeAll(async () => {
      machine = await Machine.create(release, {
        files: { "/srv/dist": join(TOP, "dist") },
        setup: async (root) => {
          await mkdir(join(root, LAYOUTS), { recursive: true })
          await writeLayouts(join(root, LAYOUTS))
        }
      })
      await machine.boot()
    })
    afterAll(async () => machine?.dispose())

    const install = () => machine.run(["node", "/srv/dist/oci-systemd.cjs", "install"])
    const show = async (property: string) =>
      (await machine.run(["systemctl", "show", "-P", property, FRESH])).stdout.trim()
    const tree = async () => (await machine.run("find /usr/local /etc | sort")).stdout

    it("is there at once, goes on when it is installed again, and leaves nothing behind", async () => {
      const before = await tree()
      await install()
      await machine.run(["systemctl", "start", FRESH])
      const pid = await show("MainPID")
      await install()
      assert.strictEqual(await show("ActiveState"), "active")
      assert.strictEqual(await show("MainPID"), pid)

      const { stdout } = await machine.run(["oci-systemd", "uninstall"])
      assert.match(stdout, /^removed \d+ files; layouts, extracts and volumes were kept$/m)
      assert.strictEqual(await show("ActiveState"), "inactive")
      assert.strictEqual(await show("LoadState"), "not-found")
      assert.strictEqual(await tree(), before)
      assert.strictEqual((await machine.run("cat /var/lib/oci/volumes/*/data/mark")).stdout, "mine\n")
    })
  }
)
