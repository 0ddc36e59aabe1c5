/** What commands do with layouts that hold signatures, charts and other artifacts beside images. */
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { assert, describe, it } from "vitest"
import * as Settings from "../../src/domain/settings/Settings.ts"
import * as Layouts from "../../src/library/Layouts.ts"
import * as Catalog from "../../src/program/Catalog.ts"
import * as DryRun from "../../src/program/DryRun.ts"
import * as Names from "../../src/program/Names.ts"
import * as Remove from "../../src/program/Remove.ts"
import * as Render from "../../src/program/Render.ts"
import * as Selection from "../../src/program/Selection.ts"
import * as Summary from "../../src/program/Summary.ts"
import { HOST, PLATFORM } from "../support/Host.ts"
import { LayoutWriter, temporary, type WrittenDescriptor } from "../support/LayoutWriter.ts"

const tagOf = ({ digest }: WrittenDescriptor, suffix = ".sig") => digest.replace(":", "-") + suffix
const signature = (layout: LayoutWriter, author = "") =>
  layout.image(
    { author },
    { layers: [layout.blob("application/vnd.dev.cosign.simplesigning.v1+json", Buffer.from("x"))] }
  )
const chart = (layout: LayoutWriter) =>
  layout.image({}, { config: layout.blob("application/vnd.cncf.helm.config.v1+json", { name: "app" }) })

/** `signed` has an image `v1` and its signature, `mixed` a chart beside an image, and `charts` nothing but a chart. */
const place = (
  body: (facts: {
    readonly path: string
    readonly tag: string
    readonly digest: string
    readonly load: (images?: Parameters<typeof Settings.make>[0]["images"]) => Catalog.Catalog
  }) => void
) => {
  using directory = temporary()
  const at = (layout: string) => new LayoutWriter(join(directory.path, layout))
  const signed = at("example.org/signed")
  const image = signed.image()
  const tag = tagOf(image)
  signed.index(signed.named("v1", image), signed.named(tag, signature(signed)), signature(signed, "unnamed"))
  const mixed = at("example.org/mixed")
  mixed.index(mixed.named("v1", mixed.image()), mixed.named("chart", chart(mixed)))
  const charts = at("example.org/charts")
  charts.index(charts.named("1.0", chart(charts)))
  body({
    path: directory.path,
    tag,
    digest: image.digest,
    load: (images = {}) =>
      Catalog.load(Settings.make({ system: { imagelayoutdir: directory.path }, images }), HOST, PLATFORM)
  })
}
const namesOf = (images: readonly Catalog.CatalogImage[]) => images.map(Catalog.nameOf)
const selected = (catalog: Catalog.Catalog, ...words: readonly string[]) =>
  Either.match(Selection.select(catalog, words), {
    onLeft: ({ message }) => message,
    onRight: namesOf
  })

