/** Layouts that hold signatures, an index of referrers and a chart beside images, on real systemds: only images become services. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { INDEX, LayoutWriter, MANIFEST, type WrittenDescriptor } from "../support/LayoutWriter.ts"
import { installed, LAYOUTS } from "./support/Installed.ts"
import { type Machine, releases, skipReason } from "./support/Machine.ts"
import { shellUnit, writeShellImages } from "./support/ShellImage.ts"

const STAYS = "trap 'exit 0' TERM; sleep 100000 & wait"
const EMPTY = "application/vnd.oci.empty.v1+json"
const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
const SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"

const read = (layout: LayoutWriter): readonly WrittenDescriptor[] =>
  JSON.parse(readFileSync(join(layout.path, "index.json"), "utf8")).manifests
const tagOf = ({ digest }: WrittenDescriptor, suffix: string) => digest.replace(":", "-") + suffix

/** Writes a signature as cosign does, with the configuration of an image. */
const signature = (layout: LayoutWriter): WrittenDescriptor =>
  layout.image({}, { layers: [layout.blob(SIMPLE_SIGNING, Buffer.from("payload"))] })

/** Writes an index of referrers as clients keep it in a registry without an API for them, and in it a sigstore bundle. */
const referrers = (layout: LayoutWriter, subject: WrittenDescriptor): WrittenDescriptor => {
  const bundle = layout.blob(MANIFEST, {
    schemaVersion: 2,
    mediaType: MANIFEST,
    artifactType: BUNDLE,
    config: layout.blob(EMPTY, {}),
    layers: [layout.blob(BUNDLE, { mediaType: BUNDLE })],
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size }
  })
  return layout.blob(INDEX, {
    schemaVersion: 2,
    mediaType: INDEX,
    manifests: [{ ...bundle, artifactType: "" }]
  })
}

const chart = (layout: LayoutWriter): WrittenDescriptor =>
  layout.image(
    {},
    {
      config: layout.blob("application/vnd.cncf.helm.config.v1+json", { name: "app", version: "1.0.0" }),
      layers: [layout.blob("application/vnd.cncf.helm.chart.content.v1.tar+gzip", Buffer.from("chart"))]
    }
  )

/** `app` has two images and everything else, `single` an image without a name. */
const write = async (layouts: string): Promise<void> => {
  await writeShellImages(layouts, "app", { latest: STAYS, v1: STAYS })
  await writeShellImages(layouts, "single", { v1: STAYS })
  const app = new LayoutWriter(join(layouts, "example.org/app"))
  const images = read(app)
  const [image] = images
  if (image === undefined) throw new Error("the layout has no image")
  app.index(
    ...images,
    app.named(tagOf(image, ".sig"), signature(app)),
    app.named(tagOf(image, ""), referrers(app, image)),
    app.named("chart-1.0.0", chart(app))
  )
  const single = new LayoutWriter(join(layouts, "example.org/single"))
  single.index(...read(single).map(({ annotations: _, ...unnamed }) => unnamed))
}

