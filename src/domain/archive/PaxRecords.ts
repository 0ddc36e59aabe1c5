/**
 * The records of a PAX extended header (POSIX pax(1), "pax Extended Header"; star(5) for SCHILY.xattr).
 *
 *     header = *record
 *     record = length SP key "=" value LF      (length: decimal, of the whole record in bytes)
 *     key    = 1*(any byte but "=" and NUL)    (the last record of a key wins)
 *
 * Values are bytes. Keys not named below (atime, ctime, uname, gname, hdrcharset, comment, …) change nothing here.
 */

import * as Either from "effect/Either"
import { type ByteString, display, fromBytes } from "../text/ByteString.ts"
import { TaggedError } from "../text/TaggedError.ts"
import type { Timestamp } from "./LayerEntry.ts"

export interface PaxRecords {
  readonly path?: ByteString
  readonly linkPath?: ByteString
  readonly size?: number
  readonly uid?: number
  readonly gid?: number
  readonly mtime?: Timestamp
  readonly xattrs: ReadonlyMap<ByteString, Uint8Array>
  readonly sparse?: PaxSparse
}

/** The GNU.sparse.* records: the version of the sparse map, and the part of it that is in the header. */
export interface PaxSparse {
  readonly version: "0.0" | "0.1" | "1.0"
  readonly name?: ByteString
  readonly size: number
  /** Offsets and lengths in turn. For version 1.0 the list is empty, because the map precedes the data. */
  readonly runs: ReadonlyArray<number>
}

/** A record of an extended header that cannot be read. */
export class PaxRecordsInvalid extends TaggedError("PaxRecordsInvalid")<{
  readonly key: string
  readonly value: string
  readonly problem: string
}> {
  override get message() {
    return `the PAX record ${this.key}=${JSON.stringify(this.value)} ${this.problem}`
  }
}

/** The largest accepted header, since headers are read into memory. Other tools allow 1 MiB as well. */
export const MAX_HEADER_BYTES = 1 << 20
/** XATTR_SIZE_MAX and XATTR_NAME_MAX of the kernel. */
export const MAX_XATTR_BYTES = 65_536
export const MAX_XATTR_NAME = 255

export const decode = (bytes: Uint8Array): Either.Either<PaxRecords, PaxRecordsInvalid> => {
  if (bytes.length > MAX_HEADER_BYTES)
    return refuse("", `${bytes.length}`, `is a header over ${MAX_HEADER_BYTES} bytes`)
  const draft: Draft = { values: new Map(), xattrs: new Map(), runs: [] }
  let at = 0
  while (at < bytes.length) {
    let end = at
    let length = 0
    while (end < at + MAX_LENGTH_DIGITS && isDigit(bytes[end]))
      length = length * 10 + (bytes[end++] ?? 0) - ZERO
    const stop = at + length
    if (
      end === at ||
      bytes[end] !== SPACE ||
      stop > bytes.length ||
      stop <= end + 1 ||
      bytes[stop - 1] !== NEWLINE
    ) {
      return refuse("", shown(bytes.subarray(at, at + 32)), "has a bad length")
    }
    const equals = bytes.indexOf(EQUALS, end + 1)
    if (equals < 0 || equals >= stop)
      return refuse(shown(bytes.subarray(end + 1, stop - 1)), "", 'has no "="')
    const problem = add(
      draft,
      fromBytes(bytes.subarray(end + 1, equals)),
      bytes.subarray(equals + 1, stop - 1)
    )
    if (problem !== undefined) return Either.left(problem)
    at = stop
  }
  return finish(draft)
}

/**
 * Parses seconds with any fraction, also negative: `-1.5` is half a second after −2. Digits below a nanosecond are
 * rounded down.
 */
export const timestamp = (text: string): Timestamp | undefined => {
  const match = DECIMAL.exec(text)
  if (match === null) return undefined
  const [, sign, whole = "", fraction = ""] = match
  const seconds = Number(whole)
  if (!Number.isSafeInteger(seconds)) return undefined
  const nanoseconds = Number(fraction.slice(0, 9).padEnd(9, "0"))
  if (sign !== "-") return { seconds, nanoseconds }
  const below = nanoseconds + (/[1-9]/.test(fraction.slice(9)) ? 1 : 0)
  return below === 0
    ? { seconds: 0 - seconds, nanoseconds: 0 }
    : { seconds: -seconds - 1, nanoseconds: 1e9 - below }
}

interface Draft {
  readonly values: Map<ByteString, ByteString>
  readonly xattrs: Map<ByteString, Uint8Array>
  readonly runs: Array<number>
}

