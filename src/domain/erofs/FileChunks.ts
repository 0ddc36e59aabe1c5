/**
 * Where the data of a file is, in the form of EROFS: in chunks of one size, which is a power of two. Each chunk
 * is a hole, or lies in one piece on a device.
 *
 * A file without holes is one chunk. The data of a sparse file stays in the archive if its runs begin and end
 * between chunks, and if these chunks are not too many. Otherwise its runs are copied to the image's data file,
 * where each chunk has room for its full size.
 */
import type { FileContent } from "../archive/LayerEntry.ts"
import { BLOCK, BLOCK_BITS, HOLE, MAX_CHUNK_BITS } from "./OnDisk.ts"

export interface FileChunks {
  /** The size of a chunk: 2^`bits` blocks. */
  readonly bits: number
  readonly count: number
  /** Whether the chunks are in the image's data file instead of the layer's archive. */
  readonly isCopied: boolean
}

/** Returns the chunks of a file that is not empty. */
export const of = (size: number, { offset, runs }: FileContent): FileChunks => {
  if (runs === undefined) return inOne(size, false)
  if (runs.length === 0) return inOne(size, false)
  const most = BASE_CHUNKS + CHUNKS_A_RUN * (runs.length / 2)
  const bits = offset % BLOCK === 0 ? commonBits(size, runs) : undefined
  if (bits !== undefined) {
    const count = Math.ceil(size / bytesOf(bits))
    if (count <= most) return { bits, count, isCopied: false }
  }
  let copied = Math.min(sizeBits(Math.ceil(size / most)), MAX_CHUNK_BITS)
  if (copied < COPIED_BITS) copied = COPIED_BITS
  return { bits: copied, count: Math.ceil(size / bytesOf(copied)), isCopied: true }
}

/**
 * Calls `visit` with the block of each chunk, or with `HOLE` for a hole. `start` is the first block on the
 * device: of the file's data in its archive, or of its place in the data file. Returns how many blocks of the
 * data file the chunks take.
 */
export const forEach = (
  chunks: FileChunks,
  size: number,
  content: FileContent,
  start: number,
  visit: (block: number) => void
): number => {
  const length = bytesOf(chunks.bits)
  const runs = content.runs ?? [0, size]
  let run = 0
  /** Bytes of the runs before `run`, which say where its data is in the archive. */
  let stored = 0
  let taken = 0
  for (let index = 0; index < chunks.count; index++) {
    const from = index * length
    for (; run < runs.length && end(runs, run) <= from; run += 2) stored += runs[run + 1] ?? 0
    const begin = runs[run] ?? Number.POSITIVE_INFINITY
    if (begin >= from + length) visit(HOLE)
    else if (chunks.isCopied) {
      visit(start + taken)
      taken += length / BLOCK
    } else visit(start + (stored + from - begin) / BLOCK)
  }
  return taken
}

/** A run of a file that is copied to the data file. Offsets are in the archive and in the data file. */
export interface Copy {
  readonly layer: number
  readonly from: number
  readonly to: number
  readonly length: number
}

/**
 * Returns the copies that put the runs of a file where `forEach` says. `start` is the file's first block in the
 * data file.
 */
export function* copies(
  chunks: FileChunks,
  size: number,
  content: FileContent,
  start: number
): Generator<Copy, void, undefined> {
  const blocks: Array<number> = []
  forEach(chunks, size, content, start, (block) => blocks.push(block))
  const { layer, offset, runs = [] } = content
  const length = bytesOf(chunks.bits)
  let from = offset
  for (let run = 0; run < runs.length; run += 2) {
    const [at = 0, bytes = 0] = [runs[run], runs[run + 1]]
    // Chunks with data follow each other in the data file as in the file, so a run stays in one piece.
    yield { layer, from, to: (blocks[Math.floor(at / length)] ?? 0) * BLOCK + (at % length), length: bytes }
    from += bytes
  }
}

/** Puts the whole file into one chunk, or into as few as possible. */
const inOne = (size: number, isCopied: boolean): FileChunks => {
  const bits = Math.min(sizeBits(size), MAX_CHUNK_BITS)
  return { bits, count: Math.ceil(size / bytesOf(bits)), isCopied }
}

const end = (runs: ReadonlyArray<number>, run: number): number => (runs[run] ?? 0) + (runs[run + 1] ?? 0)

const bytesOf = (bits: number): number => BLOCK * 2 ** bits

/** Returns the size of the smallest chunk that holds this many bytes. */
const sizeBits = (size: number): number => {
  const blocks = Math.ceil(size / BLOCK)
  if (blocks <= 1) return 0
  // `Math.clz32` counts the bits of numbers up to 32 bits.
  if (blocks <= 2 ** 32) return 32 - Math.clz32(blocks - 1)
  let bits = 32
  while (bytesOf(bits) < size) bits++
  return bits
}

/**
 * Returns the size of the largest chunk between which all runs begin and end, except at the file's end;
 * `undefined` if even single blocks are too large.
 */
const commonBits = (size: number, runs: ReadonlyArray<number>): number | undefined => {
  let bits = Math.min(sizeBits(size), MAX_CHUNK_BITS)
  const divide = (offset: number) => {
    while (bits >= 0 && offset % bytesOf(bits) !== 0) bits--
  }
  for (let run = 0; run < runs.length; run += 2) {
    divide(runs[run] ?? 0)
    if (end(runs, run) !== size) divide(end(runs, run))
  }
  return bits < 0 ? undefined : bits
}

/**
 * How many chunks a file may have besides those in proportion to its runs. A chunk takes eight bytes of the
 * image, so that many holes must not take more space in it than in the archive.
 */
const BASE_CHUNKS = 512
const CHUNKS_A_RUN = 16
/** Copied chunks are at least as large as a page. */
const COPIED_BITS = 12 - BLOCK_BITS
