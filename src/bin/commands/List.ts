/** `oci-systemd list`: lists the images of this machine. */
import * as fs from "node:fs"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Catalog } from "../../program/Catalog.ts"
import * as Selection from "../../program/Selection.ts"
import * as Summary from "../../program/Summary.ts"
import * as Output from "../Output.ts"
import * as SummaryTable from "../view/SummaryTable.ts"
import * as CommonOptions from "./CommonOptions.ts"

const nothing = (directory: string): string =>
  fs.existsSync(directory)
    ? `There are no images below ${directory}.`
    : `There are no images: the layouts directory ${directory} is missing.`

const all = Options.boolean("all").pipe(
  Options.withDescription(
    "Also list what is not an image: signatures, attestations, charts and other artifacts"
  )
)

export const list = Command.make(
  "list",
  { config: CommonOptions.config, json: CommonOptions.json, all, images: CommonOptions.images },
  ({ all, images, json }) =>
    Effect.gen(function* () {
      const { catalog, settings } = yield* CommonOptions.load()
      const rows = all
        ? yield* Summary.ofEverything(yield* everything(catalog, images))
        : yield* Summary.ofAll(yield* CommonOptions.select(catalog, images))
      if (json) Output.printJson(rows)
      else if (rows.length > 0)
        Output.print(
          SummaryTable.render(rows, {
            width: Output.width(),
            now: yield* Clock.currentTimeMillis,
            hasArtifacts: all
          }).join("\n")
        )
      else Output.tell(nothing(settings.system.imagelayoutdir))
    })
).pipe(
  Command.withDescription("List images with their units, what these do, and their problems"),
  CommonOptions.reading
)

/** Selects images and artifacts, and warns about problems of their layouts. */
const everything = (catalog: Catalog, wanted: readonly string[]) =>
  CommonOptions.telling(catalog, Selection.everything(catalog, wanted), ({ artifacts, images }) =>
    wanted.length === 0 ? "all" : [...images, ...artifacts].map(({ layoutPath }) => layoutPath)
  )
