/** Directories and renames that are still there after a crash. */
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

/**
 * Makes a directory and, with 0755, the parents it lacks. One that is there keeps its mode, except that a mode of 0700
 * is enforced. Not `mkdir`'s own recursion: Node 20's never returns for a path such as `/proc/x`.
 */
export const makeDirectory = (path: string, mode: number): void => {
  try {
    mkdirSync(path, mode)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const parent = dirname(path)
    if (code === "ENOENT" && parent !== path) {
      makeDirectory(parent, 0o755)
      // a second ENOENT means that the parent cannot hold it
      makeUnlessThere(path, mode)
      return
    }
    if (code !== "EEXIST") throw cause
    const stats = statSync(path)
    if (!stats.isDirectory()) throw cause
    if (mode === 0o700 && (stats.mode & 0o077) !== 0) chmodSync(path, mode)
  }
}

const makeUnlessThere = (path: string, mode: number): void => {
  try {
    mkdirSync(path, mode)
  } catch (cause) {
    // another process was quicker
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause
  }
}

/** rename(2), with the new name flushed. Moves a read-only directory too, which an ordinary user may not. */
export const move = (from: string, to: string): void => {
  try {
    renameSync(from, to)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EACCES") throw cause
    const stats = lstatSync(from)
    if (!stats.isDirectory()) throw cause
    // its `..` changes, so the directory itself must be writable
    chmodSync(from, stats.mode | 0o700)
    renameSync(from, to)
    chmodSync(to, stats.mode)
  }
  flushDirectory(dirname(to))
}

/** fsync(2) of a directory: the names in it. */
export const flushDirectory = (path: string): void => {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Whether `path` is a symbolic link that says exactly `target`. */
export const linkLeadsTo = (path: string, target: string): boolean => {
  try {
    return readlinkSync(path) === target
  } catch {
    return false
  }
}
