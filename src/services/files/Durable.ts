/** Makes directories and renames that survive a crash. */
import {
  chmodSync,
  closeSync,
  constants,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  renameSync,
  statSync
} from "node:fs"
import { dirname } from "node:path"
import { PRIVATE, PUBLIC } from "./DirectoryMode.ts"

/**
 * Makes a directory, and missing parents with 0755. An existing directory keeps its mode, except that 0700 is
 * enforced. `mkdir`'s own recursion is not used, because that of Node 20 never returns for a path such as `/proc/x`.
 */
export const makeDirectory = (path: string, mode: number): void => {
  try {
    mkdirSync(path, mode)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const parent = dirname(path)
    if (code === "ENOENT" && parent !== path) {
      makeDirectory(parent, PUBLIC)
      // A second ENOENT means that the parent cannot hold the directory.
      makeUnlessThere(path, mode)
      return
    }
    if (code !== "EEXIST") throw cause
    const stats = statSync(path)
    if (!stats.isDirectory()) throw cause
    if (mode === PRIVATE && (stats.mode & 0o077) !== 0) chmodSync(path, mode)
  }
}

const makeUnlessThere = (path: string, mode: number): void => {
  try {
    mkdirSync(path, mode)
  } catch (cause) {
    // Another process made it first.
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause
  }
}

/**
 * Renames (rename(2)) and flushes the new name. It also moves a read-only directory, which an ordinary user may not
 * do directly.
 */
export const move = (from: string, to: string): void => {
  try {
    renameSync(from, to)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EACCES") throw cause
    const stats = lstatSync(from)
    if (!stats.isDirectory()) throw cause
    // The directory's `..` changes, so the directory itself must be writable.
    chmodSync(from, stats.mode | PRIVATE)
    renameSync(from, to)
    chmodSync(to, stats.mode)
  }
  flushDirectory(dirname(to))
}

/** Flushes the names in a directory (fsync(2)). */
export const flushDirectory = (path: string): void => {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Whether `path` is a symbolic link with exactly this target. */
export const linkLeadsTo = (path: string, target: string): boolean => {
  try {
    return readlinkSync(path) === target
  } catch {
    return false
  }
}
