/** `oci-systemd extract`: extracts images ahead of their first start. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { display } from "../../domain/ImageName.ts"
import * as Extract from "../../program/Extract.ts"
import * as Selection from "../../program/Selection.ts"
import * as ExtractionServices from "../../services/ExtractionServices.ts"
import * as ExtractionProgress from "../ExtractionProgress.ts"
import * as CommonOptions from "./CommonOptions.ts"
import * as Extraction from "./Extraction.ts"

const strict = Options.boolean("strict").pipe(
  Options.withDescription("Refuse layers that bring the same thing twice, instead of warning")
)

export const extract = Command.make(
  "extract",
  { config: CommonOptions.config, strict, images: CommonOptions.images },
  ({ config, strict, images }) =>
    Effect.gen(function* () {
      const { settings, catalog } = yield* CommonOptions.load(config)
      const selected = yield* Selection.select(catalog, images)
      const onEvent = ExtractionProgress.make()
      const results = yield* Effect.forEach(
        selected,
        (image) =>
          Extract.extract(image, { onEvent, strict }).pipe(
            Effect.tap(({ root, made }) =>
              Console.log(
                `${display(image.context.name)}: ${Option.isSome(made) ? "extracted to" : "is extracted already:"} ${root}`
              )
            ),
            Effect.either
          ),
        { concurrency: IMAGES_AT_ONCE }
      ).pipe(Effect.provide(ExtractionServices.layer(settings.system.extractsdir)))
      yield* Extraction.failWithAll(results)
    })
).pipe(
  Command.withDescription(
    "Extract images (all of them when none is named), so that their first start is quick"
  )
)

/** While one is merged and written, the next one's layers are taken apart. */
const IMAGES_AT_ONCE = 2
