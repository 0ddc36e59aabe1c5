/** `oci-systemd dry-run`: what the generator would write. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { render } from "../../domain/UnitFile.ts"
import * as Render from "../../program/Render.ts"
import * as Selection from "../../program/Selection.ts"
import * as CommonOptions from "./CommonOptions.ts"

const systemdVersion = Options.integer("systemd-version").pipe(
  Options.withDescription("Render for this version of systemd instead of the host's"),
  Options.optional
)

export const dryRun = Command.make(
  "dry-run",
  { config: CommonOptions.config, systemdVersion, images: CommonOptions.images },
  ({ config, systemdVersion, images }) =>
    Effect.gen(function* () {
      const overrides = Option.match(systemdVersion, {
        onNone: () => ({}),
        onSome: (systemdVersion) => ({ systemdVersion })
      })
      const { catalog } = yield* CommonOptions.load(config, overrides)
      for (const image of yield* Selection.select(catalog, images)) {
        const { files, links, notes, problem } = yield* Render.image(image)
        for (const file of files) yield* Console.log(`# ${file.name}\n${render(file)}`)
        for (const { path, target } of links) yield* Console.log(`# ${path} -> ${target}\n`)
        for (const note of notes) yield* Effect.logWarning(note)
        if (problem !== undefined) yield* Effect.logError(problem)
      }
    })
).pipe(Command.withDescription("Print the units that the generator would write, and write nothing"))
