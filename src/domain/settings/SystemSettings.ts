/** The keys of the `[system]` section: where things are, and what the machine is taken for. */
import * as Either from "effect/Either"
import { type LayerLimits, LIMITS } from "../archive/LayerLimits.ts"
import { LIMITS as MERGE_LIMITS, type MergeLimits } from "../layer/MergeLimits.ts"
import { directory, natural, optional, type SettingKeys } from "./SettingKey.ts"
import { OLDEST } from "../systemd/SystemdVersion.ts"

/** Absolute paths; bytes. */
export interface SystemSettings {
  readonly imagelayoutdir: string
  readonly extractsdir: string
  readonly volumesdir: string
  /** Units say only what this version knows. */
  readonly systemdversion: number | undefined
  /** How long the generator may take. */
  readonly maxseconds: number
  /** What one layer may unpack to: see `LayerLimits`. */
  readonly maxentries: number
  readonly maxbytes: number
  readonly maxratio: number
}

/** @internal */
export const KEYS: SettingKeys<SystemSettings> = {
  imagelayoutdir: directory("/var/lib/oci/layouts", "Where the OCI image layouts are."),
  extractsdir: directory(
    "/var/lib/oci/extracts",
    "Where images are extracted to; the same file system holds what writable roots write."
  ),
  volumesdir: directory(
    "/var/lib/oci/volumes",
    "Where the images' volumes are kept, each image's in a directory named after its unit: inspect says which."
  ),
  systemdversion: optional(
    "NUMBER",
    `Write units for this version of systemd, ${OLDEST} or later; empty: the one that is installed.`,
    (value) =>
      /^[0-9]{3,4}$/.test(value) && Number(value) >= OLDEST
        ? Either.right(Number(value))
        : Either.left(`a number from ${OLDEST} on is wanted`),
    String
  ),
  maxseconds: natural(
    10,
    "Seconds that the generator works at a boot or reload, which wait for it; images that it has not got to then do not start, and say so."
  ),
  maxentries: natural(
    LIMITS.entries,
    "Files, directories and so on that a layer may have; a million take some 100 MB."
  ),
  maxbytes: natural(LIMITS.bytes, "Bytes that a layer may unpack to."),
  maxratio: natural(
    LIMITS.ratio,
    "How many times its own size a layer may unpack to, once that is more than 2 GiB."
  )
}

/** What they say of layers. @internal */
export const layerLimits = ({ maxbytes, maxentries, maxratio }: SystemSettings): Partial<LayerLimits> => ({
  bytes: maxbytes,
  entries: maxentries,
  ratio: maxratio
})

/** And of an image's layers together. @internal */
export const mergeLimits = ({ maxentries }: SystemSettings): Pick<MergeLimits, "nodes"> => ({
  nodes: Math.max(MERGE_LIMITS.nodes, maxentries)
})

/** What counts where nothing is said. */
export const DEFAULTS: SystemSettings = {
  imagelayoutdir: KEYS.imagelayoutdir.default,
  extractsdir: KEYS.extractsdir.default,
  volumesdir: KEYS.volumesdir.default,
  systemdversion: KEYS.systemdversion.default,
  maxseconds: KEYS.maxseconds.default,
  maxentries: KEYS.maxentries.default,
  maxbytes: KEYS.maxbytes.default,
  maxratio: KEYS.maxratio.default
}
