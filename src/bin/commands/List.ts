/** `oci-systemd list`: lists the images of this machine. */
import * as fs from "node:fs"
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Summary from "../../program/Summary.ts"
import * as Output from "../Output.ts"
import * as SummaryTable from "../view/SummaryTable.ts"
import * as CommonOptions from "./CommonOptions.ts"

const nothing = (directory: string): string =>
  fs.existsSync(directory)
    ? `There are no images below ${directory}.`
    : `There are no images: the layouts directory ${directory} is missing.`

export const list = Command.make(
  "list",
  { config: CommonOptions.config, json: CommonOptions.json, images: CommonOptions.images },
  ({ images, json }) =>
    Effect.gen(function* () {
      const { catalog, settings } = yield* CommonOptions.load()
      const rows = yield* Effect.forEach(yield* CommonOptions.select(catalog, images), Summary.of)
      if (json) Output.printJson(rows)
      else if (rows.length > 0) Output.print(SummaryTable.render(rows, Output.width()).join("\n"))
      else Output.tell(nothing(settings.system.imagelayoutdir))
    })
).pipe(Command.withDescription("List images with their units and their problems"), CommonOptions.reading)
