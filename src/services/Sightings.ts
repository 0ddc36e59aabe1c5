/** What there is to see of a directory, so that `oci-layouts` can tell whether it is still the same one. */
import * as fs from "node:fs"
import { dirname, join } from "node:path"
import type { Sighting } from "../domain/LateMounts.ts"

/**
 * Device and inode number of the directory, which are others once something is mounted there or above, and how many
 * mounts are below it. Each but the last may be missing. `oci-layouts` looks in the same way, in shell.
 */
export const of = (directory: string): Sighting => {
  const realPath = resolved(directory)
  try {
    const { dev, ino } = fs.statSync(directory, { bigint: true })
    return { directory, realPath, seen: `${dev}:${ino}:${mountsBelow(realPath)}` }
  } catch {
    return { directory, realPath, seen: "missing" }
  }
}

const mountsBelow = (path: string): number => {
  const below = `${path === "/" ? "" : path}/`
  return fs
    .readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.split(" ", MOUNT_POINT + 1)[MOUNT_POINT]?.startsWith(below)).length
}

/** Its place in a line of proc_pid_mountinfo(5). */
const MOUNT_POINT = 4

/** Without links, as far as the path exists. */
const resolved = (path: string): string => {
  try {
    return fs.realpathSync(path)
  } catch {
    const parent = dirname(path)
    return parent === path ? path : join(resolved(parent), path.slice(parent.length))
  }
}
