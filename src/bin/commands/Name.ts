/** `oci-systemd name`: converts image names to units, and units to image names. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as UnitName from "../../domain/naming/UnitName.ts"
import * as Printable from "../../domain/text/Printable.ts"
import * as Names from "../../program/Names.ts"
import { sha256 } from "../../services/layout/Blobs.ts"
import * as Output from "../Output.ts"
import * as CommonOptions from "./CommonOptions.ts"

const what = Args.text({ name: "NAME" }).pipe(
  Args.withDescription(
    "LAYOUT:REF or LAYOUT REF prints its unit; a unit or its path prints the image; LAYOUT or its path prints the units of all its references"
  ),
  Args.atLeast(1)
)

const all = Options.boolean("all").pipe(
  Options.withDescription("Print all units of the image, not only its service")
)

export const name = Command.make(
  "name",
  { config: CommonOptions.config, json: CommonOptions.json, all, what },
  ({ all, json, what }) =>
    Effect.gen(function* () {
      const { catalog } = yield* CommonOptions.load()
      const names = yield* CommonOptions.telling(catalog, Names.of(catalog, what), (found) =>
        found.map(({ layout }) => layout)
      )
      for (const each of names) {
        const made = Names.byTools(each)
        if (made !== undefined)
          yield* Effect.logWarning(
            `skopeo reads ${each.image} as the layout ${made.layout} with the reference ${made.ref}, whose unit is ${UnitName.service(UnitName.fromImage(made, sha256))}: name the layout without a colon`
          )
      }
      if (json) Output.printJson(names)
      else for (const text of Names.lines(names, what, all)) Output.print(Printable.line(text))
    })
).pipe(
  Command.withDescription("Print the name of an image's unit, or the image of a unit"),
  CommonOptions.reading
)
