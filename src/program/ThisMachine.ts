/** This machine's configuration and images, as the services `Settings` and `Layouts` know them. */
import * as Effect from "effect/Effect"
import * as CommandPath from "../services/host/CommandPath.ts"
import * as HostFacts from "../services/host/HostFacts.ts"
import { Layouts } from "../services/Layouts.ts"
import { Settings } from "../services/Settings.ts"
import * as Catalog from "./Catalog.ts"

/** Values that replace those of the machine. */
export interface Overrides {
  readonly systemdVersion?: number
}

/** Reads what is needed to examine an image: the settings with their problems, and facts about the machine. */
export const surroundings = (overrides: Overrides = {}) =>
  Effect.gen(function* () {
    const { file: configFile, load } = yield* Settings
    const { settings, warnings } = yield* load
    const host = HostFacts.unitHost(
      { systemdversion: overrides.systemdVersion ?? settings.system.systemdversion },
      { cli: CommandPath.cli(), configFile }
    )
    return { settings, host, platform: HostFacts.platform(), warnings, layouts: yield* Layouts }
  })

/** Reads the same, and the catalog of all images. */
export const read = (overrides: Overrides = {}) =>
  Effect.map(surroundings(overrides), ({ host, layouts, platform, settings, warnings }) => ({
    settings,
    host,
    catalog: Catalog.load(settings, host, platform, undefined, layouts),
    warnings
  }))
