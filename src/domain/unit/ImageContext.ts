/** What every unit of an image is made from besides the image: its names, its settings, the machine. */
import * as Either from "effect/Either"
import type { Sha256 } from "../document/Digest.ts"
import { display, type ImageName } from "../naming/ImageName.ts"
import type { ImageSettings } from "../settings/ImageSettings.ts"
import type { ResolvedImage } from "../image/ResolvedImage.ts"
import * as RootPaths from "./RootPaths.ts"
import * as Settings from "../settings/Settings.ts"
import type { SystemSettings } from "../settings/SystemSettings.ts"
import { type Directive, directive } from "./UnitFile.ts"
import * as UnitName from "../naming/UnitName.ts"
import { path } from "../systemd/UnitValue.ts"
import * as Volumes from "./ImageVolumes.ts"

/** What the units need to know of the machine. */
export interface UnitHost {
  readonly systemdVersion: number
  /** Runs `oci-systemd`, from absolute paths: the units' `prepare` is appended. */
  readonly cli: readonly [string, ...string[]]
  /** The configuration file, when it is not the default one: `prepare` must read the same. */
  readonly configFile: string | undefined
  /** Do its lookups of users ask nss-systemd(8), which serves the records that `prepare` writes? */
  readonly servesRecords: boolean
}

/** What `ImageUnits.render` needs to know besides the image. */
export interface ImageContext {
  readonly name: ImageName
  readonly stem: string
  readonly settings: ImageSettings
  /** Where they were said. */
  readonly origins: Settings.Origins
  readonly system: SystemSettings
  readonly host: UnitHost
  readonly sha256: Sha256
}

/** The context of an image that no other one shares its unit's name with, or of one whose `stem` is known. */
export const of = (
  name: ImageName,
  from: {
    readonly settings: Settings.Settings
    readonly host: UnitHost
    readonly sha256: Sha256
    readonly stem?: string
  }
): ImageContext => ({
  name,
  stem: from.stem ?? UnitName.fromImage(name, from.sha256),
  settings: Settings.forImage(from.settings, name),
  origins: Settings.originsFor(from.settings, name),
  system: from.settings.system,
  host: from.host,
  sha256: from.sha256
})

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
): Volumes.Volumes =>
  Volumes.of(
    {
      volumesdir: context.system.volumesdir,
      directory: overlay.name,
      settings: context.settings,
      declared: Object.keys(image.config.config?.Volumes ?? {})
    },
    context.sha256
  )

/** A shell script of ours, which lies beside `oci-systemd`. @internal */
export const helper = (
  { host: { cli } }: { readonly host: Pick<UnitHost, "cli"> },
  name: "oci-health" | "oci-layouts" | "oci-prepare" | "oci-release"
): string => {
  const program = cli[cli.length - 1] ?? ""
  return program.slice(0, program.lastIndexOf("/") + 1) + name
}

/** What each unit file begins with, behind its "# ". @internal */
export const MADE_BY = "Made by oci-systemd-generator"

/** The comment that each unit file begins with. @internal */
export const header = (name: ImageName): readonly string[] => [
  `${MADE_BY} from the image ${display(name)}, and made anew at every daemon-reload.`,
  "Changes belong in a drop-in: systemctl edit UNIT"
]

/** Shown by `systemctl status`; left out where no unit can say it. @internal */
export const sourcePath = (context: ImageContext): readonly Directive[] => {
  const source = path("the layout", `${context.system.imagelayoutdir}/${context.name.layout}`)
  return Either.isRight(source) ? [directive("SourcePath", source.right)] : []
}
