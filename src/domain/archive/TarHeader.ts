/**
 * The 512-byte header block of a tar archive (tar(5), POSIX pax(1) "ustar Interchange Format", GNU tar manual).
 *
 *     offset  size  field                          offset  size  field
 *          0   100  name                              257     8  magic and version: "ustar\0" "00" (POSIX),
 *        100     8  mode                                         "ustar  \0" (old GNU), else v7
 *        108     8  uid                               265    64  user and group name (not read: ids count)
 *        116     8  gid                               329    16  device major, minor (types 3 and 4)
 *        124    12  size                              345   155  name prefix (POSIX)
 *        136    12  mtime                             386   109  sparse map, its flag and the real size (old GNU)
 *        148     8  checksum, itself as spaces
 *        156     1  type                            number = octal digits, padded by spaces and NULs
 *        157   100  link name                              | 0x80 bit, then big-endian two's complement ("base-256")
 */

import * as Either from "effect/Either"
import { type ByteString, display, fromBytes } from "../text/ByteString.ts"
import { TaggedError } from "../text/TaggedError.ts"

export const BLOCK = 512

export type Format = "v7" | "ustar" | "gnu"

export interface TarHeader {
  readonly format: Format
  /** One character; `"0"` stands also for the NUL of v7. */
  readonly type: string
  /** The name as the archive spells it, prefix included. */
  readonly name: ByteString
  readonly linkName: ByteString
  /** The permission bits only. */
  readonly mode: number
  /** The uid as written. It is not checked yet, because a PAX record may replace it. */
  readonly uid: number
  readonly gid: number
  /** Number of bytes stored in the archive. */
  readonly size: number
  /** Seconds since 1970, possibly negative. */
  readonly mtime: number
  readonly major: number
  readonly minor: number
}

/** A header that cannot be read. `offset` is the position of the field's first byte in the uncompressed archive. */
export class TarHeaderInvalid extends TaggedError("TarHeaderInvalid")<{
  readonly offset: number
  readonly field: string
  readonly value: string
  readonly problem: string
}> {
  override get message() {
    return `the header's ${this.field} ${JSON.stringify(this.value)} at offset ${this.offset} ${this.problem}`
  }
}

/** Whether a block is the padding that ends an archive. */
export const isZero = (bytes: Uint8Array, at: number): boolean => {
  for (let index = at; index < at + BLOCK; index++) if (bytes[index] !== 0) return false
  return true
}

/**
 * Decodes the header in the block that starts at `bytes[at]`. `offset` is the block's position in the archive, for
 * errors.
 */
export const decode = (
  bytes: Uint8Array,
  at: number,
  offset: number
): Either.Either<TarHeader, TarHeaderInvalid> => {
  const block: Block = { bytes, at, offset }
  const checksum = verifyChecksum(block)
  if (checksum !== undefined) return Either.left(checksum)
  const format = formatOf(bytes, at)
  const type = bytes[at + 156] === 0 ? "0" : String.fromCharCode(bytes[at + 156] ?? 0)
  const device = type === "3" || type === "4"
  const mode = numberOf(block, "mode", 100, 8, false)
  if (typeof mode !== "number") return Either.left(mode)
  const uid = numberOf(block, "uid", 108, 8, true)
  if (typeof uid !== "number") return Either.left(uid)
  const gid = numberOf(block, "gid", 116, 8, true)
  if (typeof gid !== "number") return Either.left(gid)
  const size = numberOf(block, "size", 124, 12, false)
  if (typeof size !== "number") return Either.left(size)
  const mtime = numberOf(block, "mtime", 136, 12, true)
  if (typeof mtime !== "number") return Either.left(mtime)
  const major = device ? numberOf(block, "device major", 329, 8, false) : 0
  if (typeof major !== "number") return Either.left(major)
  const minor = device ? numberOf(block, "device minor", 337, 8, false) : 0
  if (typeof minor !== "number") return Either.left(minor)
  const linkName = bytes[at + 157] === 0 ? EMPTY : textOf(bytes, at + 157, 100)
  return Either.right({
    format,
    type,
    name: nameOf(bytes, at, format),
    linkName,
    mode: mode % MODE_BITS,
    uid,
    gid,
    size,
    mtime,
    major,
    minor
  })
}

/**
 * Decodes a number field, or returns what is wrong with it. The sparse maps of old GNU headers use the same format.
 * An empty field is 0. Numbers beyond 2⁵³ are refused: no file is that large and no time that far away.
 */