const reason = skipReason()
describe.skipIf(reason !== undefined).each(releases())(
  `layouts with artifacts, on %s${reason ?? ""}`,
  (release) => {
    let machine: Machine
    beforeAll(async () => {
      machine = await installed(release, write)
      await machine.boot()
    })
    afterAll(async () => machine?.dispose())

    const cli = (command: string) => machine.run(`oci-systemd ${command}`, { check: false })
    const output = async (command: string) => (await machine.run(command, { check: false })).stdout.trim()
    /** The generated units that have names of these layouts, without instances that accompany them. */
    const services = async () =>
      (await output("cd /run/systemd/generator && ls -d org.example.*")).split("\n")
    const SERVICES = [shellUnit("app", "latest"), shellUnit("app", "v1"), shellUnit("single", "latest")]
    const all = async (): Promise<
      readonly { readonly image: string; readonly artifact: { kind: string } | null }[]
    > => JSON.parse(await output("oci-systemd list --all --json"))

    it("have units of their images and no others", async () => {
      assert.deepEqual(await services(), SERVICES)
      assert.equal(await output("cd /run/systemd/generator && ls | grep -c 'sha256\\|chart'"), "0")
      assert.equal(await output("journalctl -b -o cat -t oci-systemd-generator"), "")
    })

    it("are extracted, verified and examined without a finding", async () => {
      for (const command of ["extract", "verify --deep"]) {
        const { code, stderr } = await cli(command)
        assert.equal(code, 0, `${command}: ${stderr}`)
        assert.notMatch(stderr, /warning|error/)
      }
      await machine.run(["systemctl", "daemon-reload"])
      const { stdout } = await cli("doctor --json")
      for (const { check, found, status } of JSON.parse(stdout))
        if (["images", "units", "unit files", "configuration"].includes(check))
          assert.equal(status, "ok", `${check}: ${found}`)
    })

    it("start their images", async () => {
      for (const unit of SERVICES) {
        await machine.run(["systemctl", "start", unit])
        assert.equal(await output(`systemctl is-active ${unit}`), "active")
      }
    })

    it("list everything with --all, and images without it", async () => {
      const rows = await all()
      const tag = (suffix: string) =>
        rows.filter(({ image }) => new RegExp(`:sha256-[0-9a-f]{64}${suffix}$`).test(image))
      assert.deepEqual(
        rows.flatMap(({ artifact }) => artifact?.kind ?? []),
        ["cosign signature", "index of referrers", "Helm chart"]
      )
      assert.equal(tag("\\.sig").length + tag("").length, 2)
      const { stdout } = await cli("list --json")
      assert.deepEqual(
        JSON.parse(stdout).map(({ image, problem }: Record<string, unknown>) => [image, problem]),
        [
          ["example.org/app:latest", null],
          ["example.org/app:v1", null],
          ["example.org/single:latest", null]
        ]
      )
      assert.match((await cli("list --all")).stdout, /^example\.org\/app:chart-1\.0\.0 .* a Helm chart$/m)
    })

    it("say what an artifact is when a command names it", async () => {
      for (const command of ["inspect", "extract", "verify", "enable", "name"]) {
        const { code, stderr } = await cli(`${command} example.org/app:chart-1.0.0`)
        assert.equal(code, 4, command)
        assert.match(stderr, /error: example\.org\/app:chart-1\.0\.0 is a Helm chart, not an image/)
      }
      const { code, stderr } = await cli("unpack example.org/app:chart-1.0.0 /tmp/root")
      assert.equal(code, 4)
      assert.match(stderr, /is a Helm chart, not an image/)
    })

    it("keep the names of their images, which go on running, when a signature joins", async () => {
      const unit = shellUnit("single", "latest")
      const id = () => output(`systemctl show -P InvocationID ${unit}`)
      const before = await id()
      const single = new LayoutWriter(join(machine.root, LAYOUTS, "example.org/single"))
      const [image] = read(single)
      if (image === undefined) throw new Error("the layout has no image")
      for (const joining of [single.named(tagOf(image, ".sig"), signature(single)), signature(single)]) {
        single.index(image, joining)
        await machine.run(["systemctl", "daemon-reload"])
        assert.deepEqual(await services(), SERVICES)
        assert.equal(await output("oci-systemd name example.org/single"), unit)
        assert.equal(await id(), before)
        assert.deepEqual(
          (await all())
            .filter(({ image }) => image.startsWith("example.org/single:"))
            .map(({ artifact }) => artifact?.kind ?? null),
          [null, "cosign signature"]
        )
      }
    })

    it("go with their signatures, and not with a chart, when an image is removed", async () => {
      const kept = await cli("remove example.org/app:latest example.org/app:v1")
      assert.equal(kept.code, 1)
      assert.match(kept.stderr, /is in one layout with example\.org\/app:chart-1\.0\.0/)
      assert.equal((await cli("remove example.org/single:latest")).code, 0)
      const removed = await cli("remove example.org/app")
      assert.equal(removed.code, 0, removed.stderr)
      assert.equal(await output(`find ${LAYOUTS} -name index.json`), "")
    })
  }
)
