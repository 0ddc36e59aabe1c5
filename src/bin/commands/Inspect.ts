/** `oci-systemd inspect`: everything about one image. */
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Inspection from "../../program/Inspection.ts"
import * as Selection from "../../program/Selection.ts"
import * as CommonOptions from "./CommonOptions.ts"

export const inspect = Command.make(
  "inspect",
  { config: CommonOptions.config, json: CommonOptions.json, image: CommonOptions.image },
  ({ config, json, image }) =>
    Effect.gen(function* () {
      const { catalog } = yield* CommonOptions.load(config)
      const inspection = yield* Inspection.of(yield* Selection.one(catalog, image))
      yield* Console.log(json ? JSON.stringify(inspection, undefined, 2) : Inspection.render(inspection))
    })
).pipe(Command.withDescription("Show an image's manifest, configuration, layers and units"))
