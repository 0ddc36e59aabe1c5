/** Compares a file with bytes that come piece by piece. */
import { Buffer } from "node:buffer"
import * as fs from "node:fs"

/** What belongs at a position of a file. */
export interface Piece {
  readonly at: number
  readonly bytes: Uint8Array
}

/** A clause that follows the file's path. */
export type Fault = string

/**
 * Returns what is wrong with a file of `size` bytes, of which `pieces`, in their order, are known and all others are
 * zeros. Works in small steps. Throws errors of the system, except for a missing file.
 */
export function* fault(
  path: string,
  size: number,
  pieces: Iterable<Piece>
): Generator<undefined, Fault | undefined, undefined> {
  const stats = fs.lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return "is missing"
  if (!stats.isFile()) return "is not a file"
  if (stats.size !== size) return `has ${stats.size} bytes, and should have ${size}`
  const comparison = new Comparison(path)
  try {
    let end = 0
    for (const { at, bytes } of pieces) {
      if (!(yield* comparison.isZero(end, at)) || !(yield* comparison.isEqual(at, bytes))) return DIFFERS
      end = at + bytes.length
    }
    return (yield* comparison.isZero(end, size)) ? undefined : DIFFERS
  } finally {
    comparison.close()
  }
}

/** Does the same with another file as the model. */
export const faultBeside = (
  path: string,
  model: string
): Generator<undefined, Fault | undefined, undefined> => fault(path, sizeOf(model) ?? 0, piecesOf(model))

/** Returns the size of a file in bytes; `undefined` if it is missing or the caller may not see it. */
export const sizeOf = (path: string): number | undefined => {
  try {
    return fs.lstatSync(path).size
  } catch {
    return undefined
  }
}

/** Reads a file as pieces. */
function* piecesOf(path: string): Generator<Piece, void, undefined> {
  const fd = open(path)
  try {
    const buffer = Buffer.allocUnsafeSlow(PIECE)
    for (let at = 0; ; ) {
      const count = fs.readSync(fd, buffer, 0, PIECE, at)
      if (count === 0) return
      yield { at, bytes: buffer.subarray(0, count) }
      at += count
    }
  } finally {
    fs.closeSync(fd)
  }
}

/** Opens a file to read it, and follows no link in its place. */
export const open = (path: string): number =>
  fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK)

class Comparison {
  readonly #fd: number
  readonly #found = Buffer.allocUnsafeSlow(PIECE)

  constructor(path: string) {
    this.#fd = open(path)
  }

  *isZero(from: number, to: number): Generator<undefined, boolean, undefined> {
    for (let at = from; at < to; ) {
      const length = Math.min(PIECE, to - at)
      if (!(yield* this.isEqual(at, ZEROS.subarray(0, length)))) return false
      at += length
    }
    return true
  }

  *isEqual(at: number, bytes: Uint8Array): Generator<undefined, boolean, undefined> {
    for (let done = 0; done < bytes.length; ) {
      const length = Math.min(PIECE, bytes.length - done)
      const count = fs.readSync(this.#fd, this.#found, 0, length, at + done)
      if (count === 0 || this.#found.compare(bytes, done, done + count, 0, count) !== 0) return false
      done += count
      yield undefined
    }
    return true
  }

  close(): void {
    fs.closeSync(this.#fd)
  }
}

const DIFFERS = "is not what the layers give"
/** Bytes that are read and compared at once. */
const PIECE = 1 << 20
const ZEROS = Buffer.alloc(PIECE)
