/** `oci-systemd gc`: removes what no image needs. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Garbage from "../../program/garbage/Garbage.ts"
import * as ExtractionServices from "../../services/ExtractionServices.ts"
import * as GarbageText from "../view/GarbageText.ts"
import * as Output from "../Output.ts"
import * as CommonOptions from "./CommonOptions.ts"

const dryRun = Options.boolean("dry-run").pipe(
  Options.withDescription("Say what would be removed and how much that frees, and remove nothing")
)

const volumes = Options.boolean("volumes").pipe(
  Options.withDescription(
    "Remove the volumes of images that are gone, too, and what was written to their roots: data that nothing can make again"
  )
)

const allowEmpty = Options.boolean("allow-empty").pipe(
  Options.withDescription("Go on though no image is left: else that is taken for a disk that is not mounted")
)

export const gc = Command.make(
  "gc",
  { config: CommonOptions.config, json: CommonOptions.json, dryRun, volumes, allowEmpty },
  ({ allowEmpty, config, dryRun, json, volumes }) =>
    Effect.gen(function* () {
      const { settings } = yield* CommonOptions.load(config)
      const load = Effect.map(CommonOptions.loadSilently(config), ({ catalog }) => catalog)
      const outcome = yield* Garbage.collect(settings, load, { allowEmpty, dryRun, volumes }).pipe(
        Effect.provide(ExtractionServices.layer(settings.system.extractsdir))
      )
      if (json) Output.printJson(outcome)
      else Output.print(GarbageText.render(outcome, Output.width()).join("\n"))
    })
).pipe(Command.withDescription("Remove what no image needs any more, and say how much that frees"))
