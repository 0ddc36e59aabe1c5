/** The main job on real systemd: layouts written by umoci and skopeo run as services. */
import { createHash } from "node:crypto"
import { appendFile, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { EXTRACTS, installed, LAYOUTS } from "./support/Installed.ts"
import { busyboxRootfs, skopeoCopy, umociImage } from "./support/layouts.ts"
import { type Machine, type Release, releases, skipReason } from "./support/Machine.ts"
import { until } from "./support/Waiting.ts"

const STABLE = "com.myorg.myapp.ref.stable.service"
const ROOT = "com.myorg.asroot.ref.stable.service"
const OLD = "org.example.old.ref.v1.service"
const BROKEN = "com.myorg.broken.ref.stable.service"
const DAMAGED = "com.myorg.damaged.ref.stable.service"

/** The last line of a run of it. */
const RAN = /^root<(?:used|fresh)>$/gm

/** In a user namespace, as below 257 and in `strict`, a group beyond the user's own has no number: it is shown as nobody's. */
const ids = (release: Release): string =>
  release === "bookworm" ? "ids<4242 4243 4243 65534>" : "ids<4242 4243 4243 4300>"

/** Tells everything that the image asked for, then stays. */
const SHOW = `#!/bin/sh
for argument; do printf 'argument<%s>\\n' "$argument"; done
env | sort | sed 's/^/environment</; s/$/>/'
echo "ids<$(id -u) $(id -g) $(id -G)>"
echo "directory<$(pwd)>"
echo "process<$$>"
grep NoNewPrivs /proc/self/status
grep SigIgn /proc/self/status
yes 2>/dev/null | head -1 >/dev/null; echo 'pipeline<ends>'
echo "resolver<$(cat /etc/resolv.conf)>"
echo "zone<$(cat /etc/localtime)>"
echo "interfaces<$(ls /sys/class/net | tr '\\n' ' ')>"
if httpd -p 127.0.0.1:80 -h /tmp 2>/dev/null; then echo 'port<80>'; fi
if touch /written 2>/dev/null; then echo 'root<writable>'; fi
touch /run/written 2>/dev/null; touch /dev/shm/written && echo 'shared memory<writable>'
if [ -e /tmp/marker ]; then root=used; else root=fresh; fi
touch /tmp/marker
echo "root<$root>"
trap 'echo stopped; exit 0' USR1
while :; do sleep 0.1; done
`

const ARGUMENTS = [
  "plain",
  "100%q %n %%",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: nothing may expand it
  "$HOME ${PATH}",
  `double " single '`,
  "two  blanks ",
  ";",
  "",
  "back\\slash \\n",
  "new\nline",
  "é"
]
const ENVIRONMENT = ["SPECIAL=100%q $HOME \"quoted\" 'single' ; \\ end", "EMPTY=", "PATH=/opt/bin:/bin"]

const configure = (...extra: readonly string[]) => [
  "--config.entrypoint=show",
  ...ENVIRONMENT.map((entry) => `--config.env=${entry}`),
  "--config.workingdir=/srv/made/by prepare",
  "--config.stopsignal=SIGUSR1",
  "--config.exposedports=80/tcp",
  ...extra
]

const writeLayouts = async (directory: string): Promise<void> => {
  const work = await mkdtemp(join(tmpdir(), "oci-layouts-"))
  try {
    const rootfs = await busyboxRootfs(join(work, "rootfs"))
    await mkdir(join(rootfs, "opt/bin"), { recursive: true })
    await writeFile(join(rootfs, "opt/bin/show"), SHOW, { mode: 0o755 })
    const image = async (name: string, config: readonly string[]) => {
      await umociImage(join(work, name), "stable", { rootfs, config: [...config] })
      await setArguments(join(work, name))
      await mkdir(join(directory, "myorg.com"), { recursive: true })
      await skopeoCopy(join(work, name), "stable", join(directory, "myorg.com", name), "stable")
    }
    await image("myapp", configure("--config.user=app"))
    await image("asroot", configure())
    await image("broken", configure())
    await writeFile(join(rootfs, "etc/motd"), "layers of its own\n")
    await image("damaged", configure())
    await damage(join(directory, "myorg.com/broken"), "config")
    await damage(join(directory, "myorg.com/damaged"), "layer")
    await writeOldLayout(join(directory, "myorg.com/asroot"), join(directory, "example.org/old"))
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** umoci leaves empty arguments out, so the configuration gets them by hand; skopeo's copy then checks every digest. */
const setArguments = async (layout: string): Promise<void> => {
  const index = JSON.parse(await readFile(join(layout, "index.json"), "utf8"))
  const blobs = join(layout, "blobs/sha256")
  const edit = async (
    descriptor: { digest: string; size: number }, // biome-ignore lint/suspicious/noExplicitAny: the two documents differ, and JSON has no types
    change: (json: any) => Promise<void>
  ) => {
    const json = JSON.parse(await readFile(join(blobs, descriptor.digest.replace("sha256:", "")), "utf8"))
    await change(json)
    const bytes = Buffer.from(JSON.stringify(json))
    const hex = createHash("sha256").update(bytes).digest("hex")
    await writeFile(join(blobs, hex), bytes)
    Object.assign(descriptor, { digest: `sha256:${hex}`, size: bytes.length })
  }
  await edit(index.manifests[0], (manifest) =>
    edit(manifest.config, async (image) => {
      image.config.Cmd = ARGUMENTS
    })
  )
  await writeFile(join(layout, "index.json"), JSON.stringify(index))
}

/** One more byte than the descriptor says, in the image's configuration or in its lowest layer. */
const damage = async (layout: string, what: "config" | "layer"): Promise<void> => {
  const blobs = join(layout, "blobs/sha256")
  const json = async (digest: string) =>
    JSON.parse(await readFile(join(blobs, digest.replace("sha256:", "")), "utf8"))
  const index = JSON.parse(await readFile(join(layout, "index.json"), "utf8"))
  const manifest = await json(index.manifests[0].digest)
  const { digest } = what === "config" ? manifest.config : manifest.layers[0]
  const file = join(blobs, digest.replace("sha256:", ""))
  if (what === "config") await appendFile(file, " ")
  else {
    const bytes = await readFile(file)
    bytes[bytes.length >> 1] = ~(bytes[bytes.length >> 1] ?? 0)
    await writeFile(file, bytes)
  }
}

/** The layout form of 2016: `refs/NAME` holds the descriptor, and there is no index. */
const writeOldLayout = async (from: string, to: string): Promise<void> => {
  await mkdir(to, { recursive: true })
  await cp(join(from, "blobs"), join(to, "blobs"), { recursive: true })
  const index = JSON.parse(await readFile(join(from, "index.json"), "utf8"))
  const { mediaType, digest, size } = index.manifests[0]
  await mkdir(join(to, "refs"))
  await writeFile(join(to, "refs/v1"), JSON.stringify({ mediaType, digest, size }))
}

const reason = skipReason()
describe.skipIf(reason !== undefined).each(releases())(
  `a service from an image on %s${reason ?? ""}`,
  (release) => {
    let machine: Machine
    beforeAll(async () => {
      machine = await installed(release, writeLayouts)
      await rm(join(machine.root, "etc/localtime"), { force: true })
      await rm(join(machine.root, "etc/resolv.conf"), { force: true })
      await writeFile(join(machine.root, "etc/localtime"), "the host's zone")
      await writeFile(join(machine.root, "etc/resolv.conf"), "nameserver 192.0.2.1\n")
      await machine.boot()
    })
    afterAll(async () => machine?.dispose())

    const chains = async (): Promise<readonly string[]> =>
      (await machine.run(`ls -di ${EXTRACTS}/roots/*/*/* 2>/dev/null || true`)).stdout
        .split("\n")
        .filter(Boolean)
    /** `Type=exec` counts as started before the program has said anything. */
    const said = async (unit: string, times: number): Promise<string> => {
      for (;;) {
        const journal = await machine.journal(unit)
        if ((journal.match(RAN)?.length ?? 0) >= times) return journal
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
    const property = async (unit: string, name: string): Promise<string> =>
      (await machine.run(["systemctl", "show", "--value", "-p", name, unit])).stdout.trim()

    it("starts with nothing extracted before", async () => {
      assert.deepEqual(await chains(), [])
      await machine.run(["systemctl", "start", STABLE])
      assert.equal(await property(STABLE, "ActiveState"), "active")
      assert.lengthOf(await chains(), 1)
    })

    it("gives the process its exact arguments and environment", async () => {
      // systemd's own lines may come between.
      const journal = (await said(STABLE, 1)).replaceAll(/^(?:Start|Finish)(?:ing|ed) .*\n/gm, "")
      const shown = ARGUMENTS.map((argument) => `argument<${argument}>`).join("\n")
      assert.include(journal, shown)
      for (const entry of ENVIRONMENT) assert.include(journal, `environment<${entry}>`)
      assert.include(journal, "environment<HOME=/home/app>")
      assert.notMatch(journal, /environment<(?:USER|LOGNAME|SHELL)=/)
      assert.include(journal, "directory</srv/made/by prepare>")
    })

    it("runs as the image's own user, which the host does not know", async () => {
      assert.notInclude(await machine.read("/etc/passwd"), "4242")
      assert.include(await machine.journal(STABLE), ids(release))
    })

    it("leaves setuid programs alone from 255 on, and is process 1 of its own where that can be stopped", async () => {
      const journal = await machine.journal(STABLE)
      assert.match(journal, /^SigIgn:\s+0+$/m)
      assert.include(journal, "pipeline<ends>")
      assert.match(journal, release === "bookworm" ? /^NoNewPrivs:\s+1$/m : /^NoNewPrivs:\s+0$/m)
      if (release === "bookworm") assert.notInclude(journal, "process<1>")
      else assert.include(journal, "process<1>")
    })

    it("listens on a low port that the image exposes, as no root; below 257 its unit says why it cannot", async () => {
      const journal = await machine.journal(STABLE)
      if (release !== "bookworm") return assert.include(journal, "port<80>")
      assert.notInclude(journal, "port<80>")
      const unit = await machine.read(`/run/systemd/generator/${STABLE}`)
      assert.match(
        unit,
        /^# Note: it cannot listen on 80\/tcp, since it has a user namespace of its own: sysctl /m
      )
    })

    it("sees the host's name servers, time zone and network, and shared memory of its own", async () => {
      const journal = await machine.journal(STABLE)
      assert.include(journal, "resolver<nameserver 192.0.2.1>")
      assert.include(journal, "zone<the host's zone>")
      assert.match(journal, /interfaces<.*\blo\b.*>/)
      assert.include(journal, "shared memory<writable>")
      assert.notInclude((await machine.run("ls /dev/shm")).stdout, "written")
    })

    it("can be found in the journal by its image", async () => {
      const found = await machine.run("journalctl -b -o cat OCI_IMAGE=myorg.com/myapp:stable")
      assert.include(found.stdout, "directory</srv/made/by prepare>")
    })

    it("sits in oci.slice", async () => {
      assert.equal(await property(STABLE, "Slice"), "oci.slice")
      assert.equal(await property(STABLE, "ControlGroup"), `/oci.slice/${STABLE}`)
    })

    it("forgets on restart what was written to its root, and never writes to the extract", async () => {
      await machine.run(["systemctl", "start", ROOT])
      await said(ROOT, 1)
      await machine.run(["systemctl", "restart", ROOT])
      await said(ROOT, 2)
      await machine.run(["systemctl", "stop", ROOT])
      await machine.run(["systemctl", "start", ROOT])
      const journal = await said(ROOT, 3)
      assert.notInclude(journal, "root<used>")
      assert.equal((await machine.run(`find ${EXTRACTS}/roots/*/*/*/ -name marker`)).stdout, "")
      await machine.run(["systemctl", "stop", ROOT])
    })

    it("restarts by itself with a fresh root after a failure", async () => {
      await machine.write(
        `/run/systemd/system/${ROOT}.d/restart.conf`,
        "[Service]\nRestart=on-failure\nRestartSec=10ms\n"
      )
      await machine.run(["systemctl", "daemon-reload"])
      await machine.run(["systemctl", "start", ROOT])
      await said(ROOT, 4)
      await machine.run(["systemctl", "kill", "--signal=KILL", ROOT])
      await said(ROOT, 5)
      assert.notInclude(await machine.journal(ROOT), "root<used>")
      await machine.run(["systemctl", "stop", ROOT])
      await machine.run(["rm", "-r", `/run/systemd/system/${ROOT}.d`])
      await machine.run(["systemctl", "daemon-reload"])
    })

    it("stops by the image's signal, and leaves nothing mounted or written", async () => {
      await machine.run(["systemctl", "stop", STABLE])
      assert.include(await machine.journal(STABLE), "stopped")
      assert.equal(await property(STABLE, "Result"), "success")
      await until(
        machine,
        "an empty scratch directory",
        async () => (await machine.run(`ls ${EXTRACTS}/scratch`)).stdout === ""
      )
      assert.equal((await machine.run("grep -c ' /run/oci' /proc/self/mountinfo || true")).stdout.trim(), "0")
      assert.equal((await machine.run("ls /run/userdb /run/oci/users | grep -e 42 -e 43 || true")).stdout, "")
      assert.equal((await machine.run("getent passwd 4242", { check: false })).code, 2)
    })

    it("obeys a drop-in", async () => {
      await machine.write(
        `/etc/systemd/system/${STABLE}.d/note.conf`,
        "[Service]\nEnvironment=DROPPED=in\nNice=7\n"
      )
      await machine.run(["systemctl", "daemon-reload"])
      await machine.run(["systemctl", "start", STABLE])
      assert.include(await said(STABLE, 2), "environment<DROPPED=in>")
      assert.equal(await property(STABLE, "Nice"), "7")
    })

    it("reads a layout by the rules of 2016, and shares the extract of equal layers", async () => {
      const before = await chains()
      await machine.run(["systemctl", "start", OLD])
      assert.equal(await property(OLD, "ActiveState"), "active")
      assert.deepEqual(await chains(), before)
      await machine.run(["systemctl", "stop", OLD])
    })

    it("fails to start where an image is broken, and tells in its status why", async () => {
      const { code } = await machine.run(["systemctl", "start", BROKEN], { check: false })
      const status = (await machine.run(["systemctl", "status", "--full", BROKEN], { check: false })).stdout
      assert.include(status, "cannot run: the image configuration")
      assert.match(
        await machine.journal(BROKEN),
        /com\/broken:stable cannot run: .*has [0-9]+ bytes, but its descriptor says/
      )
      assert.include(["failed", "activating"], await property(BROKEN, "ActiveState"))
      assert.notEqual(code, 0)
    })

    it("tells in its status which layer is damaged, and leaves nothing half-made", async () => {
      const before = await chains()
      const started = await machine.run(["systemctl", "start", DAMAGED], { check: false })
      assert.notEqual(started.code, 0)
      await machine.run(["journalctl", "--sync"])
      // Ten lines and two: in a container without the pids controller, systemd 262 says twice that it is missing.
      const lines = ["--full", "--lines=12"]
      const status = (await machine.run(["systemctl", "status", ...lines, DAMAGED], { check: false })).stdout
      assert.match(status, /myorg\.com\/damaged:stable.*sha256:[0-9a-f]{64}/)
      assert.deepEqual(await chains(), before)
      assert.deepEqual(await readdir(join(machine.root, EXTRACTS, "tmp")), [])
      assert.equal(await property(STABLE, "ActiveState"), "active")
    })

    it("starts fresh however quickly a start follows a stop", async () => {
      const count = async () => (await machine.journal(ROOT)).match(RAN)?.length ?? 0
      for (let round = 0; round < 8; round++) {
        const before = await count()
        await machine.run(["systemctl", "reset-failed", ROOT], { check: false })
        await machine.run(["systemctl", "start", ROOT])
        await said(ROOT, before + 1)
        await machine.run(["systemctl", "stop", ROOT])
      }
      assert.notInclude(await machine.journal(ROOT), "root<used>")
    })

    it("keeps what was written to a persistent root", async () => {
      await machine.write(
        "/etc/oci-generator.conf.d/kept.conf",
        "[image myorg.com/asroot:*]\nroot = persistent\n"
      )
      await machine.run(["systemctl", "daemon-reload"])
      const before = (await machine.journal(ROOT)).match(RAN)?.length ?? 0
      await machine.run(["systemctl", "start", ROOT])
      await said(ROOT, before + 1)
      await machine.run(["systemctl", "restart", ROOT])
      assert.match(await said(ROOT, before + 2), /root<used>/)
      await machine.run(["systemctl", "stop", ROOT])
      assert.equal((await machine.run(`find ${EXTRACTS}/roots/*/*/*/ -name marker`)).stdout, "")
    })

    it("has no groups of a user that the host gives the same number", async () => {
      await machine.run("echo 'alice:x:4242:100::/home/alice:/bin/sh' >> /etc/passwd")
      await machine.run("echo 'wheelers:x:777:alice' >> /etc/group")
      const before = (await machine.journal(STABLE)).match(RAN)?.length ?? 0
      await machine.run(["systemctl", "restart", STABLE])
      await said(STABLE, before + 1)
      const journal = await machine.journal(STABLE)
      assert.deepEqual([...new Set(journal.match(/^ids<.*>$/gm))], [ids(release)])
      await machine.run(["systemctl", "stop", STABLE])
      await machine.run("sed -i /alice/d /etc/passwd /etc/group")
    })

    const exposure = async (unit: string): Promise<number> => {
      const file = `/run/systemd/generator/${unit}`
      const { stdout } = await machine.run([
        "systemd-analyze",
        "security",
        "--offline=true",
        "--no-pager",
        file
      ])
      return Number(/Overall exposure level for \S+: ([0-9.]+)/.exec(stdout)?.[1])
    }

    it("is exposed no more than the README says", async () => {
      assert.isAtMost(await exposure(STABLE), 4)
      assert.isAtMost(await exposure(OLD), 4)
    })

    it("runs confined and alone where the configuration says so", async () => {
      await machine.write(
        "/etc/oci-generator.conf.d/strict.conf",
        "[image example.org/old:*]\nprofile = strict\nnetwork = none\nports = enforce\nuser = app\n"
      )
      await machine.run(["systemctl", "daemon-reload"])
      const before = (await machine.journal(OLD)).match(RAN)?.length ?? 0
      await machine.run(["systemctl", "start", OLD])
      await said(OLD, before + 1)
      const journal = (await machine.journal(OLD)).split("argument<plain>").at(-1) ?? ""
      assert.include(journal, ids("bookworm"))
      assert.match(journal, /^NoNewPrivs:\s+1$/m)
      assert.include(journal, "interfaces<lo >")
      assert.notInclude(journal, "nameserver")
      assert.notInclude(journal, "root<writable>")
      assert.include(journal, "shared memory<writable>")
      assert.isAtMost(await exposure(OLD), 1.5)
      assert.match(await property(OLD, "SocketBindAllow"), /^tcp:?80$/)
      assert.match(await property(OLD, "SocketBindDeny"), /^any/)
      // What the image exposes gives it nothing.
      assert.equal(await property(OLD, "CapabilityBoundingSet"), "")
      await machine.run(["systemctl", "stop", OLD])
    })

    it("starts at boot where it is wanted, without extracting or reloading", async () => {
      const before = await chains()
      await machine.write(
        "/etc/oci-generator.conf.d/wanted.conf",
        `[image myorg.com/myapp:stable]
wantedby = multi-user.target
upheldby = multi-user.target
alias = web.service
output = pipe
[image myorg.com/asroot:*]
requiredby = needy.service
`
      )
      await machine.write(
        "/etc/systemd/system/needy.service",
        "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"
      )
      await machine.reboot()
      assert.equal(await property(STABLE, "ActiveState"), "active")
      assert.include(await said(STABLE, 1), ids(release))
      assert.deepEqual(await chains(), before)
      assert.notMatch((await machine.run("journalctl -b -o cat _PID=1")).stdout, /Reload/)
      assert.isTrue((await stat(join(machine.root, LAYOUTS))).isDirectory())
    })

    it("is known by its other name", async () => {
      assert.equal(await property("web.service", "Id"), STABLE)
      assert.include((await property(STABLE, "Names")).split(" "), "web.service")
      assert.equal(await property("web.service", "ActiveState"), "active")
    })

    it("is started again by who upholds it", async () => {
      const pid = await property(STABLE, "MainPID")
      await machine.run(["systemctl", "kill", "--signal=KILL", STABLE])
      await until(
        machine,
        "another process of the service",
        async () => !["0", pid].includes(await property(STABLE, "MainPID"))
      )
      assert.equal(await property(STABLE, "UpheldBy"), "multi-user.target")
      await said(STABLE, 2)
      assert.notInclude(await machine.journal(STABLE), "root<used>")
    })

    it("is started with who requires it", async () => {
      await machine.run(["systemctl", "start", "needy.service"])
      assert.equal(await property(ROOT, "RequiredBy"), "needy.service")
      await until(
        machine,
        "an active service",
        async () => (await property(ROOT, "ActiveState")) === "active"
      )
    })
  }
)
