/** Root modes and volumes on real systemd: who may write where, what survives a restart, what a stop leaves. */
import { chmod, chown, link, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { LayoutWriter } from "../support/LayoutWriter.ts"
import { run } from "./support/Command.ts"
import { EXTRACTS, installed, LAYOUTS } from "./support/Installed.ts"
import { busyboxRootfs } from "./support/layouts.ts"
import { type Machine, releases, skipReason } from "./support/Machine.ts"
import { settled } from "./support/Waiting.ts"

const VOLUMES = "/var/lib/oci/volumes"
const unit = (name: string, ref: string) => `org.example.${name}.ref.${ref}.service`
const WRITER = {
  ephemeral: unit("writer", "eph"),
  persistent: unit("writer", "kept"),
  readonly: unit("writer", "fixed")
}
const STATIC = unit("static", "v1")
const KEEPER = unit("keeper", "v1")
const OTHER = unit("keeper", "v2")

/** Tries to write everywhere, and tells what of its last run is still there. */
const WRITER_SCRIPT = `#!/bin/sh
for place in / /usr /usr/bin /etc /var /srv/deep /root /run /tmp /var/tmp /run/app; do
  if [ -e "$place/mark" ]; then was=used; else was=fresh; fi
  if touch "$place/mark" 2>/dev/null; then can=yes; else can=no; fi
  echo "place<$place $can $was>"
done
echo again >> /etc/passwd 2>/dev/null && echo "file<yes>" || echo "file<no>"
mount -o remount,rw / 2>/dev/null && echo "remount<yes>" || echo "remount<no>"
mount -o remount,bind,rw / 2>/dev/null && echo "remount<yes>" || echo "remount<no>"
umount /run 2>/dev/null && echo "umount<yes>" || echo "umount<no>"
touch /usr/bin/mark2 2>/dev/null && echo "later<yes>" || echo "later<no>"
stat -c 'owner<%n %a %u:%g>' /run/app /tmp /run
cat /run/app/seed
echo "said<all>"
exec sleep 100000
`

/** What the volumes hold, and that they can be written. */
const KEEPER_SCRIPT = `#!/bin/sh
stat -c 'volume<%n %F %a %u:%g %h %Y>' /data /data/* /data/nested/* "/with blank" /missing/deep
echo "link<$(readlink /data/out)>"
[ -e /data/mine ] && echo "kept<$(cat /data/mine)>"
echo "$1" > /data/mine; echo "$1" > /data/nested/mine
for place in "/with blank" /linked /missing/deep; do touch "$place/x" && echo "wrote<$place>"; done
[ -e /scratch/mine ] && echo "root<used>" || echo "root<fresh>"
touch /scratch/mine
[ -e /extra ] && { cat /extra/given; touch /extra/x 2>/dev/null && echo "extra<written>" || echo "extra<not written>"; }
echo "said<all>"
exec sleep 100000
`

const ID = { uid: 4242, gid: 4243 }

const writeLayouts = async (directory: string): Promise<void> => {
  const work = await mkdtemp(join(tmpdir(), "oci-roots-"))
  try {
    const rootfs = await busyboxRootfs(join(work, "rootfs"))
    const at = (path: string) => join(rootfs, path)
    for (const path of [
      "srv/deep",
      "run/app",
      "data/nested",
      "data/sub",
      "with blank",
      "target",
      "scratch",
      "srv/a"
    ]) {
      await mkdir(at(path), { recursive: true })
    }
    await writeFile(at("bin/writer"), WRITER_SCRIPT, { mode: 0o755 })
    await writeFile(at("bin/keeper"), KEEPER_SCRIPT, { mode: 0o755 })
    await writeFile(at("run/app/seed"), "seed<of the image>\n")
    await writeFile(at("data/file"), "of the image\n")
    await link(at("data/file"), at("data/same"))
    await symlink("/etc/shadow", at("data/out"))
    await symlink("../target", at("srv/linked"))
    await symlink("/srv/linked", at("linked"))
    await symlink("/etc/../../../../../..", at("upwards"))
    await writeFile(at("data/nested/inner"), "")
    await chmod(at("data"), 0o2750)
    await chmod(at("run/app"), 0o3775)
    for (const path of ["run/app", "data", "data/nested", "with blank", "target", "scratch"])
      await chown(at(path), ID.uid, ID.gid)
    await run(["setfattr", "-n", "user.note", "-v", "kept", at("data/file")])
    await run(["touch", "-d", "@1000000000", at("data/file"), at("data")])
    const archive = join(work, "rootfs.tar")
    await run(["tar", "--xattrs", "--xattrs-include=*", "-C", rootfs, "-cf", archive, "."])
    const tar = await readFile(archive)

    const layout = (name: string, images: Readonly<Record<string, object>>, content: Uint8Array = tar) => {
      const writer = new LayoutWriter(join(directory, "example.org", name))
      const named = Object.entries(images).map(([ref, config]) =>
        writer.named(ref, writer.image({ config }, {}, content))
      )
      writer.index(...named)
    }
    const writer = { Entrypoint: ["/bin/writer"], StopSignal: "SIGKILL" }
    layout("writer", { eph: writer, kept: writer, fixed: writer })
    const volumes = {
      "/data": {},
      "/data/nested/": {},
      "/with blank": {},
      "/linked": {},
      "/missing/deep": {},
      "/": {},
      "/proc/x": {}
    }
    const keeper = (said: string) => ({
      Entrypoint: ["/bin/keeper", said],
      User: "app",
      StopSignal: "SIGKILL",
      Volumes: volumes
    })
    layout("keeper", { v1: keeper("one"), v2: keeper("two") })
    layout("odd", {
      v1: { Entrypoint: ["/bin/sleep", "1000"], Volumes: { "/etc/passwd": {} } },
      v2: { Entrypoint: ["/bin/sleep", "1000"], Volumes: { "../upwards": {} } }
    })
    const one = join(work, "static")
    await mkdir(one)
    await run(["cp", at("bin/busybox"), join(one, "busybox")])
    await run(["tar", "-C", one, "-cf", join(work, "static.tar"), "busybox"])
    const only = await readFile(join(work, "static.tar"))
    layout(
      "static",
      {
        v1: {
          Entrypoint: ["/busybox", "sleep", "1000"],
          WorkingDir: "/made/here",
          StopSignal: "SIGKILL",
          Volumes: { "/data": {} }
        }
      },
      only
    )
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

const CONFIGURATION = `[image example.org/*:kept]
root = persistent
[image example.org/*:fixed]
root = readonly
[image example.org/static:*]
root = readonly
`

const reason = skipReason()
describe.skipIf(reason !== undefined).each(releases())(
  `roots and volumes on %s${reason ?? ""}`,
  (release) => {
    let machine: Machine
    beforeAll(async () => {
      machine = await installed(release, writeLayouts)
      await machine.write("/etc/oci-generator.conf", CONFIGURATION)
      await machine.boot()
    })
    afterAll(async () => machine?.dispose())

    const said = async (name: string, times = 1): Promise<string> => {
      for (;;) {
        const journal = await machine.journal(name)
        const parts = journal.split("said<all>")
        if (parts.length > times) return parts[times - 1] ?? ""
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
    const systemctl = (...words: readonly string[]) => machine.run(["systemctl", ...words])
    /** Every name, mode, owner, size, time and link count of the extracts. */
    const extracts = async () =>
      (await machine.run(`find ${EXTRACTS}/roots/*/*/*/ -printf '%p %y %m %U:%G %s %T@ %n %l\\n' | sort`))
        .stdout
    const places = (text: string): Readonly<Record<string, string>> =>
      Object.fromEntries(
        [...text.matchAll(/^place<(\S+) (\w+) (\w+)>$/gm)].map(([, place, can, was]) => [
          place,
          `${can} ${was}`
        ])
      )

    describe.each(["ephemeral", "persistent", "readonly"] as const)("root = %s", (mode) => {
      const name = WRITER[mode]
      let before: string

      it("is written, or not, as the mode says", async () => {
        await systemctl("start", name)
        before = await extracts()
        const text = await said(name)
        const open = mode === "readonly" ? "no" : "yes"
        for (const [place, found] of Object.entries(places(text))) {
          const always = /^\/(?:run|tmp|var\/tmp)/.test(place)
          assert.strictEqual(found, `${always ? "yes" : open} fresh`, place)
        }
        assert.lengthOf(Object.keys(places(text)), 11)
        assert.include(text, `file<${open}>`)
        assert.include(text, `later<${open}>`)
        assert.notInclude(text, "remount<yes>")
        assert.notInclude(text, "umount<yes>")
      })

      it("has what the image has in the places that are always writable", async () => {
        const text = await said(name)
        assert.include(text, "seed<of the image>")
        assert.include(text, "owner</run/app 3775 4242:4243>")
        assert.include(text, "owner</tmp 1777 0:0>")
        assert.include(text, "owner</run 755 0:0>")
      })

      it("keeps over a restart what the mode says", async () => {
        await systemctl("restart", name)
        for (const [place, found] of Object.entries(places(await said(name, 2)))) {
          if (mode === "persistent" && !place.startsWith("/run")) assert.strictEqual(found, "yes used", place)
          else assert.match(found, / fresh$/, place)
        }
      })

      it("is held by no service of the host that was started meanwhile with mounts of its own", async () => {
        await machine.run(
          "systemd-run --quiet --unit=meanwhile -p Type=exec -p PrivateMounts=yes sleep infinity"
        )
        const pid = (await machine.run("systemctl show -P MainPID meanwhile")).stdout.trim()
        const held = async () =>
          (await machine.run(`grep -c /run/oci/roots/ /proc/${pid}/mountinfo || :`)).stdout.trim()
        assert.notStrictEqual(await held(), "0")
        await systemctl("stop", name)
        await settled(machine)
        assert.strictEqual(await held(), "0")
        await systemctl("stop", "meanwhile")
        await systemctl("start", name)
      })

      it("leaves nothing but what is kept when it stops, and has not touched the extract", async () => {
        await systemctl("stop", name)
        await settled(machine)
        const scratch = (await machine.run(`ls ${EXTRACTS}/scratch`)).stdout.trim()
        assert.strictEqual(scratch, mode === "persistent" ? "org.example.writer.ref.kept" : "")
        assert.strictEqual(
          (await machine.run("grep -c /run/oci /proc/self/mountinfo || :")).stdout.trim(),
          "0"
        )
        assert.strictEqual(await extracts(), before)
        // The next mode starts with as little.
        if (mode === "persistent") await machine.run(`rm -rf ${EXTRACTS}/scratch/*`)
      })
    })

    it("runs an image of a single file from a root that cannot be written", async () => {
      await systemctl("start", STATIC)
      const before = await extracts()
      const pid = (await systemctl("show", "-P", "MainPID", STATIC)).stdout.trim()
      assert.strictEqual(
        (await machine.run(`ls /proc/${pid}/root`)).stdout.split("\n").filter(Boolean).sort().join(" "),
        "busybox data dev etc made proc run sys tmp var"
      )
      assert.strictEqual((await machine.run(`readlink /proc/${pid}/cwd`)).stdout.trim(), "/made/here")
      const refused = await machine.run(`touch /proc/${pid}/root/x`, { check: false })
      assert.include(refused.stderr, "Read-only file system")
      await machine.run(`touch /proc/${pid}/root/data/x /proc/${pid}/root/run/x`)
      await systemctl("stop", STATIC)
      assert.strictEqual(await extracts(), before)
      assert.include(
        (await machine.run(`find ${EXTRACTS}/roots/*/*/*/ -name busybox -path '*/busybox'`)).stdout,
        "/busybox"
      )
    })

    describe("volumes", () => {
      it("are made once, as the image has them", async () => {
        await systemctl("start", KEEPER)
        const text = await said(KEEPER)
        assert.include(text, "volume</data directory 2750 4242:4243")
        assert.match(text, /volume<\/data\/file regular file 644 0:0 2 1000000000>/)
        assert.match(text, /volume<\/data\/same regular file 644 0:0 2 1000000000>/)
        assert.match(text, /volume<\/data\/nested\/inner regular empty file/)
        assert.match(text, /volume<\/with blank directory 755 4242:4243/)
        assert.match(text, /volume<\/missing\/deep directory 755 0:0/)
        assert.include(text, "link</etc/shadow>")
        assert.include(text, "wrote</with blank>")
        assert.include(text, "wrote</linked>")
        const own = `${VOLUMES}/org.example.keeper.ref.v1`
        assert.deepEqual((await machine.run(`ls -A ${own}`)).stdout.split("\n").filter(Boolean).sort(), [
          "data",
          "data%2Fnested",
          "linked",
          "missing%2Fdeep",
          "with blank"
        ])
        assert.strictEqual((await machine.run(`stat -c %a ${own}`)).stdout.trim(), "700")
        assert.strictEqual((await machine.run(`cat ${own}/data%2Fnested/mine`)).stdout, "one\n")
        const attribute = await run([
          "getfattr",
          "--only-values",
          "-n",
          "user.note",
          join(machine.root, own, "data/file")
        ])
        assert.strictEqual(attribute.stdout, "kept")
      })

      it("outlive a restart that forgets the root, and are never filled again", async () => {
        await machine.run(`rm ${VOLUMES}/org.example.keeper.ref.v1/data/same`)
        await systemctl("restart", KEEPER)
        const text = await said(KEEPER, 2)
        assert.include(text, "kept<one>")
        assert.include(text, "root<fresh>")
        assert.notInclude(text, "/data/same")
      })

      it("belong to one reference alone, and are told by inspect", async () => {
        await systemctl("start", OTHER)
        assert.notInclude(await said(OTHER), "kept<")
        assert.strictEqual(
          (
            await machine.run(
              `cat ${VOLUMES}/org.example.keeper.ref.v1/data/mine ${VOLUMES}/org.example.keeper.ref.v2/data/mine`
            )
          ).stdout,
          "one\ntwo\n"
        )
        const inspected = (await machine.run(["oci-systemd", "inspect", "example.org/keeper:v1"])).stdout
        assert.match(inspected, /^ +\/data +\/var\/lib\/oci\/volumes\/org\.example\.keeper\.ref\.v1\/data$/m)
        assert.include(inspected, "the volume / is not kept: it is the whole root")
        assert.include(inspected, "the volume /proc/x is not kept")
        await systemctl("stop", OTHER, KEEPER)
      })

      it("are directories of the host where the configuration says so", async () => {
        await machine.write("/srv/given/given", "given<by the host>\n")
        await machine.write(
          "/etc/oci-generator.conf.d/volumes.conf",
          "[image example.org/keeper:*]\nvolume = /srv/made:/data\nvolume = /srv/given:/extra:ro\n"
        )
        await systemctl("daemon-reload")
        await systemctl("start", KEEPER)
        const text = await said(KEEPER, 3)
        assert.include(text, "given<by the host>")
        assert.include(text, "extra<not written>")
        assert.include(text, "volume</data directory 2750 4242:4243")
        assert.notInclude(text, "/data/file")
        assert.strictEqual((await machine.run("cat /srv/made/mine")).stdout, "one\n")
        await systemctl("stop", KEEPER)
        await machine.run("rm /etc/oci-generator.conf.d/volumes.conf")
        await systemctl("daemon-reload")
      })

      it("are directories: a file in their place is told, and so is a link to the root", async () => {
        for (const [ref, why] of [
          ["v1", "the volume /etc/passwd is a file in the image, not a directory"],
          ["v2", "the volume /upwards leads to the root itself"]
        ] as const) {
          assert.notStrictEqual(
            (await machine.run(["systemctl", "start", unit("odd", ref)], { check: false })).code,
            0
          )
          await machine.run(["journalctl", "--sync"])
          const status = await machine.run(["systemctl", "status", "--full", unit("odd", ref)], {
            check: false
          })
          assert.include(status.stdout, why)
        }
      })
    })

    it("has written no extract in all this, and its layouts are as they were", async () => {
      assert.strictEqual(
        (
          await machine.run(
            `find ${EXTRACTS}/roots/*/*/*/ \\( -name mark -o -name mine -o -name mark2 -o -name x \\)`
          )
        ).stdout,
        ""
      )
      assert.include((await machine.run(`ls ${LAYOUTS}/example.org`)).stdout, "keeper")
    })
  }
)
