/** The keys of the `[system]` section: where things are, and limits. */
import * as Either from "effect/Either"
import { type LayerLimits, LIMITS } from "../archive/LayerLimits.ts"
import { LIMITS as MERGE_LIMITS, type MergeLimits } from "../layer/MergeLimits.ts"
import { OLDEST } from "../systemd/SystemdVersion.ts"
import { refuse } from "../text/ValueRefused.ts"
import { directory, natural, oneOf, optional, type SettingKeys } from "./SettingKey.ts"

/** `auto` mounts where this machine can. */
export type RootsKind = "auto" | "mounted" | "directories"

/** Settings of the machine. Directories are absolute paths, sizes are in bytes. */
export interface SystemSettings {
  readonly imagelayoutdir: string
  readonly extractsdir: string
  readonly volumesdir: string
  /** Whether roots are mounted from images, or written out as directories. */
  readonly roots: RootsKind
  /** Units contain only directives that this version knows. */
  readonly systemdversion: number | undefined
  /** How many seconds the generator may take. */
  readonly maxseconds: number
  /** How many bytes of memory the units of all images may take up, and those of one layout. */
  readonly maxunitbytes: number
  readonly maxlayoutunitbytes: number
  /** What one layer may unpack to, see `LayerLimits`. */
  readonly maxentries: number
  readonly maxbytes: number
  readonly maxratio: number
}

const MEBIBYTE = 1024 * 1024

/** @internal */
export const KEYS: SettingKeys<SystemSettings> = {
  imagelayoutdir: directory("/var/lib/oci/layouts", "The directory of OCI image layouts."),
  extractsdir: directory(
    "/var/lib/oci/extracts",
    "The directory for extracted images; its file system also holds what services write to their roots."
  ),
  volumesdir: directory(
    "/var/lib/oci/volumes",
    "The directory for volumes; each image has a directory named after its unit, which inspect shows."
  ),
  roots: oneOf(
    ["auto", "mounted", "directories"],
    "Whether an extracted root is mounted from an image of its layers, or written out as a directory; auto: mounted where this machine can."
  ),
  systemdversion: optional(
    "NUMBER",
    `The version of systemd that units are written for, ${OLDEST} or later; empty: the installed one.`,
    (value) =>
      /^[0-9]{3,4}$/.test(value) && Number(value) >= OLDEST
        ? Either.right(Number(value))
        : refuse(`a number of at least ${OLDEST} is expected`),
    String
  ),
  maxseconds: natural(
    10,
    "Seconds that the generator may take, because a boot or reload waits for it; images that it could not process in time fail to start with that reason."
  ),
  maxunitbytes: natural(
    128 * MEBIBYTE,
    "How many bytes the generated units of all images may take up, in memory; an image for which they are not enough does not start, with that reason."
  ),
  maxlayoutunitbytes: natural(32 * MEBIBYTE, "How many of them the units of one layout may take up."),
  maxentries: natural(
    LIMITS.entries,
    "How many files, directories and other entries a layer may have; a million take about 100 MB of memory."
  ),
  maxbytes: natural(LIMITS.bytes, "How many bytes a layer may unpack to."),
  maxratio: natural(
    LIMITS.ratio,
    "How many times its compressed size a layer may unpack to, checked above 2 GiB."
  )
}

/** Returns the limits on one layer. @internal */
export const layerLimits = ({ maxbytes, maxentries, maxratio }: SystemSettings): Partial<LayerLimits> => ({
  bytes: maxbytes,
  entries: maxentries,
  ratio: maxratio
})

/** Returns the limits on an image's layers together. @internal */
export const mergeLimits = ({ maxentries }: SystemSettings): Pick<MergeLimits, "nodes"> => ({
  nodes: Math.max(MERGE_LIMITS.nodes, maxentries)
})

/** The settings of a machine without a configuration file. */
export const DEFAULTS: SystemSettings = {
  imagelayoutdir: KEYS.imagelayoutdir.default,
  extractsdir: KEYS.extractsdir.default,
  volumesdir: KEYS.volumesdir.default,
  roots: KEYS.roots.default,
  systemdversion: KEYS.systemdversion.default,
  maxseconds: KEYS.maxseconds.default,
  maxunitbytes: KEYS.maxunitbytes.default,
  maxlayoutunitbytes: KEYS.maxlayoutunitbytes.default,
  maxentries: KEYS.maxentries.default,
  maxbytes: KEYS.maxbytes.default,
  maxratio: KEYS.maxratio.default
}
