/**
 * Reads files that others may have written, without blocking and within a limit.
 *
 * Calls are synchronous and return an Either, like everything that the generator runs: it does nothing else
 * meanwhile, and Effect's runtime takes longer to load than Node takes to start. Effects accept an Either as an
 * Effect.
 */
import * as Either from "effect/Either"
import { TaggedError } from "../../domain/text/TaggedError.ts"
import * as fs from "./RecordedFiles.ts"

/** A file that cannot be read. `reason` is a clause that follows the path: "is a fifo", "is larger than …". */
export class FileRefused extends TaggedError("FileRefused")<{
  readonly path: string
  readonly reason: string
  /** The system's error name, such as `ENOENT`, if a system call failed. */
  readonly code?: string
}> {
  override get message(): string {
    return `${this.path} ${this.reason}`
  }
}

/** Reads a regular file of at most `maxBytes`. Links are followed. */
export const read = (path: string, maxBytes: number): Either.Either<Buffer, FileRefused> => {
  const content = readNow(path, maxBytes)
  return content instanceof FileRefused ? Either.left(content) : Either.right(content)
}

const readNow = (path: string, maxBytes: number): Buffer | FileRefused => {
  let fd: number | undefined
  try {
    // The type is checked before opening as well, because opening a device can have effects: opening a watchdog can
    // cause a reboot.
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

/** Reads as many bytes as the file had when it was opened, even if it grows meanwhile. */
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

/** Converts a failed system call to a `FileRefused`. */
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
  ENOTDIR: "is missing: a part of its path is not a directory",
  EACCES: "cannot be read: permission denied",
  EPERM: "cannot be read: operation not permitted",
  ELOOP: "cannot be read: its symbolic links form a circle",
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
