/** What `oci-systemd remove` takes away, and what it leaves. */
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { assert, describe, it } from "vitest"
import * as Settings from "../../src/domain/settings/Settings.ts"
import * as Catalog from "../../src/program/Catalog.ts"
import * as Remove from "../../src/program/Remove.ts"
import { LayoutWriter, temporary } from "../support/LayoutWriter.ts"

const host = {
  systemdVersion: 257,
  cli: ["/usr/bin/oci-systemd"],
  configFile: undefined,
  servesRecords: true
} as const
const platform = { os: "linux", architecture: "amd64", variants: [] }

const place = (body: (top: string, load: (more?: Settings.Settings["rules"]) => Catalog.Catalog) => void) => {
  using directory = temporary()
  const layouts = join(directory.path, "layouts")
  mkdirSync(layouts)
  const image = (layout: string, ...refs: readonly string[]) => {
    const writer = new LayoutWriter(join(layouts, layout))
    writer.index(...refs.map((ref) => writer.named(ref, writer.image())))
  }
  image("a.org/one", "v1")
  image("a.org/two", "v1", "v2")
  const system = {
    ...Settings.DEFAULTS.system,
    imagelayoutdir: layouts,
    extractsdir: join(directory.path, "extracts"),
    volumesdir: join(directory.path, "volumes")
  }
  body(directory.path, (rules = []) => Catalog.load({ system, rules }, host, platform))
}
const named = (catalog: Catalog.Catalog, ...names: readonly string[]) =>
  catalog.images.filter((image) => names.includes(Catalog.nameOf(image)))

describe("the layout", () => {
  it("is removed, with directories that are empty then, and nothing beside it", () =>
    place((top, load) => {
      const layouts = join(top, "layouts")
      const removed = Effect.runSync(Effect.either(Remove.layouts(named(load(), "a.org/one:v1"), layouts)))
      assert.deepEqual(Either.getOrThrow(removed), [join(layouts, "a.org/one")])
      assert.deepEqual(readdirSync(join(layouts, "a.org")), ["two"])
      Effect.runSync(Remove.layouts(named(load(), "a.org/two:v1", "a.org/two:v2"), layouts))
      assert.deepEqual(readdirSync(layouts), [])
    }))

  it("keeps what else is in its directory", () =>
    place((top, load) => {
      const layouts = join(top, "layouts")
      writeFileSync(join(layouts, "a.org/one/notes.txt"), "mine")
      Effect.runSync(Remove.layouts(named(load(), "a.org/one:v1"), layouts))
      assert.deepEqual(readdirSync(join(layouts, "a.org/one")), ["notes.txt"])
    }))

  it("that is a link is removed as a link", () =>
    place((top, load) => {
      const layouts = join(top, "layouts")
      symlinkSync(join(layouts, "a.org/one"), join(layouts, "linked"))
      Effect.runSync(Remove.layouts(named(load(), "linked:v1"), layouts))
      assert.isFalse(existsSync(join(layouts, "linked")))
      assert.isTrue(existsSync(join(layouts, "a.org/one/index.json")))
    }))

  it("stays where it has other references, with the commands that remove one", () =>
    place((_, load) => {
      const catalog = load()
      const refused = Effect.runSync(
        Effect.flip(Remove.requireWhole(catalog, named(catalog, "a.org/two:v1"), ["a.org/two:v1"]))
      )
      assert.strictEqual(refused.message, "a.org/two:v1 is in one layout with a.org/two:v2")
      assert.include(refused.hint, "oci-systemd remove a.org/two removes all of them")
      Effect.runSync(Remove.requireWhole(catalog, named(catalog, "a.org/two:v1", "a.org/two:v2"), []))
    }))
})

it("data and settings of the image alone are kept and named", () =>
  place((top, load) => {
    mkdirSync(join(top, "volumes/org.a.one.ref.v1/data"), { recursive: true })
    const rule = (pattern: string, line: number) => ({
      pattern,
      settings: {},
      place: { file: "/etc/oci.conf", line }
    })
    const rules = [rule("*", 1), rule("a.org/one:v1", 2), rule("a.org/two:v1", 3)]
    const catalog = load(rules)
    const [image] = named(catalog, "a.org/one:v1")
    if (image === undefined) throw new Error("no image")
    assert.deepEqual(Remove.kept(image, { system: image.context.system, rules }), [
      { what: "data", at: join(top, "volumes/org.a.one.ref.v1") },
      { what: "setting", at: "/etc/oci.conf:2" }
    ])
  }))
