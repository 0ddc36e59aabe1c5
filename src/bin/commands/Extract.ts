/** `oci-systemd extract`: extracts images ahead of their first start. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { display } from "../../domain/naming/ImageName.ts"
import * as Printable from "../../domain/text/Printable.ts"
import type { CatalogImage } from "../../program/Catalog.ts"
import * as Extract from "../../program/Extract.ts"
import * as Render from "../../program/Render.ts"
import * as ExtractionServices from "../../services/ExtractionServices.ts"
import * as HostProgram from "../../services/host/HostProgram.ts"
import * as ServiceManager from "../../services/unit/ServiceManager.ts"
import * as ErrorReport from "../ErrorReport.ts"
import * as ExtractionProgress from "../view/ExtractionProgress.ts"
import * as Output from "../Output.ts"
import * as CommonOptions from "./CommonOptions.ts"
import * as Extraction from "./Extraction.ts"

const strict = Options.boolean("strict").pipe(
  Options.withDescription("Refuse layers that bring the same thing twice, instead of warning")
)

const all = Options.boolean("all").pipe(Options.withDescription("Extract all images, as when none is named"))

export const extract = Command.make(
  "extract",
  { config: CommonOptions.config, strict, all, images: CommonOptions.images },
  ({ all, config, images, strict }) =>
    Effect.gen(function* () {
      const { settings, catalog } = yield* CommonOptions.load(config)
      const selected = yield* CommonOptions.select(catalog, all ? [] : images)
      // What nobody asked for by name is no failure where it cannot be meant.
      const isEach = all || images.length === 0
      const { end, onEvent } = ExtractionProgress.make({ plain: true })
      const results = yield* Effect.forEach(
        selected,
        (image) =>
          Extract.extract(image, { onEvent, strict }).pipe(
            Effect.annotateLogs(ErrorReport.ABOUT, display(image.context.name)),
            Effect.ensuring(Effect.sync(() => end(image.context.name))),
            Effect.tap(({ made, root }) =>
              Effect.sync(() =>
                Output.print(
                  Printable.line(
                    `${display(image.context.name)}: ${Option.isSome(made) ? "extracted to" : "is extracted already:"} ${root}`
                  )
                )
              )
            ),
            Effect.either
          ),
        { concurrency: IMAGES_AT_ONCE }
      ).pipe(Effect.provide(ExtractionServices.layer(settings.system.extractsdir)))
      const isSkipped = (result: (typeof results)[number]): boolean =>
        isEach && Either.isLeft(result) && Extract.isNotForHere(result.left)
      for (const result of results.filter(isSkipped)) {
        if (Either.isLeft(result)) Output.print(Printable.line(`${result.left.message}: skipped`))
      }
      const succeeded = new Set(results.flatMap((result, index) => (Either.isRight(result) ? [index] : [])))
      yield* tellOfReload(selected.filter((_, index) => succeeded.has(index)))
      yield* Extraction.failWithAll(results.filter((result) => !isSkipped(result)))
    })
).pipe(
  Command.withDescription(
    "Extract images (all of them when none is named), so that their first start is quick"
  )
)

/** Extraction finds out what units must say; systemd has those from before. */
const tellOfReload = (extracted: readonly CatalogImage[]) =>
  Effect.gen(function* () {
    if (!HostProgram.hasSystemd()) return
    const rendered = yield* Effect.forEach(extracted, (image) =>
      Effect.map(Render.image(image), ({ files }) => ({ image, isKnown: ServiceManager.hasUnits(files) }))
    )
    const due = rendered.filter(({ isKnown }) => !isKnown).map(({ image }) => display(image.context.name))
    if (due.length > 0)
      yield* Effect.logInfo(
        `systemctl daemon-reload is due: systemd does not have the finished units of ${due.join(", ")} yet; a start would reload it`
      )
  })

/** While one is merged and written, the next one's layers are taken apart. */
const IMAGES_AT_ONCE = 2
