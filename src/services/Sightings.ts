/** What there is to see of a directory, so that `oci-layouts` can tell whether it is still the same one. */
import * as fs from "node:fs"
import { dirname, join } from "node:path"
import { AUTOMOUNT, type Sighting } from "../domain/unit/LateMounts.ts"
import type { SystemSettings } from "../domain/settings/SystemSettings.ts"

/**
 * Device and inode number of the directory, which are others once something is mounted there or above, and how many
 * mounts are below it. Each but the last may be missing. `oci-layouts` looks in the same way, in shell.
 *
 * An automount is not touched: systemd would have to mount it, and waits for its generators.
 */
export const of = (directory: string): Sighting => among(mountTable(), directory)

const among = (mounts: readonly Mount[], directory: string): Sighting => {
  if (kindOf(directory, mounts) === "autofs") return { directory, realPath: directory, seen: AUTOMOUNT }
  const realPath = resolved(directory)
  try {
    const { dev, ino } = fs.statSync(directory, { bigint: true })
    const below = mounts.filter(({ point }) => point.startsWith(inside(realPath))).length
    return { directory, realPath, seen: `${dev}:${ino}:${below}` }
  } catch {
    return { directory, realPath, seen: "missing" }
  }
}

/** Of what units are made from: the layouts, and what is known of the roots. */
export const ofSystem = ({
  imagelayoutdir,
  extractsdir
}: Pick<SystemSettings, "imagelayoutdir" | "extractsdir">): readonly Sighting[] => {
  const mounts = mountTable()
  return [imagelayoutdir, extractsdir].map((directory) => among(mounts, directory))
}

interface Mount {
  readonly point: string
  readonly kind: string
}

/** See proc_pid_mountinfo(5); empty where there is no /proc. */
const mountTable = (): readonly Mount[] => {
  let text: string
  try {
    text = fs.readFileSync("/proc/self/mountinfo", "utf8")
  } catch {
    return []
  }
  return text.split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ", 2)
    const point = before.split(" ", MOUNT_POINT + 1)[MOUNT_POINT]
    return point === undefined ? [] : [{ point, kind: after.slice(0, after.indexOf(" ")) }]
  })
}

/** Its place in a line. */
const MOUNT_POINT = 4

/** Of the mount that a path is on, by its name. */
const kindOf = (path: string, mounts: readonly Mount[]): string | undefined => {
  let found: Mount | undefined
  for (const mount of mounts) {
    if (`${path}/`.startsWith(inside(mount.point)) && mount.point.length >= (found?.point.length ?? 0))
      found = mount
  }
  return found?.kind
}

/** What paths in a directory begin with. */
const inside = (directory: string): string => (directory === "/" ? "/" : `${directory}/`)

/** Without links, as far as the path exists. */
const resolved = (path: string): string => {
  try {
    return fs.realpathSync.native(path)
  } catch {
    const parent = dirname(path)
    return parent === path ? path : join(resolved(parent), path.slice(parent.length))
  }
}
