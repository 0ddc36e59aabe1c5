/** `oci-systemd prepare`: what an image's unit runs before it starts. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { ImageName } from "../../domain/naming/ImageName.ts"
import * as Catalog from "../../program/Catalog.ts"
import * as Prepare from "../../program/Prepare.ts"
import * as ExtractionServices from "../../services/ExtractionServices.ts"
import { NativeCalls } from "../../services/files/NativeCalls.ts"
import { RootStarter } from "../../services/root/RootStarter.ts"
import { ServiceManager } from "../../services/unit/ServiceManager.ts"
import { UserDatabase } from "../../services/root/UserDatabase.ts"
import { Volumes } from "../../services/Volumes.ts"
import * as CommonOptions from "./CommonOptions.ts"

const services = Layer.mergeAll(
  UserDatabase.layer,
  RootStarter.layer,
  Layer.mergeAll(Volumes.layer, ServiceManager.layer).pipe(Layer.provideMerge(NativeCalls.layer))
)

/** What the unit tells of its image, so that the layouts of all others need not be read. */
const layout = Options.text("layout").pipe(
  Options.withDescription("The image's layout, where IMAGE is the name of its unit"),
  Options.optional
)
const ref = Options.text("ref").pipe(
  Options.withDescription("The image's reference in this layout"),
  Options.optional
)

const select = (config: Option.Option<string>, image: string, name: Option.Option<ImageName>) =>
  Effect.gen(function* () {
    if (Option.isSome(name)) {
      const around = yield* CommonOptions.surroundings(config)
      const selected = yield* Catalog.one(around, name.value, image.replace(/\.service$/, ""))
      if (selected !== undefined) return { settings: around.settings, selected }
    }
    const { settings, catalog } = yield* CommonOptions.load(config)
    return { settings, selected: yield* CommonOptions.one(catalog, image) }
  })

export const prepare = Command.make(
  "prepare",
  { config: CommonOptions.config, layout, ref, image: CommonOptions.image },
  ({ config, layout, ref, image }) =>
    Effect.gen(function* () {
      const { selected, settings } = yield* select(config, image, Option.all({ layout, ref }))
      yield* Prepare.prepare(selected).pipe(
        Effect.provide(services),
        Effect.provide(ExtractionServices.layer(settings.system.extractsdir))
      )
    })
).pipe(
  Command.withDescription(
    "Make an image's root, volumes and user records ready; its unit runs this before it starts"
  )
)
