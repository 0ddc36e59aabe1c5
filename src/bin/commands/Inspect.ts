/** `oci-systemd inspect`: shows everything about one image. */
import * as Command from "@effect/cli/Command"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Inspection from "../../program/Inspection.ts"
import * as Output from "../Output.ts"
import * as InspectionText from "../view/InspectionText.ts"
import * as CommonOptions from "./CommonOptions.ts"

export const inspect = Command.make(
  "inspect",
  { config: CommonOptions.config, json: CommonOptions.json, image: CommonOptions.image },
  ({ json, image }) =>
    Effect.gen(function* () {
      const { catalog } = yield* CommonOptions.load()
      const inspection = yield* Inspection.of(yield* CommonOptions.one(catalog, image))
      if (json) Output.printJson(inspection)
      else Output.print(InspectionText.render(inspection, Output.width(), yield* Clock.currentTimeMillis))
    })
).pipe(
  Command.withDescription(
    "Show an image: its process, its layers, and each line of its units with its source"
  ),
  CommonOptions.reading
)
