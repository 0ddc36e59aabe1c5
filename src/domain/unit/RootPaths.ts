/**
 * Where an image's root filesystem is, and what it is an overlay of.
 *
 * A root that is read-only is an overlay too, of two lower directories and no upper one. systemd makes the directories
 * that a root should have in whatever `RootDirectory=` names, wherever it can: no extract is ever named there.
 */
import type { Digest, Sha256 } from "../document/Digest.ts"
import * as ExtractsTree from "../extracts/ExtractsTree.ts"
import type { ImageSettings } from "../settings/ImageSettings.ts"
import { hasPrivateTmp } from "./Profile.ts"
import * as UnitName from "../naming/UnitName.ts"

/** Where roots are mounted, each in a directory of its own. */
export const MOUNT_DIRECTORY = "/run/oci/roots"

export interface Overlay {
  /** The directory's name below `scratch`. */
  readonly name: string
  readonly scratch: string
  /** Of a root that is read-only, a second lower directory: prepare makes the mount points there that the image lacks. */
  readonly upper: string
  readonly work: string
}

/** A directory that is not the root's: made from the image's at every start. */
export interface Writable {
  /** In the image. */
  readonly path: string
  /** On the host, below the scratch. */
  readonly directory: string
  /** Where the image has no such directory. */
  readonly mode: number
}

export interface RootPaths {
  /** The extract: never written. */
  readonly lower: string
  /** What `RootDirectory=` names. */
  readonly root: string
  readonly overlay: Overlay
}

/** What an image's own directories are called: its mount point, its scratch, and that of its volumes. */
export const nameOf = (stem: string, sha256: Sha256): string =>
  UnitName.directory(stem, MAX_DIRECTORY, sha256)

export const of = (
  options: { readonly extractsdir: string; readonly chainId: Digest; readonly stem: string },
  sha256: Sha256
): RootPaths => {
  const lower = `${options.extractsdir}/${ExtractsTree.rootOf(options.chainId)}`
  const directory = nameOf(options.stem, sha256)
  const scratch = `${options.extractsdir}/${ExtractsTree.scratchOf(directory, sha256)}`
  return {
    lower,
    root: `${MOUNT_DIRECTORY}/${directory}`,
    overlay: { name: directory, scratch, upper: `${scratch}/upper`, work: `${scratch}/work` }
  }
}

/**
 * What a program may write to, whatever its root is (file-hierarchy(7)). `/run` is among them always: left alone, it is
 * an empty tmpfs of `MountAPIVFS=`, and images keep directories there that belong to their users.
 */
export const writables = (
  { scratch }: Overlay,
  settings: Pick<ImageSettings, "profile" | "root">
): readonly Writable[] => [
  { path: "/run", directory: `${scratch}/run`, mode: 0o755 },
  ...(settings.root === "readonly" && !hasPrivateTmp(settings.profile)
    ? [
        { path: "/tmp", directory: `${scratch}/tmp`, mode: 0o1777 },
        { path: "/var/tmp", directory: `${scratch}/var-tmp`, mode: 0o1777 }
      ]
    : [])
]

/** In a scratch: the units that its service needs to be stopped. */
export const UNITS = "units"

/** systemd makes a unit of each mount: its name is the whole path with `_` and `.` kept, and must fit in 255 bytes. */
const MAX_DIRECTORY = 220
