/** `oci-systemd remove`: stops images, removes their layouts, and removes what was extracted of them. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Printable from "../../domain/text/Printable.ts"
import { nameOf } from "../../program/Catalog.ts"
import * as Enable from "../../program/Enable.ts"
import * as Garbage from "../../program/garbage/Garbage.ts"
import * as ImagesUnread from "../../program/ImagesUnread.ts"
import * as Remove from "../../program/Remove.ts"
import * as ThisMachine from "../../program/ThisMachine.ts"
import * as ExtractionServices from "../../services/ExtractionServices.ts"
import * as Output from "../Output.ts"
import * as GarbageText from "../view/GarbageText.ts"
import * as CommonOptions from "./CommonOptions.ts"
import * as EnablingOptions from "./EnablingOptions.ts"

const images = Args.text({ name: "IMAGE" }).pipe(
  Args.withDescription("LAYOUT:REF (myorg.com/myapp:stable), LAYOUT for all its references, or a unit"),
  Args.atLeast(1)
)

export const remove = Command.make("remove", { config: CommonOptions.config, images }, ({ images }) =>
  Effect.gen(function* () {
    const { catalog, settings } = yield* CommonOptions.load()
    const selected = yield* CommonOptions.select(catalog, images)
    yield* ImagesUnread.requireNone(
      selected.filter(({ isHidden }) => isHidden).map((image) => ({ image: nameOf(image) }))
    )
    yield* Remove.requireWhole(catalog, selected, images)
    for (const unit of yield* Remove.stop(selected)) Output.print(`Stopped ${unit}.`)
    for (const { context } of selected) {
      if (!Enable.isEnabledByUs(context.name)) continue
      const { file } = yield* Enable.disable(context.name)
      Output.print(Printable.line(`Removed ${file}.`))
    }
    const removed = yield* Remove.layouts(selected, settings.system.imagelayoutdir)
    for (const path of removed) Output.print(Printable.line(`Removed ${path}.`))
    yield* EnablingOptions.reload
    const outcome = yield* Garbage.collect(
      settings,
      Effect.map(ThisMachine.read(), ({ catalog }) => catalog),
      // The last image was removed on purpose: no disk is missing.
      { allowEmpty: catalog.images.every(({ layoutPath }) => removed.includes(layoutPath)) }
    ).pipe(Effect.provide(ExtractionServices.layer(settings.system.extractsdir)))
    Output.print(GarbageText.render(outcome, Output.width()).join("\n"))
    for (const { at, what } of selected.flatMap((image) => Remove.kept(image, settings)))
      Output.print(Printable.line(`Kept ${at}: ${WHY[what]}`))
  })
).pipe(
  Command.withDescription("Stop images, and remove their layouts and what was extracted of them"),
  CommonOptions.reading
)

const WHY = {
  data: "the data of the service. oci-systemd gc --volumes removes the data of all images that are gone.",
  "drop-in": "a drop-in for its unit.",
  setting: "a setting for this image."
} as const
