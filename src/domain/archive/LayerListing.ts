/**
 * A layer's entries as bytes, so that they can be kept in a file instead of memory.
 *
 *     listing  = magic *record
 *     record   = length (4 bytes, of what follows) kind (1) text(path) rest
 *     rest     = metadata size (8) offset (8) count (4) *(run (8))     of a file (`FileContent`)
 *              | metadata [text(target) | major (2) minor (4)]
 *              | text(target)                       of a hardlink
 *     metadata = mode (2) uid (4) gid (4) seconds (8) nanoseconds (4) count (4) *(text(name) text(value))
 *     text     = length (4) bytes
 *
 * Numbers are big-endian; seconds and size are IEEE doubles, which can represent every value of a tar header.
 */
import { type ByteString, fromBytes } from "../text/ByteString.ts"
import { type FileContent, LayerEntry, type Metadata } from "./LayerEntry.ts"

/** The first bytes of a listing. Each new version of the format gets another number. */
export const MAGIC = "oci-systemd layer listing 3\n"

/** Returns the length of an entry's record in bytes. */
export const recordLength = (entry: LayerEntry): number => {
  const named = LENGTH + 1 + LENGTH + entry.path.length
  if (entry._tag === "Hardlink") return named + LENGTH + entry.target.length
  let length = named + METADATA
  for (const [name, value] of entry.metadata.xattrs) length += 2 * LENGTH + name.length + value.length
  switch (entry._tag) {
    case "File":
      return length + FILE + NUMBER * (entry.content.runs?.length ?? 0)
    case "Symlink":
      return length + LENGTH + entry.target.length
    case "CharacterDevice":
    case "BlockDevice":
      return length + 6
    case "Directory":
    case "Fifo":
      return length
  }
}

/** Writes an entry's record of `length` bytes at `at`. */
export const encode = (entry: LayerEntry, length: number, view: DataView, at: number): void => {
  const out = new Cursor(view, at)
  out.u32(length - LENGTH)
  out.u8(KINDS.indexOf(entry._tag))
  out.text(entry.path)
  if (entry._tag === "Hardlink") {
    out.text(entry.target)
    return
  }
  const { gid, mode, mtime, uid, xattrs } = entry.metadata
  out.u16(mode)
  out.u32(uid)
  out.u32(gid)
  out.f64(mtime.seconds)
  out.u32(mtime.nanoseconds)
  out.u32(xattrs.size)
  for (const [name, value] of xattrs) {
    out.text(name)
    out.bytes(value)
  }
  switch (entry._tag) {
    case "File":
      out.f64(entry.size)
      out.f64(entry.content.offset)
      out.u32(entry.content.runs?.length ?? NOT_SPARSE)
      for (const number of entry.content.runs ?? []) out.f64(number)
      break
    case "Symlink":
      out.text(entry.target)
      break
    case "CharacterDevice":
    case "BlockDevice":
      out.u16(entry.major)
      out.u32(entry.minor)
      break
  }
}

/**
 * Returns the length in bytes of the record that begins at `at`; `undefined` if its first four bytes are not all
 * there.
 */
export const lengthAt = (view: DataView, at: number): number | undefined =>
  at + LENGTH <= view.byteLength ? LENGTH + view.getUint32(at) : undefined

/** Reads the entry of the record at `at`, which must be complete. `layer` is the number of the layer in its image. */
export const decode = (view: DataView, at: number, layer: number): LayerEntry => {
  const from = new Cursor(view, at + LENGTH)
  const kind = KINDS[from.readU8()]
  const path = from.readText()
  if (kind === "Hardlink") return LayerEntry.Hardlink({ path, target: from.readText() })
  const metadata = metadataFrom(from)
  switch (kind) {
    case "File":
      return LayerEntry.File({
        path,
        metadata,
        size: from.readF64(),
        content: contentFrom(from, layer)
      })
    case "Symlink":
      return LayerEntry.Symlink({ path, metadata, target: from.readText() })
    case "CharacterDevice":
    case "BlockDevice":
      return LayerEntry[kind]({ path, metadata, major: from.readU16(), minor: from.readU32() })
    case "Fifo":
      return LayerEntry.Fifo({ path, metadata })
    default:
      return LayerEntry.Directory({ path, metadata })
  }
}

const metadataFrom = (from: Cursor): Metadata => {
  const [mode, uid, gid] = [from.readU16(), from.readU32(), from.readU32()]
  const mtime = { seconds: from.readF64(), nanoseconds: from.readU32() }
  const count = from.readU32()
  if (count === 0) return { mode, uid, gid, mtime, xattrs: NO_XATTRS }
  const xattrs = new Map<ByteString, Uint8Array>()
  for (let index = 0; index < count; index++) xattrs.set(from.readText(), from.readBytes().slice())
  return { mode, uid, gid, mtime, xattrs }
}

const contentFrom = (from: Cursor, layer: number): FileContent => {
  const offset = from.readF64()
  const count = from.readU32()
  return count === NOT_SPARSE
    ? { layer, offset }
    : { layer, offset, runs: Array.from({ length: count }, () => from.readF64()) }
}

/** Reads and writes one field after another. */
class Cursor {
  readonly #view: DataView
  #at: number

  constructor(view: DataView, at: number) {
    this.#view = view
    this.#at = at
  }

  u8(value: number): void {
    this.#view.setUint8(this.#take(1), value)
  }

  u16(value: number): void {
    this.#view.setUint16(this.#take(2), value)
  }

  u32(value: number): void {
    this.#view.setUint32(this.#take(4), value)
  }

  f64(value: number): void {
    this.#view.setFloat64(this.#take(8), value)
  }

  text(value: ByteString): void {
    this.u32(value.length)
    const at = this.#take(value.length)
    for (let index = 0; index < value.length; index++)
      this.#view.setUint8(at + index, value.charCodeAt(index))
  }

  bytes(value: Uint8Array): void {
    this.u32(value.length)
    this.#slice(this.#take(value.length), value.length).set(value)
  }

  readU8(): number {
    return this.#view.getUint8(this.#take(1))
  }

  readU16(): number {
    return this.#view.getUint16(this.#take(2))
  }

  readU32(): number {
    return this.#view.getUint32(this.#take(4))
  }

  readF64(): number {
    return this.#view.getFloat64(this.#take(8))
  }

  readText(): ByteString {
    return fromBytes(this.readBytes())
  }

  readBytes(): Uint8Array {
    const length = this.readU32()
    return this.#slice(this.#take(length), length)
  }

  #take(length: number): number {
    const at = this.#at
    this.#at += length
    return at
  }

  #slice(at: number, length: number): Uint8Array {
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + at, length)
  }
}

const KINDS: ReadonlyArray<LayerEntry["_tag"]> = [
  "File",
  "Directory",
  "Symlink",
  "Hardlink",
  "CharacterDevice",
  "BlockDevice",
  "Fifo"
]
const LENGTH = 4
const METADATA = 26
const NUMBER = 8
/** Replaces the number of runs of a file that is not sparse. A sparse file with 0 runs is one hole. */
const NOT_SPARSE = 2 ** 32 - 1
const FILE = 2 * NUMBER + 4
const NO_XATTRS: ReadonlyMap<ByteString, Uint8Array> = new Map()
