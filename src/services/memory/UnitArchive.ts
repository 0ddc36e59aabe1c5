/**
 * An archive of a run's units, which tar(1) restores: ustar headers (pax(1)), and the long names that both GNU
 * tar and busybox know for names of more than 100 bytes.
 */
import { Buffer } from "node:buffer"

/** A file with its text, or a symbolic link with its target. */
export interface WrittenUnit {
  /** The path below the generator's directory. */
  readonly name: string
  readonly text?: string | Uint8Array
  readonly target?: string
}

export const of = (units: readonly WrittenUnit[]): Buffer => {
  const parts: Uint8Array[] = []
  for (const { name, target = "", text } of units) {
    const link = Buffer.from(target)
    const path = Buffer.from(name)
    if (link.length > MAX_NAME) putLong(parts, "K", link)
    if (path.length > MAX_NAME) putLong(parts, "L", path)
    const content = typeof text === "string" ? Buffer.from(text) : text
    parts.push(header(path, link, content === undefined ? "2" : "0", content?.length ?? 0))
    if (content !== undefined) putPadded(parts, content)
  }
  parts.push(END)
  return Buffer.concat(parts)
}

/** Writes a member whose content is the name of the next member. */
const putLong = (parts: Uint8Array[], type: "K" | "L", name: Uint8Array): void => {
  parts.push(header(LONG_LINK, NOTHING, type, name.length + 1))
  putPadded(parts, Buffer.concat([name, ZERO]))
}

const putPadded = (parts: Uint8Array[], content: Uint8Array): void => {
  parts.push(content)
  const rest = content.length % BLOCK
  if (rest > 0) parts.push(ZEROS.subarray(rest))
}

const header = (name: Uint8Array, link: Uint8Array, type: string, size: number): Buffer => {
  const block = Buffer.from(TEMPLATE)
  block.set(name.subarray(0, MAX_NAME), 0)
  block.set(link.subarray(0, MAX_NAME), LINK)
  block.write(size.toString(8).padStart(11, "0"), SIZE, "latin1")
  block.write(type, TYPE, "latin1")
  let sum = TEMPLATE_SUM
  for (let at = 0; at < name.length && at < MAX_NAME; at++) sum += block[at] ?? 0
  for (let at = LINK; at < LINK + link.length && at < LINK + MAX_NAME; at++) sum += block[at] ?? 0
  for (let at = SIZE; at < SIZE + 11; at++) sum += block[at] ?? 0
  sum += block[TYPE] ?? 0
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, CHECKSUM, "latin1")
  return block
}

const BLOCK = 512
const MAX_NAME = 100
const SIZE = 124
const CHECKSUM = 148
const TYPE = 156
const LINK = 157
const NOTHING = new Uint8Array(0)
const ZERO = new Uint8Array(1)
const ZEROS = new Uint8Array(BLOCK)
const END = new Uint8Array(2 * BLOCK)
const LONG_LINK = Buffer.from("././@LongLink")

/**
 * The fields that are the same in all headers: owned by root, readable by everyone, without a time, and eight
 * spaces in place of the checksum.
 */
const TEMPLATE = (() => {
  const block = Buffer.alloc(BLOCK)
  block.write("0000644\0" + "0000000\0" + "0000000\0", MAX_NAME, "latin1")
  block.write("00000000000\0", 136, "latin1")
  block.fill(" ", CHECKSUM, TYPE)
  block.write("ustar\x0000", 257, "latin1")
  return block
})()
const TEMPLATE_SUM = TEMPLATE.reduce((sum, byte) => sum + byte, 0)
