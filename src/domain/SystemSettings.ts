/** The keys of the `[system]` section: where things are, and what the machine is taken for. */
import * as Either from "effect/Either"
import { directory, optional, type SettingKeys } from "./SettingKey.ts"
import { OLDEST } from "./SystemdVersion.ts"

export interface SystemSettings {
  readonly imagelayoutdir: string
  readonly extractsdir: string
  readonly volumesdir: string
  /** Units say only what this version knows. */
  readonly systemdversion: number | undefined
}

export const KEYS: SettingKeys<SystemSettings> = {
  imagelayoutdir: directory("/var/lib/oci/layouts", "Where the OCI image layouts are."),
  extractsdir: directory(
    "/var/lib/oci/extracts",
    "Where images are extracted to; the same file system holds what writable roots write."
  ),
  volumesdir: directory(
    "/var/lib/oci/volumes",
    "Where the images' volumes are kept, each image's in a directory with the name of its unit."
  ),
  systemdversion: optional(
    "NUMBER",
    `Write units for this version of systemd, ${OLDEST} or later; empty: the one that is installed.`,
    (value) =>
      /^[0-9]{3,4}$/.test(value) && Number(value) >= OLDEST
        ? Either.right(Number(value))
        : Either.left(`a number from ${OLDEST} on is wanted`),
    String
  )
}

export const DEFAULTS: SystemSettings = {
  imagelayoutdir: KEYS.imagelayoutdir.default,
  extractsdir: KEYS.extractsdir.default,
  volumesdir: KEYS.volumesdir.default,
  systemdversion: KEYS.systemdversion.default
}
