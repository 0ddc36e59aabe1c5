// @ts-check
/**
 * Task: stubs a service, as a test of a program would: the layers are not read, and the program sees what it should do then.
 *
 *     node examples/stub.mjs LAYOUT REF
 */
import { Effect } from "effect"
import { Extract, ExtractionServices, LayerError, Layouts, Services } from "oci-systemd-generator/effect"

const [directory = "", ref = ""] = process.argv.slice(2)
const damaged = Services.layerNoop(Services.LayerArchive, {
  stage: ({ blob }) =>
    Effect.fail(new LayerError.LayerSizeMismatch({ layer: blob.digest, expected: 2, actual: 1 }))
})
const services = ExtractionServices.over("/nowhere", damaged, Services.NativeCalls.layer)

const program = Effect.gen(function* () {
  const image = yield* Layouts.open(directory, ref)
  return yield* Extract.into(image, `${process.cwd()}/never-made`)
}).pipe(
  Effect.catchTag("ExtractFailed", ({ cause }) => Effect.succeed(`as it should: ${cause._tag}`)),
  Effect.provide(services)
)
console.log(await Effect.runPromise(program))
