/** The service that knows the configuration: from its files, or from a program that makes its own. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Domain from "../domain/settings/Settings.ts"
import type { FileRefused } from "./files/BoundedFile.ts"
import * as SettingsFile from "./host/SettingsFile.ts"

/** The service that knows the configuration. */
export class Settings extends Context.Tag("oci-systemd/Settings")<
  Settings,
  {
    /** The configuration file, if one was named. Commands of units name it too. */
    readonly file: string | undefined
    /** Reads the configuration, again each time, because its files may change. */
    readonly load: Effect.Effect<SettingsFile.LoadedSettings, FileRefused>
  }
>() {
  /** Reads the named file without drop-ins, or else the files of `places`. */
  static readonly layer = (file?: string, places?: SettingsFile.Places): Layer.Layer<Settings> =>
    Layer.succeed(Settings, { file, load: Effect.suspend(() => SettingsFile.load(file, places)) })

  /** Holds these settings, and reads no file. */
  static readonly layerOf = (settings: Domain.Settings): Layer.Layer<Settings> =>
    Layer.succeed(Settings, { file: undefined, load: Effect.succeed({ settings, warnings: [] }) })
}
