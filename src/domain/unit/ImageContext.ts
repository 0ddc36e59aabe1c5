/** What an image's units are made from besides the image: its names, its settings, the machine. */
import * as Either from "effect/Either"
import type { Sha256 } from "../document/Digest.ts"
import type { ResolvedImage } from "../image/ResolvedImage.ts"
import { display, type ImageName } from "../naming/ImageName.ts"
import * as UnitName from "../naming/UnitName.ts"
import type { ImageSettings } from "../settings/ImageSettings.ts"
import * as Settings from "../settings/Settings.ts"
import type { SystemSettings } from "../settings/SystemSettings.ts"
import { path } from "../systemd/UnitValue.ts"
import * as ImageVolumes from "./ImageVolumes.ts"
import * as RootPaths from "./RootPaths.ts"
import { type Directive, directive } from "./UnitFile.ts"

/** Facts about the machine that units depend on. */
export interface UnitHost {
  readonly systemdVersion: number
  /** The command line that runs `oci-systemd`, with absolute paths. Units append `prepare`. */
  readonly cli: readonly [string, ...string[]]
  /** The configuration file, if it is not the default one: `prepare` must read the same file. */
  readonly configFile: string | undefined
  /**
   * Whether the machine's lookups of users include nss-systemd(8), which serves the records that `prepare` writes.
   */
  readonly servesRecords: boolean
  /** The names of the accounts of the host's people, by number. Without it none are known. */
  readonly logins?: ReadonlyMap<number, string>
}

/** The input of `ImageUnits.render` besides the image. */
export interface ImageContext {
  readonly name: ImageName
  /** The name of the service without `.service`, from which directories are named too. */
  readonly stem: string
  readonly units: UnitName.UnitNames
  readonly settings: ImageSettings
  /** The lines that set the settings. */
  readonly origins: Settings.Origins
  /** Lines of the configuration for the image that cannot be used: see `Settings.faultsFor`. */
  readonly faults: readonly Settings.SettingRefused[]
  readonly system: SystemSettings
  readonly host: UnitHost
  readonly sha256: Sha256
}

/** Makes the context of an image that shares its unit name with no other, or whose `stem` is known. */
export const of = (
  name: ImageName,
  from: {
    readonly settings: Settings.Settings
    readonly host: UnitHost
    readonly sha256: Sha256
    readonly stem?: string
  }
): ImageContext => {
  const stem = from.stem ?? UnitName.fromImage(name, from.sha256)
  return {
    name,
    stem,
    units: UnitName.all(stem, from.sha256),
    settings: Settings.forImage(from.settings, name),
    origins: Settings.originsFor(from.settings, name),
    faults: Settings.faultsFor(from.settings, name),
    system: from.settings.system,
    host: from.host,
    sha256: from.sha256
  }
}

/** @internal */
export const rootPaths = (
  context: Pick<ImageContext, "stem" | "system" | "sha256">,
  image: Pick<ResolvedImage, "chainId">
) =>
  RootPaths.of(
    {
      extractsdir: context.system.extractsdir,
      chainId: image.chainId,
      stem: context.stem
    },
    context.sha256
  )

/** @internal */
export const volumes = (
  context: ImageContext,
  image: Pick<ResolvedImage, "config">,
  { overlay }: Pick<RootPaths.RootPaths, "overlay">
): ImageVolumes.ImageVolumes =>
  ImageVolumes.of(
    {
      volumesdir: context.system.volumesdir,
      directory: overlay.name,
      settings: context.settings,
      declared: Object.keys(image.config.config?.Volumes ?? {})
    },
    context.sha256
  )

/** Returns the path of one of our shell scripts, which are installed beside `oci-systemd`. @internal */
export const helper = (
  { host: { cli } }: { readonly host: Pick<UnitHost, "cli"> },
  name: "oci-check" | "oci-health" | "oci-layouts" | "oci-output" | "oci-prepare" | "oci-release" | "oci-stop"
): string => {
  const program = cli[cli.length - 1] ?? ""
  return program.slice(0, program.lastIndexOf("/") + 1) + name
}

/** The beginning of each unit file, after "# ". @internal */
export const MADE_BY = "Made by oci-systemd-generator"

/** Returns the comment at the beginning of each unit file. @internal */
export const header = (name: ImageName): readonly string[] => [
  `${MADE_BY} from the image ${display(name)}, and made anew at every daemon-reload.`,
  "Changes belong in a drop-in: systemctl edit UNIT"
]

/**
 * Returns `SourcePath=`, which `systemctl status` shows; nothing if the path cannot be written in a unit.
 *
 * @internal
 */
export const sourcePath = (context: ImageContext): readonly Directive[] => {
  const source = path("the layout", `${context.system.imagelayoutdir}/${context.name.layout}`)
  return Either.isRight(source) ? [directive("SourcePath", source.right)] : []
}
