/** One image by its name, as the unit that starts it hands it over. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Either from "effect/Either"
import { assert, describe, it } from "vitest"
import * as Settings from "../../src/domain/settings/Settings.ts"
import * as Catalog from "../../src/program/Catalog.ts"
import { HOST, PLATFORM } from "../support/Host.ts"
import { LayoutWriter, temporary } from "../support/LayoutWriter.ts"

describe("Catalog.one", () => {
  const place = (path: string) => {
    const layout = new LayoutWriter(join(path, "example.org/app"))
    layout.index(layout.named("v1", layout.image()), layout.named("v2", layout.image({ author: "somebody" })))
    const broken = new LayoutWriter(join(path, "example.org/broken"))
    writeFileSync(join(broken.path, "index.json"), "not JSON")
    const settings = {
      ...Settings.DEFAULTS,
      system: { ...Settings.DEFAULTS.system, imagelayoutdir: path }
    }
    return { settings, host: HOST, platform: PLATFORM }
  }

  it("is the image that the whole catalogue has, under the unit's name", () => {
    using directory = temporary()
    const around = place(directory.path)
    const { images } = Catalog.load(around.settings, around.host, around.platform)
    const name = { layout: "example.org/app", ref: "v2" }
    const listed = images.find(
      ({ context }) => context.name.layout === name.layout && context.name.ref === "v2"
    )
    const one = Either.getOrThrow(Catalog.one(around, name, "org.example.app.ref.v2"))
    assert.deepStrictEqual(one?.context, listed?.context)
    assert.deepStrictEqual(one?.resolve(), listed?.resolve())
    assert.isTrue(one !== undefined && Either.isRight(one.resolve()))
    const collided = Either.getOrThrow(Catalog.one(around, name, "org.example.app.ref.v2-0123456789abcdef"))
    assert.strictEqual(collided?.context.stem, "org.example.app.ref.v2-0123456789abcdef")
  })

  it("has a remark on each clash of names, with the layouts that it is about", () => {
    using directory = temporary()
    const around = place(directory.path)
    const other = new LayoutWriter(join(directory.path, "example.org/other"))
    other.index(other.named("v1", other.image()))
    const settings = Settings.make({
      system: around.settings.system,
      images: { "example.org/*": { alias: ["same.service"] } }
    })
    const { remarks, warnings } = Catalog.load(settings, around.host, around.platform)
    assert.deepEqual(
      remarks.map(({ text }) => text),
      warnings
    )
    const clash = remarks.find(({ text }) => text.startsWith("the alias same.service"))
    assert.sameMembers(
      [...new Set(clash?.paths)],
      ["app", "broken", "other"].map((name) => join(directory.path, "example.org", name))
    )
  })

  it("is none where the layout has it no longer, and the reason where it cannot be read", () => {
    using directory = temporary()
    const around = place(directory.path)
    const one = (layout: string) => Catalog.one(around, { layout, ref: "v3" }, "x.ref.v3")
    assert.isUndefined(Either.getOrThrow(one("example.org/app")))
    assert.isTrue(Either.isLeft(one("example.org/broken")))
  })
})
