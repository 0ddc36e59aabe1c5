/**
 * Stores byte strings one after another in buffers that are allocated as needed: millions of names and link targets,
 * each at the cost of its bytes. A string never moves and is known by its offset; the caller remembers its length.
 */
import { type ByteString, fromBytes } from "../text/ByteString.ts"

export class GrowingBytes {
  readonly #chunks: Array<DataView> = []
  /** The bytes of the same buffers. */
  readonly #bytes: Array<Uint8Array> = []
  #length = 0

  /** Reserves `length` bytes (at most 64 KiB) in one piece, set to zero, and returns the offset. */
  reserve(length: number): number {
    const room = SIZE - (this.#length & MASK)
    if (this.#length === this.#chunks.length * SIZE || length > room) {
      this.#length = this.#chunks.length * SIZE
      const chunk = new ArrayBuffer(SIZE)
      this.#chunks.push(new DataView(chunk))
      this.#bytes.push(new Uint8Array(chunk))
    }
    const at = this.#length
    this.#length += length
    return at
  }

  /** Returns the buffer of an offset. The bytes begin there at `within(offset)`. */
  view(at: number): DataView {
    return this.#chunks[at >>> BITS] ?? NOTHING
  }

  add(text: ByteString): number {
    const at = this.reserve(text.length)
    const bytes = this.#bytesOf(at)
    const from = within(at)
    for (let index = 0; index < text.length; index++) bytes[from + index] = text.charCodeAt(index)
    return at
  }

  text(at: number, length: number): ByteString {
    const from = within(at)
    return fromBytes(this.#bytesOf(at).subarray(from, from + length))
  }

  /** Copies a string to `to` in other bytes. */
  copy(at: number, length: number, into: Uint8Array, to: number): void {
    const bytes = this.#bytesOf(at)
    const from = within(at)
    for (let index = 0; index < length; index++) into[to + index] = bytes[from + index] ?? 0
  }

  /** Compares two strings byte by byte: negative if the first one comes first, and 0 if they are equal. */
  compare(a: number, lengthOfA: number, b: number, lengthOfB: number): number {
    const [bytesOfA, bytesOfB] = [this.#bytesOf(a), this.#bytesOf(b)]
    const [fromA, fromB] = [within(a), within(b)]
    const common = Math.min(lengthOfA, lengthOfB)
    for (let index = 0; index < common; index++) {
      const difference = (bytesOfA[fromA + index] ?? 0) - (bytesOfB[fromB + index] ?? 0)
      if (difference !== 0) return difference
    }
    return lengthOfA - lengthOfB
  }

  equals(at: number, length: number, text: ByteString): boolean {
    if (length !== text.length) return false
    const bytes = this.#bytesOf(at)
    const from = within(at)
    for (let index = 0; index < length; index++) {
      if (bytes[from + index] !== text.charCodeAt(index)) return false
    }
    return true
  }

  #bytesOf(at: number): Uint8Array {
    return this.#bytes[at >>> BITS] ?? NO_BYTES
  }
}

/** Returns the position of an offset in its buffer. */
export const within = (at: number): number => at & MASK

const BITS = 16
const SIZE = 1 << BITS
const MASK = SIZE - 1
const NOTHING = new DataView(new ArrayBuffer(0))
const NO_BYTES = new Uint8Array(0)
