/** Mounts the root of an image at a directory of the caller's choice, and unmounts it there. */
import * as fs from "node:fs"
import { basename } from "node:path"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { Calls } from "../files/NativeCalls.ts"
import * as Privileges from "../files/Privileges.ts"
import * as MountTable from "../host/MountTable.ts"

/** A root cannot be mounted at a directory, or unmounted there; `reason` is a clause that follows the directory. */
export class PlaceUnfit extends Data.TaggedError("PlaceUnfit")<{
  readonly operation: "mount" | "unmount"
  readonly directory: string
  readonly reason: string
  /** The system's error name, where a system call failed. */
  readonly code?: string
}> {
  override get message(): string {
    return this.operation === "mount"
      ? `nothing is mounted at ${this.directory}: it ${this.reason}`
      : `nothing is unmounted at ${this.directory}: it ${this.reason}`
  }
}

/** Fails unless a root can be mounted at a directory, which has to be there and empty. */
export const requireEmpty = (directory: string): Effect.Effect<void, PlaceUnfit> =>
  attempt("mount", directory, () => {
    if (!Privileges.isRoot()) return "can be used by root only"
    return fs.readdirSync(directory).length === 0 ? undefined : "is not empty"
  })

/** Makes a root appear at a directory too: read-only, and without set-user-ID and device files, which users could use. */
export const bind = (calls: Calls, root: string, directory: string): Effect.Effect<void, PlaceUnfit> =>
  attempt("mount", directory, () => {
    calls.mounts.bind(root, directory)
    return undefined
  })

/** Unmounts the root at a directory. Fails if something else is mounted there, and if a process uses it. */
export const unmount = (calls: Calls, directory: string): Effect.Effect<void, PlaceUnfit> =>
  attempt("unmount", directory, () => {
    if (!Privileges.isRoot()) return "can be used by root only"
    const path = fs.realpathSync(directory)
    const mount = MountTable.read().findLast(({ point }) => point === path)
    if (mount === undefined) return "has nothing mounted there"
    const isImage = mount.kind === "erofs" && IMAGE.test(mount.source) && basename(path) !== OWN_PLACE
    if (!isImage && !ROOT.test(mount.root))
      return "has something mounted there that is not the root of an image"
    calls.mounts.unmount(path)
    return undefined
  })

/** Runs `body`, which does the work, or returns why the directory cannot be used. */
const attempt = (
  operation: "mount" | "unmount",
  directory: string,
  body: () => string | undefined
): Effect.Effect<void, PlaceUnfit> =>
  Effect.suspend(() => {
    try {
      const reason = body()
      return reason === undefined ? Effect.void : new PlaceUnfit({ operation, directory, reason })
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      if (code === undefined) throw cause
      return new PlaceUnfit({
        operation,
        directory,
        reason: REASONS[code] ?? `cannot be used (${code})`,
        code
      })
    }
  })

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  ENOTDIR: "is not a directory",
  EBUSY: "is in use"
}
/** Matches the image that a root is mounted from. */
const IMAGE = /\/images\/[a-z0-9]+\/[0-9a-f]{2}\/[0-9a-f]{32,}\/image\.erofs$/
/** Matches a root that is a directory. */
const ROOT = /\/roots\/[a-z0-9]+\/[0-9a-f]{2}\/[0-9a-f]{32,}$/
/** The name of the directory on which an image is mounted for services. `gc` unmounts it there. */
const OWN_PLACE = "root"
