/**
 * `node:fs` for everything that the generator reads. Each function notes its path in the record of the run, if
 * there is one, and then calls Node's function. Readers import this module instead of `node:fs`, so that no
 * input can be forgotten.
 *
 * The record belongs to the process, as files do. Only the generator starts one, before it reads anything.
 */
import * as fs from "node:fs"
import { dirname } from "node:path"
import type { InputRecord } from "./InputRecord.ts"

export type { BigIntStats, Dir, Dirent, Stats } from "node:fs"
/** These functions read files that were opened by a noted path. */
export { closeSync, constants, fstatSync, readSync } from "node:fs"

let record: InputRecord | undefined

/** Records from now on; `undefined` ends it. */
export const recordIn = (next: InputRecord | undefined): void => {
  record = next
}

/** Returns the record, for inputs that are not files with a path: mounts, the processor, roots. */
export const current = (): InputRecord | undefined => record

const noting = <F extends (path: string, ...rest: never[]) => unknown>(read: F): F =>
  ((path: string, ...rest: never[]) => {
    record?.note(path)
    return read(path, ...rest)
  }) as F

export const existsSync: (path: string) => boolean = noting(fs.existsSync)
export const lstatSync = noting(fs.lstatSync)
export const opendirSync = noting(fs.opendirSync)
export const openSync = noting(fs.openSync)
export const readdirSync: (path: string) => string[] = noting(fs.readdirSync as (path: string) => string[])
export const statSync = noting(fs.statSync)

/** Lists a directory without noting it. The caller notes the entries that count. */
export const readdirUnnoted = (path: string): readonly string[] => fs.readdirSync(path)

/** Returns a file's path without links, and notes it. */
export const realpathSync = (path: string): string => {
  record?.note(path)
  const parent = dirname(path)
  record?.noteRealPath(parent, fs.realpathSync.native(parent))
  return fs.realpathSync.native(path)
}

/**
 * Returns a directory's path without links. The content of the directory does not count, nor that of
 * directories on the way: a shell finds the same path by `cd -P`.
 */
export const realDirectorySync = (path: string): string => {
  try {
    const real = fs.realpathSync.native(path)
    record?.noteRealPath(path, real)
    return real
  } catch (cause) {
    record?.note(path)
    if (fs.existsSync(path)) record?.distrust(`${path} appeared while it was looked for`)
    throw cause
  }
}

/** Returns device and inode number of a directory whose path has no links. Its content does not count. */
export const identitySync = (path: string): string | undefined => {
  const stats = fs.lstatSync(path, { bigint: true, throwIfNoEntry: false })
  // A path without links ends in a link only if that link leads nowhere.
  const isThere = stats !== undefined && !stats.isSymbolicLink()
  if (!isThere) record?.note(path)
  const identity = isThere ? `${stats.dev}:${stats.ino}` : undefined
  if (identity !== undefined) record?.noteIdentity(path, identity)
  return identity
}

/** Reads a file of /proc, whose times have no meaning. The caller notes the part that counts. */
export const readKernelFile = (path: string, most?: number): string => {
  const fd = fs.openSync(path, fs.constants.O_RDONLY)
  try {
    if (most === undefined) return fs.readFileSync(fd, "utf8")
    const head = Buffer.alloc(most)
    return head.toString("latin1", 0, fs.readSync(fd, head))
  } finally {
    fs.closeSync(fd)
  }
}