describe("artifacts", () => {
  it("are left out by all, by patterns, and by the name of their layout", () =>
    place(({ load, path }) => {
      const catalog = load()
      assert.deepEqual(catalog.warnings, [])
      const images = ["example.org/mixed:v1", "example.org/signed:v1"]
      assert.deepEqual(selected(catalog), images)
      assert.deepEqual(selected(catalog, "example.org/*"), images)
      assert.deepEqual(selected(catalog, "example.org/signed"), ["example.org/signed:v1"])
      assert.deepEqual(selected(catalog, join(path, "example.org/signed")), ["example.org/signed:v1"])
      assert.deepEqual(
        Either.map(Selection.one(catalog, "example.org/mixed"), Catalog.nameOf),
        Either.right("example.org/mixed:v1")
      )
    }))

  it("say what they are when they are named", () =>
    place(({ digest, load, tag }) => {
      const catalog = load()
      const signature = `example.org/signed:${tag} is a cosign signature of ${digest}, not an image`
      const chart = "example.org/charts:1.0 is a Helm chart, not an image"
      assert.deepEqual(selected(catalog, `example.org/signed:${tag}`), signature)
      assert.deepEqual(selected(catalog, `org.example.signed.ref.${tag}.service`), signature)
      assert.deepEqual(selected(catalog, "example.org/charts:1.0"), chart)
      assert.deepEqual(selected(catalog, "example.org/charts"), chart)
      assert.deepEqual(selected(catalog, "example.org/chart*"), chart)
      const [unnamed] = catalog.artifacts().filter(({ name }) => /^sha256-.{12}$/.test(name.ref))
      const name = `example.org/signed:${unnamed?.name.ref}`
      assert.deepEqual(selected(catalog, name), `${name} is a cosign signature, not an image`)
      const asked = Effect.runSync(Effect.either(Names.of(catalog, ["example.org/charts:1.0"])))
      assert.deepEqual(
        Either.mapLeft(asked, ({ message }) => message),
        Either.left(chart)
      )
    }))

  it("are not among the names that a mistyped one may mean", () =>
    place(({ load }) => {
      const refused = Either.getOrThrow(Either.flip(Selection.select(load(), ["example.org/sigmed"])))
      assert.strictEqual(refused._tag, "NoSuchImage")
      if (refused._tag === "NoSuchImage")
        assert.deepEqual(refused.known, ["example.org/mixed:v1", "example.org/signed:v1"])
    }))

  it("are listed after the images of their layout", () =>
    place(({ digest, load, tag }) => {
      const rows = (...words: readonly string[]) =>
        Effect.runSync(Effect.flatMap(Selection.everything(load(), words), Summary.ofEverything))
      const all = rows()
      assert.deepEqual(
        all.map(({ artifact, image, problem, unit }) => [image, unit, problem, artifact?.kind ?? null]),
        [
          ["example.org/charts:1.0", null, null, "Helm chart"],
          ["example.org/mixed:v1", "org.example.mixed.ref.v1.service", null, null],
          ["example.org/mixed:chart", null, null, "Helm chart"],
          ["example.org/signed:v1", "org.example.signed.ref.v1.service", null, null],
          [`example.org/signed:${tag}`, null, null, "cosign signature"],
          [all[5]?.image, null, null, "cosign signature"]
        ]
      )
      assert.deepEqual(all[4]?.artifact, {
        kind: "cosign signature",
        type: "application/vnd.dev.cosign.simplesigning.v1+json",
        subject: digest as never
      })
      assert.deepEqual(rows("example.org/charts"), all.slice(0, 1))
      assert.deepEqual(rows("example.org/charts:1.0"), all.slice(0, 1))
      assert.deepEqual(rows("example.org/mixed"), all.slice(1, 3))
      assert.deepEqual(rows("example.org/mixed:v1", "example.org/mixed:chart"), all.slice(1, 3))
      assert.deepEqual(rows("example.org/m*", "example.org/mixed"), all.slice(1, 3))
    }))

  it("have no units, whatever the configuration says of them", () =>
    place(({ load }) => {
      const plan = (catalog: Catalog.Catalog) => Effect.runSync(DryRun.plan(catalog.images))
      const before = plan(load())
      assert.strictEqual(before.images, 2)
      assert.deepEqual(before.problems, [])
      assert.isEmpty(before.files.filter(({ name }) => /chart|sha256/.test(name)))
      const catalog = load({ "example.org/*:*": { wantedby: ["multi-user.target"] } })
      const links = [...plan(catalog).entries.keys()].filter((path) => path.includes(".wants/"))
      assert.sameMembers(links, [
        "multi-user.target.wants/org.example.mixed.ref.v1.service",
        "multi-user.target.wants/org.example.signed.ref.v1.service"
      ])
      const faulty = { ...load(), images: load().images.map((image) => withFault(image)) }
      assert.deepEqual(
        faulty.images.filter((image) => Render.image(image).problem !== undefined).map(Catalog.nameOf),
        ["example.org/mixed:v1", "example.org/signed:v1"]
      )
    }))

  it("take no alias away from an image, and no name of a unit", () =>
    place(({ load, path }) => {
      const alias = (images: Parameters<typeof load>[0]) => {
        const { images: all, warnings } = load(images)
        return [
          warnings,
          all.find((image) => Catalog.nameOf(image) === "example.org/signed:v1")?.context.settings.alias
        ]
      }
      assert.deepEqual(alias({ "example.org/signed": { alias: ["app.service"] } }), [[], ["app.service"]])
      // The layout `y.z/x` with the reference `a.ref.b` and `y.z/x.ref.a` with `b` have one name.
      const other = new LayoutWriter(join(path, "y.z/x.ref.a"))
      other.index(other.named("b", other.image()))
      const charts = new LayoutWriter(join(path, "y.z/x"))
      charts.index(charts.named("a.ref.b", chart(charts)))
      const { images, warnings } = load()
      assert.deepEqual(warnings, [])
      const image = images.find(({ context }) => context.name.layout === "y.z/x.ref.a")
      assert.strictEqual(image?.context.units.service, "z.y.x.ref.a.ref.b.service")
    }))

  it("go with their image when it is removed, if they are attached to it", () =>
    place(({ load }) => {
      const catalog = load()
      const refused = (...words: readonly string[]) =>
        Effect.runSync(
          Selection.select(catalog, words).pipe(
            Effect.flatMap((images) => Remove.requireWhole(catalog, images, words)),
            Effect.match({ onFailure: ({ message }) => message, onSuccess: () => undefined })
          )
        )
      assert.isUndefined(refused("example.org/signed:v1"))
      assert.strictEqual(
        refused("example.org/mixed:v1"),
        "example.org/mixed:v1 is in one layout with example.org/mixed:chart"
      )
      assert.isUndefined(refused("example.org/mixed"))
      assert.strictEqual(
        refused("example.org/charts"),
        "example.org/charts:1.0 is a Helm chart, not an image"
      )
    }))

  it("do not make the only image of a layout one of several, for the library", () =>
    place(({ path, tag }) => {
      const opened = (layout: string, ref?: string) =>
        Either.match(Layouts.open(join(path, "example.org", layout), ref), {
          onLeft: ({ message }) => message,
          onRight: (image) => Either.mapLeft(image.resolve(), ({ message }) => message)
        })
      assert.isTrue(Either.isRight(opened("signed") as Either.Either<unknown, unknown>))
      const outcome = opened("signed", tag) as Either.Either<unknown, string>
      assert.match(Either.getOrThrow(Either.flip(outcome)), / is a cosign signature of .*, not an image$/)
      assert.match(opened("signed", "v2") as string, /has no reference "v2": it has v1$/)
    }))
})

/** As if a line of the configuration for it could not be used. */
const withFault = (image: Catalog.CatalogImage): Catalog.CatalogImage => ({
  ...image,
  context: {
    ...image.context,
    faults: [new Settings.SettingRefused({ file: "/conf", line: 1, reason: "unknown key" })]
  }
})
