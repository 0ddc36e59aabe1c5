/**
 * The directories that an image's service keeps: the image's volumes (image-spec config.md), and directories of the
 * host that the configuration adds or puts in their place.
 *
 *     volumesdir/U/COMPONENT     of the image's volume at the path that COMPONENT stands for, one for each U
 *
 * No two images, and no two references of one image, share a directory unless the configuration says so.
 */
import type { Sha256 } from "../document/Digest.ts"
import * as ExtractsTree from "../extracts/ExtractsTree.ts"
import { absolute } from "../process/ImageCommand.ts"
import type { ImageSettings } from "../settings/ImageSettings.ts"
import type { VolumeBind } from "../settings/VolumeBind.ts"
import { LONGEST_PATH } from "../text/PathLimits.ts"

/** A volume. `own` is made from the image's content; `host` is named by the configuration and used as it is. */
export interface Volume {
  readonly kind: "own" | "host"
  /** The path in the image: absolute, without `.`, `..` and empty components. */
  readonly path: string
  /** The directory on the host. */
  readonly directory: string
  readonly readonly: boolean
}

export interface ImageVolumes {
  /** Parents precede what is inside them. */
  readonly volumes: readonly Volume[]
  /** Volumes of the image that are not kept, and why, one sentence each. */
  readonly notes: readonly string[]
}

export const of = (
  options: {
    readonly volumesdir: string
    /** The name of the image's own directories, see `RootPaths`. */
    readonly directory: string
    readonly settings: Pick<ImageSettings, "volume" | "volumes">
    /** The keys of the image's `Volumes`. */
    readonly declared: readonly string[]
  },
  sha256: Sha256
): ImageVolumes => {
  const { settings } = options
  const bound = new Map(settings.volume.map((bind) => [bind.image, fromBind(bind)]))
  const notes: string[] = []
  for (const declared of settings.volumes ? options.declared : []) {
    const path = absolute("/", declared)
    if (bound.has(path)) continue
    const fault = pathFault(path)
    if (fault === undefined) {
      const name = ExtractsTree.component(path.slice(1), sha256)
      const directory = `${options.volumesdir}/${options.directory}/${name}`
      bound.set(path, { kind: "own", path, directory, readonly: false })
    } else notes.push(`the volume ${declared} is not kept: it ${fault}`)
  }
  return {
    volumes: [...bound.values()].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)),
    notes
  }
}

const fromBind = ({ host, image, readonly }: VolumeBind): Volume => ({
  kind: "host",
  path: image,
  directory: host,
  readonly
})

const pathFault = (path: string): string | undefined => {
  if (path === "/") return "is the whole root, which root = persistent keeps"
  if (isOfTheKernel(path)) return "belongs to the kernel's file systems"
  if (OF_SYSTEMD.test(path)) return "is made anew for each start, and systemd makes files of its own in it"
  if (!path.isWellFormed() || odd().test(path))
    return "holds a quote, a colon, a backslash or a control character, which systemd does not accept here"
  return new TextEncoder().encode(path).length > LONGEST_PATH
    ? `is longer than the ${LONGEST_PATH} bytes that Linux takes`
    : undefined
}

/** Whether systemd mounts something over the path at each start: `MountAPIVFS=` and `PrivateDevices=` do. */
export const isOfTheKernel = (path: string): boolean => OF_THE_KERNEL.test(path)

const OF_THE_KERNEL = /^\/(?:proc|sys|dev)(?:\/|$)/
/** See `RootMounts.placesOfSystemd`. */
const OF_SYSTEMD = /^\/run(?:\/(?:systemd|host)(?:\/|$)|$)/
/**
 * Characters that systemd 252, 257 and 262 each read differently in `BindPaths=`. The expression is only compiled if
 * there are volumes.
 */
const odd = () =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  /["'\\:\u0000-\u001f\u007f]|\p{Noncharacter_Code_Point}/u
