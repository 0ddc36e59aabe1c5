/** What the generator does: read the layouts, render every image's units, write them. */
import * as Effect from "effect/Effect"
import type { UnitHost } from "../domain/ImageContext.ts"
import { display } from "../domain/ImageName.ts"
import type { HostPlatform } from "../domain/Platform.ts"
import type { Settings } from "../domain/Settings.ts"
import * as UnitDirectory from "../services/UnitDirectory.ts"
import * as Catalog from "./Catalog.ts"
import * as Render from "./Render.ts"

/** Where the generator says what it does: one line each. */
export interface Log {
  /** What is made of each image. */
  readonly debug: (message: string) => void
  /** What is passed over or is odd. */
  readonly warn: (message: string) => void
  /** What cannot run, and why. */
  readonly error: (message: string) => void
}

/** Never fails: what goes wrong with one image is said, and the others go on. `directory` is systemd's normal one. */
export const generate = (options: {
  readonly settings: Settings
  readonly host: UnitHost
  readonly platform: HostPlatform
  readonly directory: string
  readonly log: Log
}): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { directory, log } = options
    const catalog = yield* Catalog.load(options.settings, options.host, options.platform)
    for (const warning of catalog.warnings) log.warn(warning)
    for (const image of catalog.images) {
      const units = yield* Render.image(image)
      if (units.problem !== undefined) log.error(units.problem)
      for (const note of units.notes) log.warn(`${display(image.context.name)}: ${note}`)
      yield* Effect.gen(function* () {
        for (const file of units.files) yield* UnitDirectory.writeFile(directory, file)
        for (const link of units.links) yield* UnitDirectory.writeLink(directory, link)
      }).pipe(Effect.catchAll((error) => Effect.sync(() => log.error(error.message))))
      log.debug(`${display(image.context.name)} is ${units.files.map(({ name }) => name).join(", ")}`)
    }
  })
