/** What `oci-systemd diff` lists of real services: in each kind of root, over a stop, and after the layout has changed. */
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { LayoutWriter } from "../support/LayoutWriter.ts"
import { run } from "./support/Command.ts"
import { installed, LAYOUTS } from "./support/Installed.ts"
import { busyboxRootfs } from "./support/layouts.ts"
import { type Machine, releases, skipReason } from "./support/Machine.ts"
import { settled } from "./support/Waiting.ts"

const unit = (name: string, ref: string) => `org.example.${name}.ref.${ref}.service`

/** Changes what it can, and says when it has. */
const WRITER = `#!/bin/sh
echo more >> /etc/passwd
rm /etc/link
rm -r /usr/replaced; mkdir /usr/replaced; echo 123 > /usr/replaced/new
mv /usr/moved /usr/renamed
mkdir -p /srv/data/a/b; echo 1234 > /srv/data/a/b/c; echo 12 > /srv/data/d
chmod 700 /opt
echo x > /volume/x; echo x > /run/x; echo x > /made/here/x
echo "said<all>"
exec sleep 100000
`

const writeVersions = async (directory: string): Promise<void> => {
  const rootfs = await busyboxRootfs(join(directory, "rootfs"))
  const at = (path: string) => join(rootfs, path)
  for (const path of ["usr/replaced", "usr/moved", "opt"]) await mkdir(at(path), { recursive: true })
  for (const path of ["usr/replaced/old", "usr/moved/file"]) await writeFile(at(path), "old\n")
  await symlink("passwd", at("etc/link"))
  await writeFile(at("bin/writer"), WRITER, { mode: 0o755 })
  const single = join(directory, "single")
  await mkdir(join(single, "usr/bin"), { recursive: true })
  await cp(at("bin/busybox"), join(single, "usr/bin/busybox"))
  for (const version of ["one", "two"]) {
    await writeFile(at("etc/version"), `${version}\n`)
    // What the service writes to is another file in the second version.
    await writeFile(at("usr/moved/file"), `${version}\n`)
    const layout = async (from: string, name: string, config: object, ...refs: readonly string[]) => {
      const tar = join(directory, "layer.tar")
      await run(["tar", "-C", from, "-cf", tar, "."])
      const content = await readFile(tar)
      const writer = new LayoutWriter(join(directory, version, name))
      writer.index(
        ...refs.map((ref) =>
          writer.named(ref, writer.image({ config: { StopSignal: "SIGKILL", ...config } }, {}, content))
        )
      )
    }
    const config = { Entrypoint: ["/bin/writer"], WorkingDir: "/made/here", Volumes: { "/volume": {} } }
    await layout(rootfs, "writer", config, "eph", "kept", "fixed")
    await layout(single, "single", { ...config, Entrypoint: ["/usr/bin/busybox", "sleep", "1000"] }, "v1")
  }
}

const CONFIGURATION = `[image example.org/*:kept]
root = persistent
[image example.org/*:fixed]
root = readonly
`

