import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { assert, describe, it } from "vitest"
import {
  Catalog,
  Extract,
  ExtractionServices,
  Layer as Layers,
  Layouts,
  LayoutWriter,
  Services,
  Settings
} from "../../src/effect.ts"
import * as LayerStream from "../../src/library/LayerStream.ts"
import { temporary } from "../support/LayoutWriter.ts"

const written = async (directory: string) => {
  const layout = await LayoutWriter.open(directory)
  await layout.image({ ref: "v1", layers: [[Layers.file("file", "content")]] })
  return layout
}

describe("an image of a layout without a catalog", () => {
  it("is opened by its directory, and by its reference where there are several", async () => {
    using place = temporary()
    const directory = join(place.path, "somewhere/app")
    const layout = await written(directory)
    const only = Either.getOrThrow(Layouts.open(directory))
    assert.deepEqual(only.context.name, { layout: "app", ref: "v1" })
    assert.isTrue(Either.isRight(only.resolve()))
    await layout.image({ ref: "v2", layers: [[Layers.file("file", "other")]] })
    const named = Either.getOrThrow(Layouts.open(directory, "v2", { layout: "example.org/app" }))
    assert.deepEqual(named.context.name, { layout: "example.org/app", ref: "v2" })
    for (const [ref, message] of [
      [undefined, /has not one image: it has v1, v2$/],
      ["v3", /has no reference "v3": it has v1, v2$/]
    ] as const) {
      const outcome = Layouts.open(directory, ref)
      if (Either.isRight(outcome) || outcome.left._tag !== "NoSuchReference") return assert.fail("no error")
      assert.deepEqual(outcome.left.known, ["v1", "v2"])
      assert.match(outcome.left.message, message)
    }
    assert.isTrue(Either.isLeft(Layouts.open(join(place.path, "nowhere"))))
  })

  it("comes from a reader of the program's own", () => {
    const reader = Services.Layouts.pipe(
      Effect.map((layouts) => Layouts.open("/no/such/place", "v9", { layouts })),
      Effect.provide(
        Services.layerNoop(Services.Layouts, {
          references: (directory) =>
            Either.right([{ ref: "v9", descriptors: [] }].map((each) => ({ ...each, directory })))
        })
      )
    )
    const opened = Either.getOrThrow(Effect.runSync(reader))
    assert.deepEqual(opened.context.name, { layout: "place", ref: "v9" })
  })
})

describe("services", () => {
  it("are replaced one by one, and say what a test did not provide", async () => {
    using place = temporary()
    await written(join(place.path, "layouts/app"))
    const settings = Settings.make({
      system: {
        imagelayoutdir: join(place.path, "layouts"),
        extractsdir: join(place.path, "extracts"),
        roots: "directories"
      }
    })
    const [image] = Catalog.load(settings).images
    if (image === undefined) return assert.fail("no image")
    const stubbed = ExtractionServices.layer(settings.system.extractsdir).pipe(
      Layer.merge(Services.layerNoop(Services.RootWriter))
    )
    const exit = await Effect.runPromiseExit(Extract.root(image).pipe(Effect.provide(stubbed)))
    if (Exit.isSuccess(exit)) return assert.fail("the writer was not replaced")
    assert.match(
      Cause.pretty(exit.cause),
      /oci-systemd\/RootWriter\.\w+ was used, and this test provides none/
    )
  })

  it("are all there for a test, in a directory that is gone afterwards", async () => {
    using place = temporary()
    await written(join(place.path, "app"))
    const settings = Settings.make({ system: { roots: "directories" } })
    const image = Either.getOrThrow(Layouts.open(join(place.path, "app"), "v1", { settings }))
    const root = await Effect.runPromise(
      Extract.root(image).pipe(
        Effect.map(({ root }) => {
          assert.deepEqual(readdirSync(root), ["file"])
          return root
        }),
        Effect.provide(Services.layerTest)
      )
    )
    assert.isFalse(existsSync(root))
  })
})

describe("a layer as a stream of Effect", () => {
  const members = [Layers.file("a", "1"), Layers.file("b", "2")]
  const options = { mediaType: "application/vnd.oci.image.layer.v1.tar" }

  it("has its members and their data, or its error", async () => {
    const read = LayerStream.read(Layers.archive(members), options).pipe(
      Stream.mapEffect((member) =>
        Effect.map(Stream.runCollect(LayerStream.data(member)), (chunks) =>
          Buffer.concat(Chunk.toReadonlyArray(chunks)).toString()
        )
      )
    )
    assert.deepEqual(Chunk.toReadonlyArray(await Effect.runPromise(Stream.runCollect(read))), ["1", "2"])
    const failed = await Effect.runPromise(
      Effect.either(Stream.runDrain(LayerStream.read(Layers.archive(members), { mediaType: "text/plain" })))
    )
    assert.strictEqual(Either.isLeft(failed) && failed.left._tag, "LayerTypeUnknown")
  })
})
