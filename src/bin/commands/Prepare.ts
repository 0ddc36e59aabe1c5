/** `oci-systemd prepare`: what an image's unit runs before it starts. */
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Prepare from "../../program/Prepare.ts"
import * as Selection from "../../program/Selection.ts"
import * as ExtractionServices from "../../services/ExtractionServices.ts"
import { NativeCalls } from "../../services/NativeCalls.ts"
import { ServiceManager } from "../../services/ServiceManager.ts"
import { UserDatabase } from "../../services/UserDatabase.ts"
import { Volumes } from "../../services/Volumes.ts"
import * as CommonOptions from "./CommonOptions.ts"

const volumes = Layer.provide(Volumes.layer, NativeCalls.layer)

export const prepare = Command.make(
  "prepare",
  { config: CommonOptions.config, image: CommonOptions.image },
  ({ config, image }) =>
    Effect.gen(function* () {
      const { settings, catalog } = yield* CommonOptions.load(config)
      const selected = yield* Selection.one(catalog, image)
      yield* Prepare.prepare(selected).pipe(
        Effect.provide(Layer.mergeAll(UserDatabase.layer, ServiceManager.layer, volumes, NativeCalls.layer)),
        Effect.provide(ExtractionServices.layer(settings.system.extractsdir))
      )
    })
).pipe(
  Command.withDescription(
    "Make an image's root, scratch and user records ready; its unit runs this before it starts"
  )
)