export const numberOf = (
  { bytes, at, offset }: Block,
  field: string,
  start: number,
  length: number,
  negative: boolean
): number | TarHeaderInvalid => {
  const from = at + start
  const end = from + length
  const usual = octal(bytes, from, end)
  if (usual >= 0) return usual
  const refuse = (problem: string, value?: string) =>
    new TarHeaderInvalid({
      offset: offset + start,
      field,
      value: value ?? display(fromBytes(bytes.subarray(from, end))),
      problem
    })
  const first = bytes[from] ?? 0
  if ((first & 0x80) !== 0) {
    // The first bit is only the mark of base-256, so the bit below it is the sign of the two's complement.
    const below = (first & 0x40) !== 0
    let value = below ? (first & 0x7f) - 0x80 : first & 0x7f
    for (let index = from + 1; index < end; index++) value = value * 256 + (bytes[index] ?? 0)
    if (!Number.isSafeInteger(value)) return refuse("is too large")
    if (value < 0 && !negative) return refuse("is negative", `${value}`)
    return value
  }
  let index = from
  while (index < end && (bytes[index] === SPACE || bytes[index] === 0)) index++
  let value = 0
  for (; index < end; index++) {
    const digit = (bytes[index] ?? 0) - ZERO
    if (digit < 0 || digit > 7) break
    value = value * 8 + digit
  }
  for (; index < end; index++) {
    const byte = bytes[index]
    if (byte === 0) return value
    if (byte !== SPACE) return refuse("is not a number")
  }
  return value
}

/**
 * Decodes the usual format: octal digits up to a NUL or a space that ends the field. Returns −1 for everything else.
 */
const octal = (bytes: Uint8Array, from: number, end: number): number => {
  let value = 0
  for (let index = from; index < end - 1; index++) {
    const digit = (bytes[index] ?? 0) - ZERO
    if (digit < 0 || digit > 7) return -1
    value = value * 8 + digit
  }
  const last = bytes[end - 1]
  return last === 0 || last === SPACE ? value : -1
}

/** A block inside a larger buffer, and its position in the archive. */
export interface Block {
  readonly bytes: Uint8Array
  readonly at: number
  readonly offset: number
}

/** Checks the sum of all bytes. Some old programs summed signed bytes, and every reader accepts both. */
const verifyChecksum = (block: Block): TarHeaderInvalid | undefined => {
  const { bytes, at } = block
  let unsigned = 8 * SPACE
  for (let index = at; index < at + BLOCK; index++) unsigned += bytes[index] ?? 0
  for (let index = at + CHECKSUM; index < at + CHECKSUM + 8; index++) unsigned -= bytes[index] ?? 0
  const stated = numberOf(block, "checksum", CHECKSUM, 8, false)
  if (typeof stated !== "number") return stated
  if (stated === unsigned || stated === unsigned - 256 * highBytes(block)) return undefined
  return new TarHeaderInvalid({
    offset: block.offset + CHECKSUM,
    field: "checksum",
    value: stated.toString(8),
    problem: `is wrong: the block sums up to ${unsigned.toString(8)}`
  })
}

/** Returns how many bytes outside of the checksum are negative when they are read as signed ones. */
const highBytes = ({ at, bytes }: Block): number => {
  let high = 0
  for (let index = at; index < at + BLOCK; index++) {
    if (index < at + CHECKSUM || index >= at + CHECKSUM + 8) high += (bytes[index] ?? 0) >> 7
  }
  return high
}

const formatOf = (bytes: Uint8Array, at: number): Format => {
  for (let index = 0; index < 5; index++) if (bytes[at + 257 + index] !== USTAR[index]) return "v7"
  return bytes[at + 262] === SPACE && bytes[at + 263] === SPACE ? "gnu" : "ustar"
}

const nameOf = (bytes: Uint8Array, at: number, format: Format): ByteString => {
  const name = textOf(bytes, at, 100)
  if (format !== "ustar" || bytes[at + 345] === 0) return name
  return `${textOf(bytes, at + 345, 155)}/${name}` as ByteString
}

/** Reads a text up to its first NUL, or the whole field. */
const textOf = (bytes: Uint8Array, start: number, length: number): ByteString => {
  let end = start
  while (end < start + length && bytes[end] !== 0) end++
  return fromBytes(bytes.subarray(start, end))
}

const EMPTY = "" as ByteString
const CHECKSUM = 148
const SPACE = 0x20
const ZERO = 0x30
const USTAR = [0x75, 0x73, 0x74, 0x61, 0x72]
/** The lowest of the type bits, which some writers add to the mode and which are not permissions. */
const MODE_BITS = 0o10000
