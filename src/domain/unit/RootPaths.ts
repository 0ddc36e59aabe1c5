/**
 * Where an image's root filesystem is, and which directories its overlay consists of.
 *
 * A read-only root is an overlay as well, with two lower directories and no upper one. systemd makes the directories
 * that a root should have in whatever `RootDirectory=` names, wherever it can, so `RootDirectory=` never names an
 * extract.
 */
import type { Digest, Sha256 } from "../document/Digest.ts"
import * as ExtractsTree from "../extracts/ExtractsTree.ts"
import * as UnitName from "../naming/UnitName.ts"
import type { ImageSettings } from "../settings/ImageSettings.ts"
import { isReadOnly } from "./Profile.ts"

/** Where roots are mounted, each in a directory of its own. */
export const MOUNT_DIRECTORY = "/run/oci/roots"

export interface Overlay {
  /** Name of the directory below `scratch`. */
  readonly name: string
  readonly scratch: string
  /**
   * The second lower directory of a read-only root, in which prepare makes the mount points that the image
   * lacks.
   */
  readonly upper: string
  readonly work: string
}

/** A directory outside the root, made from the image's at every start. */
export interface Writable {
  /** The path in the image. */
  readonly path: string
  /** The directory on the host, below the scratch directory. */
  readonly directory: string
  /** The mode if the image has no such directory. */
  readonly mode: number
}

export interface RootPaths {
  /** The extract, which is never written to. */
  readonly lower: string
  /** The path that `RootDirectory=` names. */
  readonly root: string
  readonly overlay: Overlay
}

/** Returns the name of an image's own directories: its mount point, its scratch and its volumes. */
export const nameOf = (stem: string, sha256: Sha256): string =>
  UnitName.directory(stem, MAX_DIRECTORY, sha256)

export const of = (
  options: { readonly extractsdir: string; readonly chainId: Digest; readonly stem: string },
  sha256: Sha256
): RootPaths => ({
  lower: `${options.extractsdir}/${ExtractsTree.rootOf(options.chainId)}`,
  ...ofService(options, sha256)
})

/** Returns the paths that a service has whichever image it runs. */
export const ofService = (
  { extractsdir, stem }: { readonly extractsdir: string; readonly stem: string },
  sha256: Sha256
): Omit<RootPaths, "lower"> => {
  const directory = nameOf(stem, sha256)
  const scratch = `${extractsdir}/${ExtractsTree.scratchOf(directory, sha256)}`
  return {
    root: `${MOUNT_DIRECTORY}/${directory}`,
    overlay: { name: directory, scratch, upper: `${scratch}/upper`, work: `${scratch}/work` }
  }
}

/**
 * Returns the directories that a program may write to whatever its root is (file-hierarchy(7)). `/run` is always
 * among them: without it, it would be an empty tmpfs of `MountAPIVFS=`, and images keep directories there that belong
 * to their users.
 */
export const writables = (
  { scratch }: Overlay,
  settings: Pick<ImageSettings, "profile" | "root">
): readonly Writable[] => [
  { path: RUN, directory: `${scratch}/run`, mode: 0o755 },
  ...(settings.root === "readonly" || isReadOnly(settings.profile)
    ? [
        { path: "/tmp", directory: `${scratch}/tmp`, mode: 0o1777 },
        { path: "/var/tmp", directory: `${scratch}/var-tmp`, mode: 0o1777 }
      ]
    : [])
]

/** Process ids and sockets go there. */
export const RUN = "/run"

/** A directory in the scratch with the units that the service needs to be stopped. */
export const UNITS = "units"

/**
 * The longest name: systemd makes a unit for each mount, named after the whole path with `_` and `.` kept, in at most
 * 255 bytes.
 */
const MAX_DIRECTORY = 220
