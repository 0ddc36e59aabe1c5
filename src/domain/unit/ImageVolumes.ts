/**
 * The directories that an image's service keeps: what the image calls its volumes (image-spec config.md), and the
 * directories of the host that the configuration puts in their place or beside them.
 *
 *     volumesdir/U/COMPONENT     of the image's volume at the path that COMPONENT stands for, one for each U
 *
 * Neither two images nor two references of one have a directory in common, unless the configuration says so.
 */
import type { Sha256 } from "../document/Digest.ts"
import * as ExtractsTree from "../extracts/ExtractsTree.ts"
import { absolute } from "../process/ImageCommand.ts"
import type { ImageSettings } from "../settings/ImageSettings.ts"
import type { VolumeBind } from "../settings/VolumeBind.ts"

/** `own`: made from the image's content. `host`: named by the configuration, and used as it is. */
export interface Volume {
  readonly kind: "own" | "host"
  /** In the image: absolute, without `.`, `..` and empty components. */
  readonly path: string
  /** On the host. */
  readonly directory: string
  readonly readonly: boolean
}

export interface Volumes {
  /** Parents before what lies in them. */
  readonly volumes: readonly Volume[]
  /** Which of the image's volumes are none, and why, one sentence each. */
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
): Volumes => {
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
  if (OF_THE_KERNEL.test(path)) return "belongs to the kernel's file systems"
  if (!path.isWellFormed() || odd().test(path))
    return "holds a quote, a colon, a backslash or a control character, which systemd does not take here"
  return new TextEncoder().encode(path).length > MAX_PATH
    ? `is longer than the ${MAX_PATH} bytes that Linux takes`
    : undefined
}

/** What `MountAPIVFS=` and `PrivateDevices=` mount. */
const OF_THE_KERNEL = /^\/(?:proc|sys|dev)(?:\/|$)/
/** systemd 252, 257 and 262 each read another one of these in its own way between the words of `BindPaths=`. Looked up where there are volumes only. */
const odd = () =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  /["'\\:\u0000-\u001f\u007f]|\p{Noncharacter_Code_Point}/u
/** PATH_MAX less the NUL. */
const MAX_PATH = 4095
