/** `oci-systemd list`: the images that there are. */
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Summary from "../../program/Summary.ts"
import * as CommonOptions from "./CommonOptions.ts"

export const list = Command.make(
  "list",
  { config: CommonOptions.config, json: CommonOptions.json },
  ({ config, json }) =>
    Effect.gen(function* () {
      const { catalog } = yield* CommonOptions.load(config)
      const rows = yield* Effect.forEach(catalog.images, Summary.of)
      if (json) yield* Console.log(JSON.stringify(rows, undefined, 2))
      else if (rows.length > 0) yield* Console.log(table(rows))
    })
).pipe(Command.withDescription("List the images, their units, and what is wrong with them"))

const table = (rows: readonly Summary.Summary[]): string => {
  const cells = [
    ["IMAGE", "UNIT", "PLATFORM", "EXTRACTED", "PROBLEM"],
    ...rows.map((row) => [
      row.image,
      row.unit,
      row.platform ?? "-",
      row.extracted ? "yes" : "no",
      row.problem ?? ""
    ])
  ]
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(...cells.map((row) => (row[column] ?? "").length))
  )
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}
