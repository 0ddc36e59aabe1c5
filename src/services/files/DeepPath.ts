/**
 * Paths below a directory of any depth, as bytes for system calls. A path that would exceed PATH_MAX (4096 bytes with
 * its NUL) goes through a descriptor of an ancestor, as `/proc/self/fd/N/rest`.
 */
import { Buffer } from "node:buffer"
import { closeSync, constants, openSync } from "node:fs"
import type { ByteString } from "../../domain/text/ByteString.ts"

export interface DeepPath {
  /** Returns the bytes for a call, which are valid until the next one. `""` is the directory itself. */
  readonly at: (path: string | ByteString) => Buffer
  readonly close: () => void
}

/** Makes paths below `directory`. All components but the last must be real directories and not links. */
export const under = (directory: string): DeepPath => {
  const top = Buffer.from(directory).toString("latin1")
  const span = Math.max(SPAN - top.length, NAME_MAX + 1)
  // One ancestor is held at a time. Neighbours in a walk share it.
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
    // The path is cut at multiples of the span, so that everything deep below one directory has the same ancestor.
    const cut = path.lastIndexOf("/", Math.floor((path.length - 1) / span) * span)
    // This name is too long, and the system call will say so.
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

/** The longest part of a path, which leaves room below PATH_MAX for `/proc/self/fd/N` and one name. */
const SPAN = 3500
const NAME_MAX = 255
