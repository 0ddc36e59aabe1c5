/** Where an image's root filesystem is, and what it is an overlay of. */
import type { Digest, Sha256 } from "./Digest.ts"
import * as ExtractsTree from "./ExtractsTree.ts"
import * as UnitName from "./UnitName.ts"

/** Where writable roots are mounted, each in a directory of its own that systemd makes. */
const MOUNT_DIRECTORY = "/run/oci/roots"

export interface Overlay {
  /** The directory's name below `scratch`. */
  readonly name: string
  readonly scratch: string
  readonly upper: string
  readonly work: string
}

export interface RootPaths {
  /** The extract: never written. */
  readonly lower: string
  /** What `RootDirectory=` names. */
  readonly root: string
  readonly overlay: Overlay
}

export const of = (
  options: { readonly extractsdir: string; readonly chainId: Digest; readonly stem: string },
  sha256: Sha256
): RootPaths => {
  const lower = `${options.extractsdir}/${ExtractsTree.rootOf(options.chainId)}`
  const directory = UnitName.directory(options.stem, MAX_DIRECTORY, sha256)
  const scratch = `${options.extractsdir}/${ExtractsTree.scratchOf(directory, sha256)}`
  return {
    lower,
    root: `${MOUNT_DIRECTORY}/${directory}`,
    overlay: { name: directory, scratch, upper: `${scratch}/upper`, work: `${scratch}/work` }
  }
}

/** The mount unit's name is the whole path with `_` and `.` kept: it must fit in 253 bytes. */
const MAX_DIRECTORY = 220