const reason = skipReason()
describe.skipIf(reason !== undefined).each(releases())(`diff on %s${reason ?? ""}`, (release) => {
  let machine: Machine
  let versions: string
  beforeAll(async () => {
    versions = await mkdtemp(join(tmpdir(), "oci-diff-"))
    await writeVersions(versions)
    machine = await installed(release, (directory) =>
      cp(join(versions, "one"), join(directory, "example.org"), { recursive: true })
    )
    await machine.write("/etc/oci-generator.conf", CONFIGURATION)
    await machine.boot()
  })
  afterAll(async () => {
    await machine?.dispose()
    await rm(versions, { recursive: true, force: true })
  })

  const diff = (...words: readonly string[]) => machine.run(["oci-systemd", "diff", ...words])
  const lines = async (...words: readonly string[]) =>
    (await diff(...words)).stdout.split("\n").filter((line) => line !== "")
  const start = async (ref: string) => {
    await machine.run(["systemctl", "start", unit("writer", ref)])
    while (!(await machine.journal(unit("writer", ref))).includes("said<all>"))
      await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const stop = async (ref: string) => {
    await machine.run(["systemctl", "stop", unit("writer", ref)])
    await settled(machine)
  }
  const put = async (version: "one" | "two") => {
    await rm(join(machine.root, LAYOUTS, "example.org"), { recursive: true })
    await cp(join(versions, version), join(machine.root, LAYOUTS, "example.org"), { recursive: true })
    await machine.run(["systemctl", "daemon-reload"])
  }

  it("says in one sentence that there is nothing, where the service does not run", async () => {
    const { stderr, stdout } = await diff("example.org/writer:eph")
    assert.strictEqual(stdout, "")
    assert.match(stderr, /^example\.org\/writer:eph does not run, and its root is ephemeral: .*\n$/)
    assert.match((await diff("example.org/writer:kept")).stderr, /has written nothing to its root/)
  })

  it("lists nothing of what was made for the service, even where the image is a single file", async () => {
    await machine.run(["systemctl", "start", unit("single", "v1")])
    const { stderr, stdout } = await diff("example.org/single:v1")
    assert.strictEqual(stdout, "")
    assert.match(stderr, /has written nothing to its root/)
    const upper = "/var/lib/oci/extracts/scratch/org.example.single.ref.v1/upper"
    assert.includeMembers((await machine.run(`ls ${upper}`)).stdout.split("\n"), MADE)
  })

  it("lists what the service has changed, and says that it is lost", async () => {
    await start("eph")
    assert.deepStrictEqual(await lines("example.org/writer:eph"), CHANGES)
    assert.match((await diff("example.org/writer:eph")).stderr, /^All of this is lost when the service stops/)
    const all = await lines("--all", "example.org/writer:eph")
    assert.includeMembers([...all], [...CHANGES, "A /srv/data/a/b/c  5 B", "A /usr/replaced/new  4 B"])
    const json = JSON.parse((await diff("--json", unit("writer", "eph"))).stdout)
    assert.deepStrictEqual(json.at(-1), {
      change: "changed",
      path: "/usr/replaced",
      type: "directory",
      before: "directory",
      files: 1,
      size: 4
    })
  })

  it("compares with the image that runs, and not with the one that the layout has by now", async () => {
    await put("two")
    assert.deepStrictEqual(await lines("example.org/writer:eph"), CHANGES)
    await stop("eph")
    assert.deepStrictEqual(await lines("example.org/writer:eph"), [])
    await put("one")
  })

  it("lists a root that is kept whether or not its service runs, and compares it with the next image", async () => {
    await start("kept")
    assert.deepStrictEqual(await lines("example.org/writer:kept"), CHANGES)
    await stop("kept")
    assert.deepStrictEqual(await lines("example.org/writer:kept"), CHANGES)
    assert.match((await diff("example.org/writer:kept")).stderr, /^This is kept when the service stops/)
    await put("two")
    await machine.run("oci-systemd gc")
    const refused = await machine.run("oci-systemd diff example.org/writer:kept", { check: false })
    assert.strictEqual(refused.code, 1)
    assert.include(refused.stderr, "hint: oci-systemd extract example.org/writer:kept")
    await machine.run("oci-systemd extract example.org/writer:kept")
    assert.deepStrictEqual(await lines("example.org/writer:kept"), CHANGES)
  })

  it("says that a root is read-only", async () => {
    await machine.run(["systemctl", "start", unit("writer", "fixed")])
    const { stderr, stdout } = await diff("--json", "example.org/writer:fixed")
    assert.deepStrictEqual(JSON.parse(stdout), [])
    assert.match(stderr, /^The root of example\.org\/writer:fixed is read-only/)
  })

  it("needs root", async () => {
    const denied = await machine.run(
      "setpriv --reuid=nobody --clear-groups oci-systemd diff example.org/writer:kept",
      {
        check: false
      }
    )
    assert.strictEqual(denied.code, 5)
    assert.include(denied.stderr, "hint: this needs root")
  })
})

const CHANGES = [
  "D /etc/link",
  "C /etc/passwd  178 B",
  "A /made/here/x  2 B",
  "C /opt",
  "A /srv  2 files, 8 B",
  "D /usr/moved",
  "A /usr/renamed  1 file, 4 B",
  "C /usr/replaced  1 file, 4 B"
]

/** What systemd makes in the root of such an image, the mount points, and the working directory. */
const MADE = ["bin", "dev", "made", "proc", "root", "run", "sys", "var", "volume"]
