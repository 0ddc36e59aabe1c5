/** Writes tar archives, also such as no honest program writes. Text is one character a byte. */
import { Buffer } from "node:buffer"

const BLOCK = 512

/** A field is written as it is where it is bytes or text, in octal where it is a number. */
type Field = number | string | Uint8Array

export interface Fields {
  readonly name?: Field
  readonly mode?: Field
  readonly uid?: Field
  readonly gid?: Field
  readonly size?: Field
  readonly mtime?: Field
  /** Left out: the right one. */
  readonly checksum?: Field
  readonly type?: Field
  readonly link?: Field
  /** Magic and version, eight bytes. */
  readonly magic?: Field
  readonly major?: Field
  readonly minor?: Field
  readonly prefix?: Field
  /** Raw bytes from offset 345 on (old GNU). */
  readonly tail?: Field
}

export const USTAR = "ustar\x0000"
export const GNU = "ustar  \0"
export const V7 = "\0\0\0\0\0\0\0\0"

export const bytes = (field: string | Uint8Array): Buffer =>
  typeof field === "string" ? Buffer.from(field, "latin1") : Buffer.from(field)

/** Two's complement with the first bit set, as GNU and star write what octal digits cannot say. */
export const base256 = (value: number | bigint, length: number): Buffer => {
  const field = Buffer.alloc(length)
  let rest = BigInt(value)
  for (let index = length - 1; index >= 0; index--) {
    field[index] = Number(rest & 0xffn)
    rest >>= 8n
  }
  field[0] = (field[0] ?? 0) | 0x80
  return field
}

export const header = (fields: Fields): Buffer => {
  const block = Buffer.alloc(BLOCK)
  const put = (at: number, length: number, field: Field | undefined, fallback: Field = "") => {
    const value = field ?? fallback
    const text = typeof value === "number" ? value.toString(8).padStart(length - 1, "0") : value
    bytes(text).copy(block, at, 0, length)
  }
  put(0, 100, fields.name, "name")
  put(100, 8, fields.mode, 0o644)
  put(108, 8, fields.uid, 0)
  put(116, 8, fields.gid, 0)
  put(124, 12, fields.size, 0)
  put(136, 12, fields.mtime, 0)
  put(156, 1, fields.type, "0")
  put(157, 100, fields.link)
  put(257, 8, fields.magic, USTAR)
  put(329, 8, fields.major)
  put(337, 8, fields.minor)
  put(345, 155, fields.prefix)
  put(345, 167, fields.tail ?? block.subarray(345))
  block.fill(0x20, 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  put(148, 8, fields.checksum, `${sum.toString(8).padStart(6, "0")}\0 `)
  return block
}

export const padded = (data: string | Uint8Array): Buffer => {
  const content = bytes(data)
  return Buffer.concat([content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)])
}

/** A header with its data; the size is the data's unless told otherwise. */
export const member = (fields: Fields, data: string | Uint8Array = ""): Buffer =>
  Buffer.concat([header({ size: bytes(data).length, ...fields }), padded(data)])

/** One PAX record, with the right length. */
export const record = (key: string, value: string | Uint8Array): Buffer => {
  const body = Buffer.concat([bytes(` ${key}=`), bytes(value), bytes("\n")])
  let length = body.length + 1
  while (`${length}`.length + body.length !== length) length = `${length}`.length + body.length
  return Buffer.concat([bytes(`${length}`), body])
}

type Records = ReadonlyArray<readonly [key: string, value: string | Uint8Array]>
export const records = (list: Records): Buffer =>
  Buffer.concat(list.map(([key, value]) => record(key, value)))

/** A PAX header block with its records, or with any bytes in their place. */
export const pax = (content: Records | string | Uint8Array, type = "x"): Buffer =>
  member({ name: "PaxHeaders/x", type }, Array.isArray(content) ? records(content) : bytes(content as string))

export const longName = (name: string, type: "L" | "K" = "L"): Buffer =>
  member({ name: "././@LongLink", type, magic: GNU }, `${name}\0`)

/** Offset, length and their counterparts as an old GNU header has them from 345 on. */
export const oldGnuTail = (runs: ReadonlyArray<Field>, realSize: Field, more = false): Buffer => {
  const tail = Buffer.alloc(167)
  octal(runs.slice(0, 8)).copy(tail, 386 - 345)
  tail[482 - 345] = more ? 1 : 0
  octal([realSize]).copy(tail, 483 - 345)
  return tail
}

export const oldGnuBlock = (runs: ReadonlyArray<Field>, more = false): Buffer => {
  const block = Buffer.alloc(BLOCK)
  octal(runs).copy(block)
  block[504] = more ? 1 : 0
  return block
}

const octal = (numbers: ReadonlyArray<Field>): Buffer =>
  Buffer.concat(
    numbers.map((value) =>
      typeof value === "number" ? bytes(`${value.toString(8).padStart(11, "0")}\0`) : bytes(value)
    )
  )

export const ZEROS = Buffer.alloc(BLOCK)
export const END = Buffer.alloc(2 * BLOCK)

export const archive = (...parts: ReadonlyArray<Uint8Array>): Buffer => Buffer.concat([...parts, END])
