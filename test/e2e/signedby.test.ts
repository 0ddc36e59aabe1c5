/** `signedby` on real systemd: images of a registry that the real cosign has signed, copied as the documents say. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import * as Signer from "../support/Signer.ts"
import { run } from "./support/Command.ts"
import * as Cosign from "./support/Cosign.ts"
import { installed, LAYOUTS } from "./support/Installed.ts"
import { type Machine, releases, skipReason } from "./support/Machine.ts"
import * as Registry from "./support/Registry.ts"
import { requireOrSkip, whyNoRegistry } from "./support/Requirements.ts"
import { shellUnit, writeShellImages } from "./support/ShellImage.ts"

const { REGISTRY } = Registry
const KEYS = {
  p256: "ECDSA P-256",
  p384: "ECDSA P-384",
  ed25519: "Ed25519",
  rsa: "RSA 2048",
  foreign: "ECDSA P-256"
} as const
type Key = keyof typeof KEYS
const TRUSTED: readonly Key[] = ["p256", "p384", "ed25519", "rsa"]
const keyPath = (key: Key) => `/etc/oci/${key}.pub`
const CONFIGURATION = "/etc/oci-generator.conf"
const LOCKED = `[image *]\nsignedby = ${TRUSTED.map(keyPath).join(" ")}\n`

/** Images, each with what has signed it and how its signature comes into the layout. */
const SIGNED = {
  "tag-p256": { by: "trixie", key: "p256", copy: "tag" },
  "tag-rsa": { by: "trixie", key: "rsa", copy: "tag" },
  "tag-p384": { by: "trixie", key: "p384", copy: "tag" },
  "tag-ed25519": { by: "trixie", key: "ed25519", copy: "tag" },
  saved: { by: "trixie", key: "p256", copy: "save" },
  "bundle-p256": { by: "sid", key: "p256", copy: "fallback" },
  "bundle-p384": { by: "sid", key: "p384", copy: "fallback" },
  "bundle-rsa": { by: "sid", key: "rsa", copy: "referrer" }
} as const
const REFUSED = {
  unsigned: /it has no signature in its layout/,
  foreign: /\.sig is by another key/,
  moved: /\.sig is of sha256:[0-9a-f]{64}, and not of sha256:[0-9a-f]{64}/,
  stripped: /it has no signature in its layout/
} as const
const unit = (name: string) => shellUnit(name, name === "saved" ? "latest" : "v1")
const line = (name: string) => `echo 'this is ${name}'; trap 'exit 0' TERM; sleep 100000 & wait`

/** Writes `layouts`, with everything copied from the registry, and the keys. */
const prepare = async (work: string, registry: Registry.Registry): Promise<void> => {
  const [made, layouts] = [join(work, "made"), join(work, "layouts")]
  const names = [...Object.keys(SIGNED), ...Object.keys(REFUSED)]
  for (const [key, kind] of Object.entries(KEYS)) {
    const pem = join(work, `${key}.pem`)
    await writeFile(pem, Signer.signer(kind).privatePem)
    await Cosign.importKey(pem, join(work, key))
  }
  await mkdir(join(layouts, "example.org"), { recursive: true })
  const skopeo = (...words: readonly string[]) =>
    registry.run(["skopeo", "--insecure-policy", "copy", "--quiet", ...words])
  const digests = new Map<string, string>()
  const remote = (name: string) => `${REGISTRY}/example.org/${name}`
  const tagOf = (name: string) => digests.get(name)?.replace(":", "-") ?? ""
  const fetch = (name: string, from: string, as: string, ...more: readonly string[]) =>
    skopeo(
      "--src-tls-verify=false",
      ...more,
      `docker://${remote(name)}${from}`,
      `oci:${layouts}/example.org/${name}:${as}`
    )
  for (const name of names) {
    await writeShellImages(made, name, { v1: line(name) })
    const index = JSON.parse(await readFile(join(made, "example.org", name, "index.json"), "utf8"))
    digests.set(name, index.manifests[0].digest)
    await skopeo(
      "--dest-tls-verify=false",
      `oci:${made}/example.org/${name}:v1`,
      `docker://${remote(name)}:v1`
    )
  }
  const sign = async (name: string, by: Cosign.CosignRelease, key: Key) =>
    registry.run(await Cosign.sign(by, join(work, `${key}.key`), `${remote(name)}@${digests.get(name)}`))
  for (const [name, { by, copy, key }] of Object.entries(SIGNED)) {
    await sign(name, by, key)
    if (copy === "save") {
      await registry.run(await Cosign.save(join(layouts, "example.org", name), `${remote(name)}:v1`))
      continue
    }
    await fetch(name, ":v1", "v1")
    if (copy === "tag") await fetch(name, `:${tagOf(name)}.sig`, `${tagOf(name)}.sig`)
    else await fetch(name, `:${tagOf(name)}`, tagOf(name), "--all")
    if (copy === "referrer") {
      // The bundle alone, as tools copy it that list referrers by the registry's own interface.
      const path = join(layouts, "example.org", name)
      const read = async (file: string) => JSON.parse(await readFile(join(path, file), "utf8"))
      const index = await read("index.json")
      const { digest } = index.manifests[1]
      const [bundle] = (await read(`blobs/${digest.replace(":", "/")}`)).manifests
      index.manifests[1] = bundle
      await writeFile(join(path, "index.json"), JSON.stringify(index))
    }
  }
  for (const name of Object.keys(REFUSED)) await fetch(name, ":v1", "v1")
  await sign("foreign", "trixie", "foreign")
  await fetch("foreign", `:${tagOf("foreign")}.sig`, `${tagOf("foreign")}.sig`)
  await sign("stripped", "trixie", "p256")
  await skopeo(
    "--src-tls-verify=false",
    `docker://${remote("tag-p256")}:${tagOf("tag-p256")}.sig`,
    `oci:${layouts}/example.org/moved:${tagOf("moved")}.sig`
  )
}

