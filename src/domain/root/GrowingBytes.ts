/**
 * Byte strings one after another in buffers made as they are needed: names and link targets by the million, each at the
 * cost of its bytes. What is added stays where it is and is known by its offset; its length is the caller's to remember.
 */
import { type ByteString, fromBytes } from "../text/ByteString.ts"

export class GrowingBytes {
  readonly #chunks: Array<DataView> = []
  #length = 0

  /** Room for `length` bytes (64 KiB at most) in one piece, zeroed; returns its offset. */
  reserve(length: number): number {
    const room = SIZE - (this.#length & MASK)
    if (this.#length === this.#chunks.length * SIZE || length > room) {
      this.#length = this.#chunks.length * SIZE
      this.#chunks.push(new DataView(new ArrayBuffer(SIZE)))
    }
    const at = this.#length
    this.#length += length
    return at
  }

  /** What is reserved at an offset begins in this view at `within(offset)`. */
  view(at: number): DataView {
    return this.#chunks[at >>> BITS] ?? NOTHING
  }

  add(text: ByteString): number {
    const at = this.reserve(text.length)
    const view = this.view(at)
    const from = within(at)
    for (let index = 0; index < text.length; index++) view.setUint8(from + index, text.charCodeAt(index))
    return at
  }

  text(at: number, length: number): ByteString {
    const { buffer } = this.view(at)
    return fromBytes(new Uint8Array(buffer, within(at), length))
  }

  equals(at: number, length: number, text: ByteString): boolean {
    if (length !== text.length) return false
    const view = this.view(at)
    const from = within(at)
    for (let index = 0; index < length; index++) {
      if (view.getUint8(from + index) !== text.charCodeAt(index)) return false
    }
    return true
  }
}

/** Where an offset is in its view. */
export const within = (at: number): number => at & MASK

const BITS = 16
const SIZE = 1 << BITS
const MASK = SIZE - 1
const NOTHING = new DataView(new ArrayBuffer(0))
