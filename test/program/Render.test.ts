import { existsSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { assert, describe, it } from "vitest"
import { Render, Settings, SettingsFile, UnitFile } from "../../src/index.ts"
import { FIXTURES, generate, images, input } from "../support/GoldenImages.ts"

const name = { layout: "example.org/app", ref: "v1" }
const host = {
  systemdVersion: 257,
  cli: ["/usr/bin/oci-systemd"],
  configFile: undefined,
  servesRecords: true
} as const
const config = {
  os: "linux",
  architecture: "amd64",
  config: { Entrypoint: ["/bin/app"], User: "0" },
  rootfs: { type: "layers", diff_ids: [`sha256:${"0".repeat(64)}`] }
}

describe("units from a configuration alone", () => {
  it("need no layers", () => {
    const units = Render.fromConfig({
      name: { layout: "myorg.com/myapp", ref: "v1" },
      config: { os: "linux", architecture: "amd64", config: { Entrypoint: ["/app"] } },
      host
    })
    if (Either.isLeft(units)) return assert.fail(units.left.message)
    assert.include(
      units.right.files.map(({ name }) => name),
      "com.myorg.myapp.ref.v1.service"
    )
  })

  it.each([
    ["../a", "v1"],
    ["a/../b", "v1"],
    ["", "v1"],
    ["a", ""]
  ])("need a name that an image can have, which %j with %j is not", (layout, ref) => {
    const units = Render.fromConfig({ name: { layout, ref }, config: {}, host })
    assert.strictEqual(Either.isLeft(units) && units.left._tag, "NameInvalid")
  })

  /** Digests differ: there is no layout, so the manifest is another one. */
  const withoutDigests = (text: string) => text.replaceAll(/sha256:[0-9a-f]{64}|[0-9a-f]{64}/g, "DIGEST")

  const runnable = images.filter((image) => image !== "windows")

  it.each(runnable)("are those that the generator writes of a layout: %s", (image) => {
    const facts = input(image, "facts.json")
    const { rootfs, ...said } = JSON.parse(input(image, "image.json") ?? "")
    const written = generate(image)
    const file = join(FIXTURES, image, "oci-generator.conf")
    const settings = existsSync(file) ? Effect.runSync(SettingsFile.load(file)).settings : Settings.DEFAULTS
    const units = Either.getOrThrow(
      Render.fromConfig({
        name: { layout: `example.org/${image}`, ref: "v1" },
        config: { rootfs: rootfs ?? config.rootfs, ...said },
        settings,
        host: { ...host, systemdVersion: settings.system.systemdversion ?? host.systemdVersion },
        ...(facts === undefined ? {} : { facts: JSON.parse(facts) })
      })
    )
    const service = units.files.find((file) => file.name === `org.example.${image}.ref.v1.service`)
    if (service === undefined) throw new Error("no service")
    const lines = (text: string) =>
      withoutDigests(text)
        .split("\n")
        .filter((line) => !line.startsWith("#"))
    assert.deepEqual(lines(UnitFile.render(service)), lines(written.get(service.name) ?? ""))
  })

  it("take an image's settings from a program", () => {
    const settings = Settings.make({
      images: { "example.org/*": { restart: "always" }, "example.org/app:v1": { user: "7:8" } }
    })
    const units = Either.getOrThrow(Render.fromConfig({ name, config, settings, host }))
    const text = units.files.map(UnitFile.render).join("\n")
    assert.match(text, /^Restart=always$/m)
    assert.match(text, /^User=oci-u7$/m)
  })

  it("say what is wrong with a configuration", () => {
    const refused = Either.flip(Render.fromConfig({ name, config: { ...config, rootfs: {} }, host }))
    const { _tag, message } = Either.getOrThrow(refused)
    assert.strictEqual(_tag, "ConfigInvalid")
    assert.match(message, /rootfs/)
  })
})
