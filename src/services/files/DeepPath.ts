/**
 * Paths below a directory, as bytes for system calls, however deep: what would pass PATH_MAX (4096 bytes with its
 * NUL) goes through a descriptor of an ancestor, as `/proc/self/fd/N/rest`.
 */
import { Buffer } from "node:buffer"
import { closeSync, constants, openSync } from "node:fs"
import type { ByteString } from "../../domain/text/ByteString.ts"

export interface DeepPath {
  /** The bytes to call with, good until the next call; `""` is the directory itself. */
  readonly at: (path: string | ByteString) => Buffer
  readonly close: () => void
}

/** `path` below `directory`, whose components (but the last) are real directories: never a link. */
export const under = (directory: string): DeepPath => {
  const top = Buffer.from(directory).toString("latin1")
  const span = Math.max(SPAN - top.length, NAME_MAX + 1)
  // one ancestor at a time: neighbours in a walk share it
  let anchor: { readonly prefix: string; readonly fd: number } | undefined

  const anchored = (prefix: string): number => {
    if (anchor?.prefix === prefix) return anchor.fd
    const fd = openSync(at(prefix), constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
    if (anchor !== undefined) closeSync(anchor.fd)
    anchor = { prefix, fd }
    return fd
  }

  const at = (path: string): Buffer => {
    if (path.length <= span) return Buffer.from(path === "" ? top : `${top}/${path}`, "latin1")
    // the cut falls at a multiple of the span, so that what lies deep below one directory has one anchor
    const cut = path.lastIndexOf("/", Math.floor((path.length - 1) / span) * span)
    // a name too long to be one: the system call says so
    if (cut <= 0) return Buffer.from(`${top}/${path}`, "latin1")
    return Buffer.from(`/proc/self/fd/${anchored(path.slice(0, cut))}${path.slice(cut)}`, "latin1")
  }

  return {
    at,
    close: () => {
      if (anchor !== undefined) closeSync(anchor.fd)
      anchor = undefined
    }
  }
}

/** Below PATH_MAX by more than a `/proc/self/fd/N` and one name. */
const SPAN = 3500
const NAME_MAX = 255
