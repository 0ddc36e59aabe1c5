/**
 * Reading files that strangers put there: never blocks, never reads without bound.
 *
 * Calls are synchronous, and give an Either, as everything does that the generator runs: it does nothing else meanwhile,
 * and Effect's runtime takes longer to load than Node does to start. An Effect takes an Either for one of its own.
 */
import * as fs from "node:fs"
import * as Either from "effect/Either"
import { TaggedError } from "../../domain/text/TaggedError.ts"

/** `reason` is a clause that follows the path: "is a fifo", "is larger than …". */
export class FileRefused extends TaggedError("FileRefused")<{
  readonly path: string
  readonly reason: string
  /** The system's error name, `ENOENT`, where it was a system call that failed. */
  readonly code?: string
}> {
  override get message(): string {
    return `${this.path} ${this.reason}`
  }
}

/** A regular file's whole content, at most `maxBytes`. Links are followed. */
export const read = (path: string, maxBytes: number): Either.Either<Buffer, FileRefused> => {
  const content = readNow(path, maxBytes)
  return content instanceof FileRefused ? Either.left(content) : Either.right(content)
}

const readNow = (path: string, maxBytes: number): Buffer | FileRefused => {
  let fd: number | undefined
  try {
    // Asked before opening as well: to open a device can have effects of its own, a watchdog's being a reboot.
    const before = fs.statSync(path, { throwIfNoEntry: false })
    if (before === undefined) return new FileRefused({ path, reason: REASONS.ENOENT, code: "ENOENT" })
    if (!before.isFile()) return new FileRefused({ path, reason: `is ${kind(before)}, not a file` })
    fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK | fs.constants.O_NOCTTY)
    const stat = fs.fstatSync(fd)
    if (!stat.isFile()) return new FileRefused({ path, reason: `is ${kind(stat)}, not a file` })
    if (stat.size > maxBytes) {
      return new FileRefused({
        path,
        reason: `has ${stat.size} bytes, more than the ${maxBytes} allowed here`
      })
    }
    return readAll(fd, stat.size)
  } catch (cause) {
    return refusal(path, cause)
  } finally {
    if (fd !== undefined) fs.closeSync(fd)
  }
}

/** As many bytes as the file had when it was opened: one that grows meanwhile is not read on. */
const readAll = (fd: number, size: number): Buffer => {
  const content = Buffer.allocUnsafe(size)
  let filled = 0
  while (filled < size) {
    const count = fs.readSync(fd, content, filled, size - filled, null)
    if (count === 0) break
    filled += count
  }
  return content.subarray(0, filled)
}

/** A failed system call as a `FileRefused`. */
export const refusal = (path: string, cause: unknown): FileRefused => {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : undefined
  const known = (REASONS as Readonly<Record<string, string>>)[code ?? ""]
  return new FileRefused({
    path,
    reason: known ?? `cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
    ...(code === undefined ? {} : { code })
  })
}

const REASONS = {
  ENOENT: "is missing",
  ENOTDIR: "is missing: a part of its path is no directory",
  EACCES: "cannot be read: permission denied",
  EPERM: "cannot be read: operation not permitted",
  ELOOP: "cannot be read: its symbolic links go round in a circle",
  EISDIR: "is a directory, not a file",
  ENXIO: "is a socket or a device, not a file"
} as const

export const kind = (stat: fs.Stats): string => {
  if (stat.isDirectory()) return "a directory"
  if (stat.isFIFO()) return "a fifo"
  if (stat.isSocket()) return "a socket"
  if (stat.isFile()) return "a file"
  if (stat.isSymbolicLink()) return "a symbolic link"
  return "a device"
}
