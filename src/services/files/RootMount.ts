/** Whether an EROFS image is mounted at a path, and how to unmount it. */
import { lstatSync, type Stats, statfsSync } from "node:fs"
import { dirname } from "node:path"
import type { MountCalls } from "./MountCalls.ts"

/**
 * Whether an EROFS image is mounted at this very path. It is false if nothing is there, and for a path inside a
 * mounted image.
 */
export const isMounted = (path: string): boolean => {
  const own = lookAt(path)
  return (
    own?.isDirectory() === true &&
    statfsSync(path).type === EROFS_SUPER_MAGIC &&
    own.dev !== lstatSync(dirname(path)).dev
  )
}

const lookAt = (path: string): Stats | undefined => {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOTDIR") return undefined
    throw cause
  }
}

/** Unmounts what is mounted at a path, if it is an image; a service that uses it keeps it. */
export const detach = (mounts: MountCalls, path: string): void => {
  while (isMounted(path)) mounts.detach(path)
}

/** The type of EROFS in statfs(2), from linux/magic.h. */
const EROFS_SUPER_MAGIC = 0xe0f5e1e2
