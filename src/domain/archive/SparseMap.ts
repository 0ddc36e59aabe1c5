/**
 * Where the data of a sparse file lies (GNU tar manual, "Storing Sparse Files"): in old GNU headers, and in PAX
 * headers of the versions 0.0, 0.1 and 1.0.
 *
 *     old GNU   4 runs at 386 of the header, "more" at 482, the real size at 483; then blocks of 21 runs, "more" at 504
 *     0.0       GNU.sparse.offset and GNU.sparse.numbytes in turn        0.1   GNU.sparse.map=offset,length,…
 *     1.0       as decimal lines before the data, padded to whole blocks: the number of runs, then offset and length each
 */

import * as Either from "effect/Either"
import { TaggedError } from "../text/TaggedError.ts"
import { BLOCK, type Block, numberOf, type TarHeaderInvalid } from "./TarHeader.ts"

/** A checked map. `runs` is offset, length, offset, length, …: ascending, without overlaps, within the size. */
export interface SparseMap {
  readonly size: number
  readonly runs: ReadonlyArray<number>
}

/** A map of a sparse file that cannot be right. */
export class SparseMapInvalid extends TaggedError("SparseMapInvalid")<{
  readonly value: string
  readonly problem: string
}> {
  override get message() {
    return `the sparse map's ${this.value} ${this.problem}`
  }
}

/** The most runs of a map, which bounds its memory at two numbers for each. A PAX header of 1 MiB holds fewer. */
export const MAX_RUNS = 131_072

/** Checks a map against the real size and against the number of bytes stored in the archive. */
export const make = (
  size: number,
  runs: ReadonlyArray<number>,
  stored: number
): Either.Either<SparseMap, SparseMapInvalid> => {
  const refuse = (value: string, problem: string) => Either.left(new SparseMapInvalid({ value, problem }))
  if (runs.length % 2 !== 0) return refuse(`${runs.length} numbers`, "are not pairs of offset and length")
  if (runs.length / 2 > MAX_RUNS) return refuse(`${runs.length / 2} runs`, `are more than ${MAX_RUNS}`)
  let reached = 0
  let total = 0
  for (let index = 0; index < runs.length; index += 2) {
    const offset = runs[index] ?? 0
    const length = runs[index + 1] ?? 0
    if (offset < reached)
      return refuse(`run at ${offset}`, `begins before ${reached}, where the one before it ends`)
    reached = offset + length
    if (reached > size)
      return refuse(`run at ${offset}`, `ends at ${reached}, after the file's end at ${size}`)
    total += length
  }
  if (total !== stored) return refuse(`${total} bytes`, `are not the ${stored} that the archive holds`)
  return Either.right({ size, runs })
}

/** Removes the runs that have no bytes: archives end their maps with one. */
export const withoutEmpty = (runs: ReadonlyArray<number>): ReadonlyArray<number> =>
  runs.filter((_, index) => runs[index | 1] !== 0)

/** Reads the runs of an old GNU header. If `more` is set, blocks with further runs follow. */
export const ofOldGnuHeader = (
  block: Block
): Either.Either<
  { readonly size: number; readonly runs: Array<number>; readonly more: boolean },
  TarHeaderInvalid
> => {
  const size = numberOf(block, "real size", 483, 12, false)
  if (typeof size !== "number") return Either.left(size)
  const runs: Array<number> = []
  const problem = readRuns(block, 386, 4, runs)
  if (problem !== undefined) return Either.left(problem)
  return Either.right({ size, runs, more: block.bytes[block.at + 482] !== 0 })
}

/** Adds the runs of an old GNU extension block, and returns whether another block follows. */
export const addOldGnuBlock = (
  block: Block,
  runs: Array<number>
): Either.Either<boolean, TarHeaderInvalid | SparseMapInvalid> => {
  const problem = readRuns(block, 0, 21, runs)
  if (problem !== undefined) return Either.left(problem)
  if (runs.length / 2 > MAX_RUNS) return Either.left(tooMany(runs.length / 2))
  return Either.right(block.bytes[block.at + 504] !== 0)
}

/** A map of version 1.0 while its blocks are read one after another. */
export interface MapText {
  /** How many numbers the first line announces, which is twice the number of runs; −1 before it is read. */
  expected: number
  readonly runs: Array<number>
  value: number
  digits: number
}

export const emptyMapText = (): MapText => ({ expected: -1, runs: [], value: 0, digits: 0 })

/**
 * Reads on in the block at `bytes[at]`, and returns whether the map is complete. The rest of the block is then
 * padding.
 */
export const readMapText = (
  text: MapText,
  bytes: Uint8Array,
  at: number
): Either.Either<boolean, SparseMapInvalid> => {
  for (let index = at; index < at + BLOCK; index++) {
    const byte = bytes[index] ?? 0
    if (byte >= ZERO && byte <= NINE && text.digits < MAX_DIGITS) {
      text.value = text.value * 10 + byte - ZERO
      text.digits++
      continue
    }
    if (byte !== NEWLINE || text.digits === 0 || !Number.isSafeInteger(text.value)) {
      const problem = "is not a decimal line"
      return Either.left(new SparseMapInvalid({ value: `byte ${byte} after ${text.value}`, problem }))
    }
    if (text.expected >= 0) text.runs.push(text.value)
    else if (text.value > MAX_RUNS) return Either.left(tooMany(text.value))
    else text.expected = 2 * text.value
    text.value = 0
    text.digits = 0
    if (text.runs.length === text.expected) return Either.right(true)
  }
  return Either.right(false)
}

const tooMany = (runs: number) =>
  new SparseMapInvalid({ value: `${runs} runs`, problem: `are more than ${MAX_RUNS}` })

const readRuns = (
  block: Block,
  start: number,
  count: number,
  runs: Array<number>
): TarHeaderInvalid | undefined => {
  for (let index = 0; index < count; index++) {
    const at = start + index * 24
    // In all tar readers, an unused pair of NULs ends the list.
    if (block.bytes[block.at + at] === 0) return undefined
    const offset = numberOf(block, "sparse offset", at, 12, false)
    if (typeof offset !== "number") return offset
    const length = numberOf(block, "sparse length", at + 12, 12, false)
    if (typeof length !== "number") return length
    runs.push(offset, length)
  }
  return undefined
}

const ZERO = 0x30
const NINE = 0x39
const NEWLINE = 0x0a
/** A number with more digits than 2⁵³ cannot be an offset or a length. */
const MAX_DIGITS = 20
