/** What the subcommands share: the configuration, and the images that are meant. */
import * as Args from "@effect/cli/Args"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Catalog from "../../program/Catalog.ts"
import * as CommandPath from "../../services/CommandPath.ts"
import * as HostFacts from "../../services/HostFacts.ts"
import * as SettingsFile from "../../services/SettingsFile.ts"
import { root } from "./Root.ts"

export { config } from "./Root.ts"

export const json = Options.boolean("json").pipe(Options.withDescription("Print JSON"))

export const image = Args.text({ name: "IMAGE" }).pipe(
  Args.withDescription("LAYOUT:REF (myorg.com/myapp:stable), or the name of the unit")
)

export const images = Args.repeated(image)

/** Settings and catalogue; what is odd in either goes to standard error. */
export const load = (file: Option.Option<string>, overrides: { readonly systemdVersion?: number } = {}) =>
  Effect.gen(function* () {
    const before = yield* root
    const configFile = Option.getOrUndefined(Option.orElse(file, () => before.config))
    const { settings, warnings } = yield* SettingsFile.load(configFile)
    const host = {
      systemdVersion:
        overrides.systemdVersion ?? settings.system.systemdversion ?? HostFacts.systemdVersion(),
      cli: CommandPath.cli(),
      configFile,
      servesRecords: HostFacts.servesRecords()
    }
    const catalog = yield* Catalog.load(settings, host, HostFacts.platform())
    yield* Effect.forEach([...warnings, ...catalog.warnings], (warning) => Effect.logWarning(warning), {
      discard: true
    })
    return { settings, catalog }
  })
