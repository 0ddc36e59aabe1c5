/**
 * Byte strings one after another in one buffer that grows: names and link targets by the million, each at the cost of
 * its bytes. What is added stays where it is and is known by its offset; its length is the caller's to remember.
 */
import type { ByteString } from "./ByteString.ts"

export class GrowingBytes {
  #bytes = new Uint8Array(FIRST)
  #view = new DataView(this.#bytes.buffer)
  #length = 0

  /** The bytes are good until the next addition. */
  get view(): DataView {
    return this.#view
  }

  /** Room for `length` more bytes, zeroed; returns its offset. */
  reserve(length: number): number {
    const at = this.#length
    const end = at + length
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, this.#bytes.length * 2))
      larger.set(this.#bytes)
      this.#bytes = larger
      this.#view = new DataView(larger.buffer)
    }
    this.#length = end
    return at
  }

  add(text: ByteString): number {
    const at = this.reserve(text.length)
    for (let index = 0; index < text.length; index++) this.#bytes[at + index] = text.charCodeAt(index)
    return at
  }

  text(at: number, length: number): ByteString {
    let text = ""
    for (let index = at; index < at + length; index++) text += String.fromCharCode(this.#bytes[index] ?? 0)
    return text as ByteString
  }

  equals(at: number, length: number, text: ByteString): boolean {
    if (length !== text.length) return false
    for (let index = 0; index < length; index++) {
      if (this.#bytes[at + index] !== text.charCodeAt(index)) return false
    }
    return true
  }
}

const FIRST = 1 << 10
