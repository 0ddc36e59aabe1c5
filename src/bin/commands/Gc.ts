/** `oci-systemd gc`: removes files that no image needs. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Garbage from "../../program/garbage/Garbage.ts"
import * as ThisMachine from "../../program/ThisMachine.ts"
import * as ExtractionServices from "../../services/ExtractionServices.ts"
import * as Output from "../Output.ts"
import * as GarbageText from "../view/GarbageText.ts"
import * as CommonOptions from "./CommonOptions.ts"

const dryRun = Options.boolean("dry-run").pipe(
  Options.withDescription("Show what would be removed and how much that frees, and remove nothing")
)

const volumes = Options.boolean("volumes").pipe(
  Options.withDescription(
    "Also remove the volumes of images that are gone, and what was written to their roots: data that cannot be restored"
  )
)

const allowEmpty = Options.boolean("allow-empty").pipe(
  Options.withDescription(
    "Proceed without any image; otherwise their absence counts as a disk that is not mounted"
  )
)

export const gc = Command.make(
  "gc",
  { config: CommonOptions.config, json: CommonOptions.json, dryRun, volumes, allowEmpty },
  ({ allowEmpty, dryRun, json, volumes }) =>
    Effect.gen(function* () {
      const { settings } = yield* CommonOptions.load()
      const load = Effect.map(ThisMachine.read(), ({ catalog }) => catalog)
      const outcome = yield* Garbage.collect(settings, load, { allowEmpty, dryRun, volumes }).pipe(
        Effect.provide(ExtractionServices.layer(settings.system.extractsdir))
      )
      if (json) Output.printJson(outcome)
      else Output.print(GarbageText.render(outcome, Output.width()).join("\n"))
    })
).pipe(
  Command.withDescription("Remove files that no image needs any more, and show how much that frees"),
  CommonOptions.reading
)