const reason = skipReason() ?? whyNoRegistry()
describe.skipIf(requireOrSkip(reason))(`signedby${reason === undefined ? "" : `: ${reason}`}`, () => {
  let work: string
  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), "oci-systemd-signedby-"))
    await using registry = await Registry.start()
    await prepare(work, registry)
  })
  afterAll(async () => {
    if (work !== undefined) await rm(work, { recursive: true, force: true })
  })

  describe.each(releases())("on %s", (release) => {
    let machine: Machine
    beforeAll(async () => {
      machine = await installed(release, async (layouts) => {
        await run(["cp", "-a", `${work}/layouts/.`, layouts])
        const etc = join(layouts, "../../../../etc")
        await mkdir(join(etc, "oci"), { recursive: true })
        for (const key of TRUSTED) await run(["cp", join(work, `${key}.pub`), join(etc, `oci/${key}.pub`)])
        await writeFile(join(etc, "oci-generator.conf"), LOCKED)
      })
      await machine.boot()
    })
    afterAll(async () => machine?.dispose())

    const systemctl = (...words: readonly string[]) => machine.run(["systemctl", ...words])
    const cli = (command: string) => machine.run(`oci-systemd ${command}`, { check: false })
    const state = async (name: string) =>
      (await machine.run(["systemctl", "show", "-P", "ActiveState", unit(name)])).stdout.trim()
    const configure = async (text: string, isReloaded = true) => {
      await machine.write(CONFIGURATION, text)
      if (isReloaded) await systemctl("daemon-reload")
    }
    /** Tries to start it, and returns what `systemctl status` says. */
    const refusal = async (name: string) => {
      const { code, stderr } = await machine.run(["systemctl", "restart", unit(name)], { check: false })
      assert.notEqual(code, 0)
      assert.notEqual(await state(name), "active", stderr)
      const status = await machine.run(["systemctl", "status", "--full", "--lines=20", unit(name)], {
        check: false
      })
      await machine.run(["systemctl", "reset-failed", unit(name)], { check: false })
      return status.stdout
    }

    /** Whatever starts are asked for, the service goes on; once stopped it starts no more, and a reload brings the unit with the reason. */
    const runsOnUntilItStops = async (name: string) => {
      const start = async (verb: "restart" | "start") =>
        (await machine.run(["systemctl", verb, unit(name)], { check: false })).code
      const id = async () =>
        (await machine.run(["systemctl", "show", "-P", "InvocationID", unit(name)])).stdout
      const before = await id()
      assert.notEqual(await start("restart"), 0)
      assert.equal(await state(name), "active")
      assert.equal(await id(), before)
      await systemctl("stop", unit(name))
      assert.notEqual(await start("start"), 0)
      assert.equal(await state(name), "inactive")
      await systemctl("daemon-reload")
    }

    it.each(Object.entries(SIGNED))("%s runs, and list and inspect name its key", async (name, { key }) => {
      await systemctl("start", unit(name))
      assert.include(await machine.journal(unit(name)), `this is ${name}`)
      const image = `example.org/${name}`
      const [listed] = JSON.parse((await cli(`list --json ${image}`)).stdout)
      assert.equal(listed.signedBy, keyPath(key))
      assert.include((await cli(`inspect ${image}`)).stdout, `${keyPath(key)} (signedby, ${CONFIGURATION}:2)`)
      await systemctl("stop", unit(name))
    })

    it.each(Object.entries(REFUSED))("%s does not run, and its status says why", async (name, why) => {
      assert.match(await refusal(name), why)
      for (const command of ["extract", "verify", "unpack"]) {
        const { code, stderr, stdout } = await cli(
          `${command} example.org/${name} ${command === "unpack" ? "/root/x" : ""}`
        )
        assert.equal(code, 1, command)
        assert.match(stdout + stderr, why)
      }
      const [listed] = JSON.parse((await cli(`list --json example.org/${name}`)).stdout)
      assert.match(listed.problem, why)
    })

    it("an image whose key is removed or replaced runs on until it stops, and starts with the key again", async () => {
      const name = "tag-p256"
      await systemctl("start", unit(name))
      await machine.run(`mv ${keyPath("p256")} /root/key`)
      await systemctl("daemon-reload")
      await runsOnUntilItStops(name)
      assert.match(await refusal(name), /the key \/etc\/oci\/p256\.pub of signedby is missing/)
      await machine.run(`cp ${keyPath("p384")} ${keyPath("p256")}`)
      await systemctl("daemon-reload")
      assert.match(await refusal(name), /\.sig is by another key/)
      await machine.run(`cat /root/key > ${keyPath("p256")}`)
      await systemctl("daemon-reload")
      await systemctl("start", unit(name))
      await systemctl("stop", unit(name))
    })

    it("a signature that leaves the layout ends the next start, and one that arrives makes it possible", async () => {
      const path = `${LAYOUTS}/example.org/bundle-rsa/index.json`
      const index = await machine.read(path)
      const { manifests, ...rest } = JSON.parse(index)
      await machine.write(path, JSON.stringify({ ...rest, manifests: manifests.slice(0, 1) }))
      await systemctl("daemon-reload")
      assert.match(await refusal("bundle-rsa"), REFUSED.unsigned)
      await machine.write(path, index)
      await systemctl("daemon-reload")
      await systemctl("start", unit("bundle-rsa"))
      await systemctl("stop", unit("bundle-rsa"))
    })

    it("what is not extracted is refused by the preparation, with units that are older than the configuration", async () => {
      await configure("")
      await configure(LOCKED, false)
      const { code } = await machine.run(["systemctl", "start", unit("unsigned")], { check: false })
      assert.notEqual(code, 0)
      const prepared = await machine.journal(`oci-prepare@${unit("unsigned")}`)
      assert.match(prepared, REFUSED.unsigned)
      assert.equal(
        (
          await machine.run(`ls /var/lib/oci/extracts/names/example.org/ | grep -c unsigned`, {
            check: false
          })
        ).stdout.trim(),
        "0"
      )
      await configure("[image *]\nsignedby = p256.pub\n", false)
      await machine.run(["systemctl", "start", unit("unsigned")], { check: false })
      assert.match(
        await machine.journal(`oci-prepare@${unit("unsigned")}`),
        /oci-generator\.conf:2: signedby = /
      )
      await machine.run("systemctl reset-failed")
      await configure(LOCKED)
    })

    it("what ran before the key was set runs on until it stops, and what was extracted is not used", async () => {
      await configure(`${LOCKED}[image example.org/unsigned]\nsignedby =\n`)
      await systemctl("start", unit("unsigned"))
      assert.include(await machine.journal(unit("unsigned")), "this is unsigned")
      await configure(LOCKED)
      await runsOnUntilItStops("unsigned")
      assert.match(await refusal("unsigned"), REFUSED.unsigned)
    })

    it("a key that cannot be used, and a line that cannot be read, are told with their place", async () => {
      await machine.write(
        "/etc/oci/two.pub",
        `${await machine.read(keyPath("p256"))}${await machine.read(keyPath("rsa"))}`
      )
      await configure("[image *]\nsignedby = /etc/oci/two.pub\n")
      assert.match(
        await refusal("tag-p256"),
        /oci-generator\.conf:2: the key \/etc\/oci\/two\.pub of signedby holds 2 keys/
      )
      await configure("[image *]\nsignedby = p256.pub\n")
      assert.match(await refusal("tag-p256"), /oci-generator\.conf:2: signedby = /)
      await configure(`[image *]\nsignedby = ${keyPath("p256")}\nsignedidentity = repository\n`)
      assert.match(
        await refusal("tag-p256"),
        /is for the name "127\.0\.0\.1:5000\/example\.org\/tag-p256", and signedidentity/
      )
      await configure(LOCKED)
    })

    it("lock a machine from its boot on", async () => {
      await configure(`${LOCKED}wantedby = multi-user.target\n`)
      await machine.reboot()
      assert.equal(await state("tag-p256"), "active")
      assert.equal(await state("bundle-p384"), "active")
      assert.notEqual(await state("unsigned"), "active")
    })
  })
})
