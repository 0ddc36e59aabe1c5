/** `oci-systemd name`: from an image to its units, and back. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Printable from "../../domain/text/Printable.ts"
import * as UnitName from "../../domain/naming/UnitName.ts"
import * as Names from "../../program/Names.ts"
import { sha256 } from "../../services/layout/Blobs.ts"
import * as Output from "../Output.ts"
import * as CommonOptions from "./CommonOptions.ts"

const what = Args.text({ name: "NAME" }).pipe(
  Args.withDescription(
    "LAYOUT:REF or LAYOUT REF: its unit is printed; a unit, or the path of a unit: the image is printed; LAYOUT, or the path of a layout: the units of all its references"
  ),
  Args.atLeast(1)
)

const all = Options.boolean("all").pipe(
  Options.withDescription("Print all units of the image, not its service alone")
)

export const name = Command.make(
  "name",
  { config: CommonOptions.config, json: CommonOptions.json, all, what },
  ({ all, config, json, what }) =>
    Effect.gen(function* () {
      const { catalog } = yield* CommonOptions.load(config)
      const names = yield* CommonOptions.telling(catalog, Names.of(catalog, what), (found) =>
        found.map(({ layout }) => layout)
      )
      for (const each of names) {
        const made = Names.byTools(each)
        if (made !== undefined)
          yield* Effect.logWarning(
            `skopeo makes the layout ${made.layout} with the reference ${made.ref} of ${each.image}, which is ${UnitName.service(UnitName.fromImage(made, sha256))} then: name the layout without a colon`
          )
      }
      if (json) Output.printJson(names)
      else for (const text of Names.lines(names, what, all)) Output.print(Printable.line(text))
    })
).pipe(Command.withDescription("Print the name of an image's unit, or the image of a unit"))
