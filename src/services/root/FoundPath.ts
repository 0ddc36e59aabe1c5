/** What is really at a path, and in it: nothing is followed, nothing blocks, and nothing is changed, not even a time of access. */
import { Buffer } from "node:buffer"
import * as fs from "node:fs"
import type { ByteString } from "../../domain/text/ByteString.ts"
import type { PathFacts, PathKind } from "../../domain/verify/PathFacts.ts"
import { ContentDigest } from "../layer/ContentDigest.ts"
import { type Calls, deviceParts } from "../files/NativeCalls.ts"

export interface FoundPath {
  readonly at: Buffer
  /** Of the file system, and in it. */
  readonly device: bigint
  readonly inode: bigint
  readonly facts: PathFacts
  /** Whether a file has holes. */
  readonly isSparse: boolean
}

/** `undefined` where nothing is. Throws what the system says. */
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
      ...(kind === "CharacterDevice" || kind === "BlockDevice" ? { device: deviceParts(stats.rdev) } : {})
    }
  }
}

/** Whether it is on an overlay, whose device numbers are not one. */
export const isOverlay = (at: Buffer): boolean => fs.statfsSync(at).type === OVERLAYFS

/** What is there, no more. */
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

  /** Of what was a regular file a moment ago. Throws what the system says. */
  *digestOf({ at, facts: { size = 0 }, isSparse }: FoundPath): Generator<undefined, Buffer, undefined> {
    if (size === 0) return this.#digest.end(0)
    let isDone = false
    const fd = openQuietly(at)
    try {
      for (let position = 0; position < size; ) {
        const next = isSparse ? this.#calls.nextData(fd, position) : position
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

/** The names in a directory, a hundred at a time, however many there are. Throws what the system says. */
export function* namesIn(at: Buffer): Generator<ByteString, void, undefined> {
  // Node's types know no directory of bytes
  const directory = fs.opendirSync(at as never, { encoding: "buffer" as never, bufferSize: NAMES })
  try {
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
      yield (entry.name as unknown as Buffer).toString("latin1") as ByteString
    }
  } finally {
    directory.closeSync()
  }
}

const kindOf = (stats: fs.BigIntStats): PathKind => {
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
    // a file system without any
    if ((cause as NodeJS.ErrnoException).code === "ENOTSUP") return new Map()
    throw cause
  }
}

/** Without a new time of access where one may ask for that: root may, and the file's owner. */
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
/** `OVERLAYFS_SUPER_MAGIC` of linux/magic.h */
const OVERLAYFS = 0x794c7630
const BILLION = 1_000_000_000n
