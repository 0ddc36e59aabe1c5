/** `oci-systemd extract`: extracts images before their first start. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { HostPlatform } from "../../domain/image/Platform.ts"
import { display } from "../../domain/naming/ImageName.ts"
import * as Printable from "../../domain/text/Printable.ts"
import type { CatalogImage } from "../../program/Catalog.ts"
import * as Extract from "../../program/Extract.ts"
import { isBase, isNotForHere } from "../../program/ExtractFailed.ts"
import * as Render from "../../program/Render.ts"
import * as ExtractionServices from "../../services/ExtractionServices.ts"
import * as HostProgram from "../../services/host/HostProgram.ts"
import * as NextBoot from "../../services/memory/NextBoot.ts"
import * as ServiceManager from "../../services/unit/ServiceManager.ts"
import * as ErrorReport from "../ErrorReport.ts"
import * as Output from "../Output.ts"
import * as ExtractionProgress from "../view/ExtractionProgress.ts"
import * as CommonOptions from "./CommonOptions.ts"
import * as Extraction from "./Extraction.ts"

export const strict = Options.boolean("strict").pipe(
  Options.withDescription("Refuse layers with repeated entries instead of warning")
)

const all = Options.boolean("all").pipe(Options.withDescription("Extract all images, as without any IMAGE"))

export const extract = Command.make(
  "extract",
  {
    config: CommonOptions.config,
    strict,
    all,
    platform: CommonOptions.platform,
    images: CommonOptions.images
  },
  ({ all, images, platform: wanted, strict }) =>
    Effect.gen(function* () {
      const platform = yield* CommonOptions.platformOf(wanted)
      const { settings, catalog } = yield* CommonOptions.load()
      const selected = yield* CommonOptions.select(catalog, all ? [] : images)
      // An image that cannot run here is only a failure if it was named.
      const isEach = all || images.length === 0
      const { end, onEvent } = ExtractionProgress.make(Output.tell)
      const results = yield* Effect.forEach(
        selected,
        (image) =>
          extractOne(image, { onEvent, strict }, isEach, platform).pipe(
            Effect.annotateLogs(ErrorReport.ABOUT, display(image.context.name)),
            Effect.ensuring(Effect.sync(() => end(image.context.name))),
            Effect.tap(({ made, root }) =>
              Effect.sync(() =>
                Output.print(
                  Printable.line(
                    `${display(image.context.name)}: ${made ? "extracted to" : "is already extracted to"} ${root}`
                  )
                )
              )
            ),
            Effect.either
          ),
        { concurrency: IMAGES_AT_ONCE }
      ).pipe(Effect.provide(ExtractionServices.layer(settings.system.extractsdir)))
      const isSkipped = (result: (typeof results)[number]): boolean =>
        isEach && Either.isLeft(result) && isNotForHere(result.left)
      for (const result of results.filter(isSkipped)) {
        if (Either.isLeft(result)) Output.print(Printable.line(`${result.left.message}: skipped`))
      }
      const succeeded = new Set(results.flatMap((result, index) => (Either.isRight(result) ? [index] : [])))
      yield* NextBoot.remember
      yield* tellOfReload(selected.filter((_, index) => succeeded.has(index)))
      yield* Extraction.failWithAll(results.filter((result) => !isSkipped(result)))
    })
).pipe(
  Command.withDescription("Extract images (by default all), so that their first start is quick"),
  CommonOptions.reading
)

/** An image that was named is extracted for any platform, and without a command, though nothing can run it then. */
const extractOne = (
  image: CatalogImage,
  options: Extract.ExtractOptions,
  isEach: boolean,
  platform: HostPlatform | undefined
) => {
  if (platform !== undefined) return Extract.root(image, { ...options, platform })
  const extracted = Extract.extract(image, options)
  if (isEach) return extracted
  return Effect.catchIf(extracted, isBase, () => Extract.root(image, options))
}

/** Recommends a reload where extraction changes the units: systemd still has those from before. */
const tellOfReload = (extracted: readonly CatalogImage[]) =>
  Effect.gen(function* () {
    if (!HostProgram.hasSystemd()) return
    const due = extracted
      .filter((image) => !ServiceManager.hasUnits(Render.image(image).files))
      .map(({ context }) => display(context.name))
    if (due.length > 0)
      yield* Effect.logInfo(
        `run systemctl daemon-reload: systemd does not have the finished units of ${due.join(", ")} yet; otherwise their first start reloads it`
      )
  })

/** While one image is merged and written, the layers of the next are processed. */
const IMAGES_AT_ONCE = 2