const add = (draft: Draft, key: ByteString, value: Uint8Array): PaxRecordsInvalid | undefined => {
  const invalid = (problem: string) =>
    new PaxRecordsInvalid({ key: display(key), value: shown(value), problem })
  if (key === "") return invalid("has no key")
  if (key.includes("\0")) return invalid("has a NUL in its key")
  if (key.startsWith(XATTR)) {
    const name = key.slice(XATTR.length) as ByteString
    if (name === "" || name.length > MAX_XATTR_NAME) return invalid("names no possible extended attribute")
    if (value.length > MAX_XATTR_BYTES) return invalid(`is longer than ${MAX_XATTR_BYTES} bytes`)
    // The value is copied because the caller reuses its buffer.
    draft.xattrs.set(name, new Uint8Array(value))
    return undefined
  }
  if (key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes") {
    // All repetitions of this pair of keys count, unlike those of other keys.
    const number = natural(fromBytes(value))
    if (number === undefined) return invalid("is not a number")
    if ((draft.runs.length % 2 === 0) !== (key === "GNU.sparse.offset")) return invalid("is out of order")
    draft.runs.push(number)
    return undefined
  }
  if (!KNOWN.has(key)) return undefined
  if (TEXTS.has(key) && value.includes(0)) return invalid("has a NUL")
  draft.values.set(key, fromBytes(value))
  return undefined
}

/** Finishes the records. An empty value cancels a record, so that the header's field counts. */
const finish = (draft: Draft): Either.Either<PaxRecords, PaxRecordsInvalid> => {
  const records: { -readonly [K in keyof PaxRecords]: PaxRecords[K] } = { xattrs: draft.xattrs }
  let sparse = draft.runs.length > 0
  for (const [key, value] of draft.values) {
    if (value === "") continue
    if (key === "path") records.path = value
    else if (key === "linkpath") records.linkPath = value
    else if (key === "mtime") {
      const time = timestamp(value)
      if (time === undefined) return refuse(key, display(value), "is not a time")
      records.mtime = time
    } else if (NUMBERS.has(key)) {
      const number = natural(value)
      if (number === undefined) return refuse(key, display(value), "is not a number from 0 to 2⁵³")
      records[key as string as "size" | "uid" | "gid"] = number
    } else sparse = true
  }
  if (!sparse) return Either.right(records)
  return Either.map(sparseOf(draft), (found) => ({ ...records, sparse: found }))
}

const sparseOf = ({ values, runs }: Draft): Either.Either<PaxSparse, PaxRecordsInvalid> => {
  const get = (key: string) => values.get(`GNU.sparse.${key}` as ByteString) ?? ""
  const major = get("major")
  const minor = get("minor")
  const map = get("map")
  const stated = major === "" && minor === "" ? (map === "" ? "0.0" : "0.1") : `${major}.${minor}`
  if (stated !== "0.0" && stated !== "0.1" && stated !== "1.0") {
    return refuse(
      "GNU.sparse.major",
      display(major as ByteString),
      "begins an unknown version of sparse files"
    )
  }
  const [key, text] =
    stated === "1.0" && get("realsize") !== "" ? ["realsize", get("realsize")] : ["size", get("size")]
  const size = natural(text)
  if (size === undefined)
    return refuse(`GNU.sparse.${key}`, display(text as ByteString), "is not a sparse file's size")
  const name = get("name")
  const base = { version: stated, size, ...(name === "" ? {} : { name: name as ByteString }) } as const
  if (stated === "1.0") return Either.right({ ...base, runs: [] })
  const listed = map === "" ? runs : map.split(",").map(natural)
  const numbers = listed.filter((number) => number !== undefined)
  if (numbers.length !== listed.length)
    return refuse("GNU.sparse.map", shorten(display(map as ByteString)), "is not a list of numbers")
  const count = get("numblocks")
  if (count !== "" && natural(count) !== numbers.length / 2) {
    return refuse(
      "GNU.sparse.numblocks",
      display(count as ByteString),
      `is not the number of the ${numbers.length / 2} runs`
    )
  }
  return Either.right({ ...base, runs: numbers })
}

const natural = (text: string): number | undefined => {
  if (!NATURAL.test(text)) return undefined
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : undefined
}

const isDigit = (byte: number | undefined) => byte !== undefined && byte >= ZERO && byte <= NINE
const refuse = (key: string, value: string, problem: string) =>
  Either.left(new PaxRecordsInvalid({ key, value, problem }))
const shown = (bytes: Uint8Array) => shorten(display(fromBytes(bytes.subarray(0, SHOWN + 1))))
const shorten = (text: string) => (text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text)

const XATTR = "SCHILY.xattr."
const TEXTS: ReadonlySet<string> = new Set(["path", "linkpath", "GNU.sparse.name"])
const NUMBERS: ReadonlySet<string> = new Set(["size", "uid", "gid"])
const SPARSE = ["major", "minor", "size", "realsize", "map", "numblocks"].map((key) => `GNU.sparse.${key}`)
const KNOWN: ReadonlySet<string> = new Set([...TEXTS, ...NUMBERS, ...SPARSE, "mtime"])
const NATURAL = /^[0-9]{1,20}$/
const DECIMAL = /^(-?)([0-9]{1,20})(?:\.([0-9]*))?$/
const SPACE = 0x20
const ZERO = 0x30
const NINE = 0x39
const EQUALS = 0x3d
const NEWLINE = 0x0a
/** A length with more digits exceeds the limit on the whole header. */
const MAX_LENGTH_DIGITS = 8
/** How many characters of a bad value an error shows. */
const SHOWN = 80
