/**
 * Makes the mount points of a root's mounts: in the root itself, or in an earlier mount.
 *
 * Directories of a volume are made by descriptors, each in the one before it: the service that owns the volume,
 * or another process with a descriptor of it, may put a link there at any time.
 */
import type { Profile } from "../../domain/settings/ImageSettings.ts"
import * as MountTable from "../../domain/unit/MountTable.ts"
import * as RootMounts from "../../domain/unit/RootMounts.ts"
import { makeChain } from "../files/DirectoryDescent.ts"
import * as RootLookup from "./RootLookup.ts"

export interface MountPoint extends MountTable.PlacedMount {
  readonly isDirectory: boolean
}

/**
 * Returns where each mount belongs in a root whose extract is `lower`. Mounts that lead nowhere, or to the
 * kernel's file systems, are left out.
 */
export const of = (lower: string, mounts: readonly RootMounts.RootMount[]): readonly MountPoint[] =>
  MountTable.place(mounts, (path) => placeOf(lower, path)).map((mount) => ({
    ...mount,
    isDirectory:
      mount.kind === "writable" || (mount.kind === "volume" && RootLookup.isDirectory(mount.source))
  }))

/**
 * Returns the place in the root of a mount on `path`; `undefined` if it would be the root itself or on one of
 * the kernel's file systems.
 */
export const placeOf = (lower: string, path: string): string | undefined => {
  const target = RootLookup.destination(lower, path)
  return target === undefined || target === "" || OF_THE_KERNEL.test(target) ? undefined : target
}

/**
 * Returns what is made in `upper`, an overlay of `lower`: the mount points in no other mount, as paths relative
 * to the root.
 */
export const inUpper = (points: readonly MountPoint[]): readonly MountPoint[] =>
  points.filter(({ target }) => MountTable.around(points, target) === undefined)

export const makeInUpper = (lower: string, upper: string, points: readonly MountPoint[]): void => {
  for (const path of ALWAYS) RootLookup.makeDirectory(lower, upper, path)
  for (const { isDirectory, target } of inUpper(points)) {
    if (isDirectory) RootLookup.makeDirectory(lower, upper, target)
    else RootLookup.makeFile(lower, upper, `/${target}`)
  }
}

/**
 * Makes the mount points that lie in mounts of one kind. `directoryOf` returns where the files of such a mount
 * are now.
 */
export const makeInMounts = (
  points: readonly MountPoint[],
  kind: MountPoint["kind"],
  directoryOf: (mount: MountPoint) => string
): void => {
  for (const { isDirectory, target } of points) {
    const outer = MountTable.around(points, target)
    if (outer?.kind !== kind) continue
    const { components, mount } = origin(points, outer)
    makeChain(directoryOf(mount), [...components, ...target.slice(outer.target.length + 1).split("/")], {
      last: isDirectory ? "directory" : "file"
    })
  }
}

/** Makes a directory of the root that lies in a mount of one kind: a working directory in a volume, say. */
export const makeDirectoryIn = (
  points: readonly MountPoint[],
  kind: MountPoint["kind"],
  target: string,
  directoryOf: (mount: MountPoint) => string
): void => {
  const outer = MountTable.around(points, target)
  if (outer?.kind !== kind || !outer.isDirectory) return
  const components = target.slice(outer.target.length + 1).split("/")
  makeChain(directoryOf(outer), components, { last: "directory" })
}

/**
 * Returns the volume whose path only the operator can change, and the components that lead from it to the source of
 * `mount`, which lies in it or is its own: no link may be followed on these.
 */
const origin = (
  points: readonly MountPoint[],
  mount: MountPoint
): { readonly mount: MountPoint; readonly components: readonly string[] } => {
  const around = MountTable.sourceAround(points, mount)
  if (around === undefined) return { mount, components: [] }
  const outer = origin(points, around)
  return {
    mount: outer.mount,
    components: [...outer.components, ...mount.source.slice(around.source.length + 1).split("/")]
  }
}

/**
 * Returns a place where systemd makes or mounts something by its path at each start, and the volume on the way to it,
 * if there is one: processes of the image could put a link into the volume at that moment, and systemd, which is root,
 * would follow it to anywhere on the host. Links of the image may lead through a volume too.
 */
export const throughVolume = (
  lower: string,
  points: readonly MountPoint[],
  profile: Profile
): { readonly place: string; readonly volume: MountPoint } | undefined => {
  const volumes = points.filter(({ kind }) => kind === "volume")
  for (const { isCovered, path } of RootMounts.placesOfSystemd(profile)) {
    const steps = RootLookup.steps(lower, path)
    const volume = (isCovered ? steps.slice(0, -1) : steps)
      .map((step) => MountTable.around(volumes, step))
      .find((mount) => mount !== undefined)
    if (volume !== undefined) return { place: path, volume }
  }
  return undefined
}

/**
 * Returns the places of a root that are made again if its service has removed them, each followed by a NUL.
 * They are relative to the root, and directories end with a slash.
 */
export const places = (points: readonly MountPoint[], workingDirectory: string | undefined): string =>
  [
    ...ALWAYS.map((path) => `${path}/`),
    ...(workingDirectory === undefined ? [] : [`/${workingDirectory}/`]),
    ...inUpper(points).map(({ isDirectory, target }) => `/${target}${isDirectory ? "/" : ""}`)
  ]
    .map((path) => `.${path}\0`)
    .join("")

/** The places where `MountAPIVFS=` and `PrivateDevices=` mount something. */
const ALWAYS = ["/proc", "/sys", "/dev"]
const OF_THE_KERNEL = /^(?:proc|sys|dev)(?:\/|$)/
