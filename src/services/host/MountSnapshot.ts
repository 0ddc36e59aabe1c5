/** The state of a directory as the generator saw it, so that `oci-layouts` can tell whether it has changed. */
import { dirname, join } from "node:path"
import * as MountInfo from "../../domain/machine/MountInfo.ts"
import type { SystemSettings } from "../../domain/settings/SystemSettings.ts"
import { AUTOMOUNT, type DirectorySighting } from "../../domain/unit/LateMounts.ts"
import * as fs from "../files/RecordedFiles.ts"

/**
 * Returns device and inode number of the directory, which change once something is mounted there or above, and the
 * number of mounts below it. All but the last may be missing. `oci-layouts` computes the same in shell.
 *
 * An automount is not touched: systemd would have to mount it, and is waiting for its generators.
 */
export const of = (directory: string): DirectorySighting => among(mountTable(), directory)

const among = (mounts: readonly Mount[], directory: string): DirectorySighting => {
  if (kindOf(directory, mounts) === "autofs") return { directory, realPath: directory, seen: AUTOMOUNT }
  const realPath = resolved(directory)
  try {
    const identity = fs.identitySync(realPath)
    if (identity === undefined) return { directory, realPath, seen: "missing" }
    const below = mounts.filter(({ point }) => isBelow(realPath, point)).length
    return { directory, realPath, seen: `${identity}:${below}` }
  } catch {
    return { directory, realPath, seen: "missing" }
  }
}

/** Takes snapshots of the directories that units are made from: the layouts, and the facts of roots. */
export const ofSystem = ({
  imagelayoutdir,
  extractsdir
}: Pick<SystemSettings, "imagelayoutdir" | "extractsdir">): readonly DirectorySighting[] => {
  const mounts = mountTable()
  const sightings = [imagelayoutdir, extractsdir].map((directory) => among(mounts, directory))
  note(mounts, sightings)
  return sightings
}

/** The mounts that decided what was seen. A run that saw an automount is made again: a shell would have to touch it. */
const note = (mounts: readonly Mount[], sightings: readonly DirectorySighting[]): void => {
  const record = fs.current()
  if (record === undefined) return
  const automount = sightings.find(({ seen }) => seen === AUTOMOUNT)
  if (automount !== undefined) record.distrust(`${automount.directory} is an automount`)
  const places = [...new Set(sightings.flatMap(({ directory, realPath }) => [directory, realPath]))]
  const isNear = ({ point }: Mount) =>
    places.some((place) => `${place}/`.startsWith(inside(point)) || isBelow(place, point))
  record.noteMounts(
    places,
    mounts.filter(isNear).map(({ point, kind }) => `${point} ${kind}`)
  )
}

interface Mount {
  readonly point: string
  readonly kind: string
}

/** Reads the mount table, see proc_pid_mountinfo(5); empty without /proc. */
const mountTable = (): readonly Mount[] => {
  let text: string
  try {
    text = fs.readKernelFile("/proc/self/mountinfo")
  } catch {
    return []
  }
  // `oci-layouts`, a shell script, compares the points as the table writes them.
  return MountInfo.parse(text).map(({ escapedPoint, kind }) => ({ point: escapedPoint, kind }))
}

/** Returns the type of the mount that holds a path. */
const kindOf = (path: string, mounts: readonly Mount[]): string | undefined => {
  let found: Mount | undefined
  for (const mount of mounts) {
    if (`${path}/`.startsWith(inside(mount.point)) && mount.point.length >= (found?.point.length ?? 0))
      found = mount
  }
  return found?.kind
}

/**
 * Whether something is mounted below a directory. The roots of images do not count, which are mounted there when their
 * services start: no unit depends on them.
 */
const isBelow = (directory: string, point: string): boolean => {
  if (!point.startsWith(inside(directory))) return false
  return !ROOT_OF_AN_IMAGE.test(point.slice(inside(directory).length))
}

/** See `ExtractsTree`. The scripts oci-generator and oci-layouts leave out the same. */
const ROOT_OF_AN_IMAGE = /^images\/sha256\/.*\/root$/

/** Returns the beginning of all paths in a directory. */
const inside = (directory: string): string => (directory === "/" ? "/" : `${directory}/`)

/** Resolves links, as far as the path exists. */
const resolved = (path: string): string => {
  try {
    return fs.realDirectorySync(path)
  } catch {
    const parent = dirname(path)
    return parent === path ? path : join(resolved(parent), path.slice(parent.length))
  }
}
