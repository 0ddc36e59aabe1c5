// @ts-check
/**
 * Extracts an image, with Effect: the services come as a layer, and each error is told by its tag.
 *
 *     node examples/extract-effect.mjs LAYOUTS EXTRACTS IMAGE
 */
import { Console, Effect } from "effect"
import { Catalog, Extract, ExtractionServices, Selection, Settings } from "oci-systemd-generator/effect"

const [imagelayoutdir = "", extractsdir = "", wanted = ""] = process.argv.slice(2)
// A root that is a directory can be read at once; a mounted one only while it is mounted.
const settings = Settings.make({ system: { imagelayoutdir, extractsdir, roots: "directories" } })

const program = Effect.gen(function* () {
  const catalog = Catalog.load(settings)
  const image = yield* Selection.one(catalog, wanted)
  const { root } = yield* Extract.extract(image, {
    onEvent: (event) => {
      if (event._tag === "LayerReady") console.error(`layer ${event.layer}: ${event.entries} entries`)
    }
  })
  yield* Console.log(root)
}).pipe(
  Effect.catchTag("NoSuchImage", ({ message }) => failed(message)),
  Effect.catchTag("NotAnImage", ({ message }) => failed(message)),
  Effect.catchTag("SeveralImages", ({ message }) => failed(message)),
  Effect.catchTag("LayoutUnread", ({ message }) => failed(message)),
  Effect.catchTag("ExtractFailed", ({ message }) => failed(message)),
  Effect.provide(ExtractionServices.layer(extractsdir))
)

/** @param {string} message */
const failed = (message) =>
  Effect.sync(() => {
    console.error(message)
    process.exitCode = 1
  })

await Effect.runPromise(program)
