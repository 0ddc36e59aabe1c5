// @ts-check
/**
 * Extracts an image, shows how far it is, and stops tidily on Ctrl-C. With promises; `extract-effect.mjs` is the same with Effect.
 *
 *     node examples/extract.mjs LAYOUTS EXTRACTS IMAGE      for example: /srv/layouts /srv/extracts myorg.com/myapp:stable
 */
import { Catalog, Extract, Selection, Session, Settings } from "oci-systemd-generator"

const [imagelayoutdir = "", extractsdir = "", wanted = ""] = process.argv.slice(2)
// A root that is a directory can be read at once; one that is mounted, while it is mounted.
const settings = Settings.make({ system: { imagelayoutdir, extractsdir, roots: "directories" } })
const session = Session.open(settings)
const controller = new AbortController()
process.once("SIGINT", () => controller.abort())

try {
  const catalog = await session.run(Catalog.load(settings))
  const image = await session.run(Selection.one(catalog, wanted))
  const outcome = await session.attempt(Extract.extract(image, { onEvent: show }), controller)
  if (outcome._tag === "Right") console.log(outcome.right.root)
  else {
    // `cause` is one of the library's errors: LayerDigestMismatch, RootWriteError, …
    console.error(outcome.left.message)
    process.exitCode = 1
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  await session.close()
}

/** @param {import("oci-systemd-generator").ExtractionEvent.ExtractionEvent} event */
function show(event) {
  switch (event._tag) {
    case "Begun":
      return console.error(`${event.layers.length} layers`)
    case "LayerRead":
      return console.error(`layer ${event.layer}: ${event.read} bytes read, ${event.entries} entries so far`)
    case "LayerReady":
      return console.error(`layer ${event.layer}: verified, ${event.entries} entries, ${event.bytes} bytes`)
    case "RootWritten":
      return console.error(`root: ${event.done} of ${event.total} steps`)
    case "Published":
      return console.error("complete")
  }
}
