/**
 * Examines what is at a path and in it. It follows nothing, does not block, and changes nothing, not even access
 * times.
 */
import { Buffer } from "node:buffer"
import * as fs from "node:fs"
import type { ByteString } from "../../domain/text/ByteString.ts"
import type { PathFacts, PathKind } from "../../domain/verify/PathFacts.ts"
import * as DeviceNumber from "../files/DeviceNumber.ts"
import type { Calls } from "../files/NativeCalls.ts"
import { ContentDigest } from "../layer/ContentDigest.ts"

export interface FoundPath {
  readonly at: Buffer
  /** The device of the file system, and the inode number in it. */
  readonly device: bigint
  readonly inode: bigint
  readonly facts: PathFacts
  /** Whether a file has holes. */
  readonly isSparse: boolean
}

/** Examines a path; `undefined` if nothing is there. Throws errors of the system. */
export const look = (at: Buffer, calls: Calls): FoundPath | undefined => {
  const stats = fs.lstatSync(at, { bigint: true, throwIfNoEntry: false })
  if (stats === undefined) return undefined
  const kind = kindOf(stats)
  const seconds = stats.mtimeNs / BILLION - (stats.mtimeNs % BILLION < 0n ? 1n : 0n)
  return {
    at,
    device: stats.dev,
    inode: stats.ino,
    isSparse: stats.blocks * 512n < stats.size,
    facts: {
      kind,
      metadata: {
        mode: Number(stats.mode & 0o7777n),
        uid: Number(stats.uid),
        gid: Number(stats.gid),
        mtime: { seconds: Number(seconds), nanoseconds: Number(stats.mtimeNs - seconds * BILLION) },
        xattrs: xattrsOf(at, calls)
      },
      ...(kind === "File" ? { size: Number(stats.size) } : {}),
      ...(kind === "Symlink"
        ? { target: fs.readlinkSync(at, { encoding: "buffer" }).toString("latin1") as ByteString }
        : {}),
      ...(kind === "CharacterDevice" || kind === "BlockDevice"
        ? { device: DeviceNumber.parts(stats.rdev) }
        : {})
    }
  }
}

/** Whether the path is on an overlay, which has more than one device number. */
export const isOverlay = (at: Buffer): boolean => fs.statfsSync(at).type === OVERLAYFS

/** Returns only the kind. */
export const kindAt = (at: Buffer | string): PathKind | undefined => {
  const stats = fs.lstatSync(at, { bigint: true, throwIfNoEntry: false })
  return stats === undefined ? undefined : kindOf(stats)
}

/** Reads files for their digests, one after another, a piece at a time. */
export class ContentReader {
  readonly #calls: Calls
  readonly #buffer = Buffer.allocUnsafeSlow(PIECE)
  #digest = new ContentDigest()

  constructor(calls: Calls) {
    this.#calls = calls
  }

  /** Computes the digest of a path that was just found to be a regular file. Throws errors of the system. */
  *digestOf({ at, facts: { size = 0 }, isSparse }: FoundPath): Generator<undefined, Buffer, undefined> {
    if (size === 0) return this.#digest.end(0)
    let isDone = false
    const fd = openQuietly(at)
    try {
      for (let position = 0; position < size; ) {
        // EROFS counts the blocks of holes as well.
        const next = isSparse || size > PIECE ? this.#calls.nextData(fd, position) : position
        if (next === undefined || next >= size) break
        const count = fs.readSync(fd, this.#buffer, 0, Math.min(PIECE, size - next), next)
        if (count === 0) break
        this.#digest.write(this.#buffer, 0, count, next)
        position = next + count
        yield undefined
      }
      isDone = true
      return this.#digest.end(size)
    } finally {
      if (!isDone) this.#digest = new ContentDigest()
      fs.closeSync(fd)
    }
  }
}

/** Yields the names in a directory, a hundred at a time. Throws errors of the system. */
export function* namesIn(at: Buffer): Generator<ByteString, void, undefined> {
  // Node's types do not describe a directory of bytes.
  const directory = fs.opendirSync(at as never, { encoding: "buffer" as never, bufferSize: NAMES })
  try {
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
      yield (entry.name as unknown as Buffer).toString("latin1") as ByteString
    }
  } finally {
    directory.closeSync()
  }
}

/** Returns the kind of what was examined. */
export const kindOf = (stats: fs.StatsBase<number> | fs.StatsBase<bigint>): PathKind => {
  if (stats.isFile()) return "File"
  if (stats.isDirectory()) return "Directory"
  if (stats.isSymbolicLink()) return "Symlink"
  if (stats.isCharacterDevice()) return "CharacterDevice"
  if (stats.isBlockDevice()) return "BlockDevice"
  return stats.isFIFO() ? "Fifo" : "Socket"
}

const xattrsOf = (at: Buffer, calls: Calls): ReadonlyMap<ByteString, Uint8Array> => {
  try {
    return calls.listXattrs(at)
  } catch (cause) {
    // The file system has no extended attributes.
    if ((cause as NodeJS.ErrnoException).code === "ENOTSUP") return new Map()
    throw cause
  }
}

/** Opens without changing the access time, if the caller may ask for that, as root and the file's owner may. */
const openQuietly = (at: Buffer): number => {
  try {
    return fs.openSync(at, OPEN | fs.constants.O_NOATIME)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EPERM") throw cause
    return fs.openSync(at, OPEN)
  }
}

const OPEN = fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK | fs.constants.O_NOCTTY
/** Bytes read at once. */
const PIECE = 1 << 20
const NAMES = 128
/** `OVERLAYFS_SUPER_MAGIC` of linux/magic.h. */
const OVERLAYFS = 0x794c7630
const BILLION = 1_000_000_000n
