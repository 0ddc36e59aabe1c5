/** `oci-systemd prepare`: the command that an image's unit runs before the service starts. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { ExtractionEvent } from "../../domain/extracts/ExtractionEvent.ts"
import type { ImageName } from "../../domain/naming/ImageName.ts"
import * as UnitName from "../../domain/naming/UnitName.ts"
import * as Catalog from "../../program/Catalog.ts"
import * as Prepare from "../../program/Prepare.ts"
import * as StartWatch from "../../program/StartWatch.ts"
import * as ThisMachine from "../../program/ThisMachine.ts"
import * as ExtractionServices from "../../services/ExtractionServices.ts"
import { NativeCalls } from "../../services/files/NativeCalls.ts"
import * as NextBoot from "../../services/memory/NextBoot.ts"
import { RootStarter } from "../../services/root/RootStarter.ts"
import { UserDatabase } from "../../services/root/UserDatabase.ts"
import { VolumeDirectories } from "../../services/root/VolumeDirectories.ts"
import { ServiceManager } from "../../services/unit/ServiceManager.ts"
import * as StartStatus from "../../services/unit/StartStatus.ts"
import * as Output from "../Output.ts"
import * as ExtractionProgress from "../view/ExtractionProgress.ts"
import * as CommonOptions from "./CommonOptions.ts"

const services = Layer.mergeAll(
  UserDatabase.layer,
  RootStarter.layer,
  Layer.mergeAll(VolumeDirectories.layer, ServiceManager.layer).pipe(Layer.provideMerge(NativeCalls.layer))
)

/** The image's layout, given by the unit, so that no other layout needs to be read. */
const layout = Options.text("layout").pipe(
  Options.withDescription("The image's layout, if IMAGE is the name of its unit"),
  Options.optional
)
const ref = Options.text("ref").pipe(
  Options.withDescription("The image's reference in this layout"),
  Options.optional
)

const select = (image: string, name: Option.Option<ImageName>) =>
  Effect.gen(function* () {
    if (Option.isSome(name)) {
      const around = yield* ThisMachine.surroundings()
      const selected = yield* Catalog.one(around, name.value, image.replace(/\.service$/, ""))
      if (selected !== undefined) return { settings: around.settings, selected }
    }
    const { settings, catalog } = yield* CommonOptions.load()
    return { settings, selected: yield* CommonOptions.one(catalog, image) }
  })

export const prepare = Command.make(
  "prepare",
  { config: CommonOptions.config, layout, ref, image: CommonOptions.image },
  ({ layout, ref, image }) =>
    Effect.gen(function* () {
      const { selected, settings } = yield* select(image, Option.all({ layout, ref }))
      // The first start of a large image takes its time: the journal of the service and `systemctl status` of this unit tell how far it is.
      const tellStatus = StartStatus.make(process.env)
      const progress = ExtractionProgress.make((line) => {
        Output.tell(line)
        tellStatus(line)
      })
      const onEvent = (event: ExtractionEvent): void => {
        progress.onEvent(event)
        if (event._tag === "Published" && !event.found) tellStatus("extracted")
      }
      yield* Prepare.prepare(selected, { onEvent }).pipe(
        Effect.provide(services),
        Effect.provide(ExtractionServices.layer(settings.system.extractsdir)),
        Effect.raceFirst(StartWatch.untilStopped(UnitName.service(selected.context.stem)))
      )
      yield* NextBoot.remember
    })
).pipe(
  Command.withDescription(
    "Make an image's root, volumes and user records ready; its units run this before each start"
  ),
  CommonOptions.reading
)
