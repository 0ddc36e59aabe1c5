/** Reads the mounts of this process's namespace (`MountInfo`). */
import * as fs from "node:fs"
import * as MountInfo from "../../domain/machine/MountInfo.ts"

export const read = (): readonly MountInfo.Mount[] =>
  MountInfo.parse(fs.readFileSync("/proc/self/mountinfo", "utf8"))

/** Whether a path is a mount point. */
export const isMounted = (path: string): boolean => read().some(({ point }) => point === path)
