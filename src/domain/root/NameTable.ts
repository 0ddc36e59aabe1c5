/**
 * Maps a directory and a name to a node: one hash table with open addressing for all directories of a tree.
 *
 * An attacker could choose a million names with one hash value, so the hash is keyed (HalfSipHash-1-3, by the authors
 * of SipHash) with a key that nobody outside can know. The result of a lookup does not depend on the key.
 */
import type { ByteString } from "../text/ByteString.ts"

/** Returns whether the entry `id` has that name in the directory. The table itself stores no names. */
export type IsNamed = (id: number, directory: number, name: ByteString) => boolean

export class NameTable {
  /** 0 marks a free slot, because 0 is the root and has no name. */
  #ids = new Int32Array(FIRST)
  /** The full hashes, so that the table can grow without the names. */
  #hashes = new Int32Array(FIRST)
  #count = 0
  readonly #key0 = (Math.random() * 2 ** 32) | 0
  readonly #key1 = (Math.random() * 2 ** 32) | 0
  readonly #isNamed: IsNamed

  constructor(isNamed: IsNamed) {
    this.#isNamed = isNamed
  }

  /** Returns the node; 0 if there is none. */
  get(directory: number, name: ByteString): number {
    return this.#ids[this.#slot(this.#hash(directory, name), directory, name)] ?? 0
  }

  /** Sets the node of a name, and replaces a previous one. */
  set(directory: number, name: ByteString, id: number): void {
    const hash = this.#hash(directory, name)
    const slot = this.#slot(hash, directory, name)
    const isNew = this.#ids[slot] === 0
    this.#ids[slot] = id
    this.#hashes[slot] = hash
    if (isNew && ++this.#count * 4 > this.#ids.length * 3) this.#grow()
  }

  #slot(hash: number, directory: number, name: ByteString): number {
    const mask = this.#ids.length - 1
    let slot = hash & mask
    for (;;) {
      const id = this.#ids[slot] ?? 0
      if (id === 0 || (this.#hashes[slot] === hash && this.#isNamed(id, directory, name))) return slot
      slot = (slot + 1) & mask
    }
  }

  #grow(): void {
    const [ids, hashes] = [this.#ids, this.#hashes]
    this.#ids = new Int32Array(ids.length * 2)
    this.#hashes = new Int32Array(ids.length * 2)
    const mask = this.#ids.length - 1
    for (let old = 0; old < ids.length; old++) {
      const id = ids[old] ?? 0
      if (id === 0) continue
      const hash = hashes[old] ?? 0
      let slot = hash & mask
      while (this.#ids[slot] !== 0) slot = (slot + 1) & mask
      this.#ids[slot] = id
      this.#hashes[slot] = hash
    }
  }

  /** Computes HalfSipHash-1-3 of the directory's number and the name's bytes. */
  #hash(directory: number, name: ByteString): number {
    let a = this.#key0
    let b = this.#key1
    let c = 0x6c796765 ^ a
    let d = 0x74656462 ^ b
    const words = name.length >> 2
    // The directory is the first word. The bytes follow in groups of four, the rest together with the length, and
    // three rounds without input finish the hash, as in the paper.
    for (let word = -1; word <= words + FINAL_ROUNDS; word++) {
      const m = word < 0 ? directory : word > words ? 0 : wordAt(name, word * 4)
      if (word === words + 1) c ^= 0xff
      d ^= m
      a = (a + b) | 0
      b = rotate(b, 5) ^ a
      a = rotate(a, 16)
      c = (c + d) | 0
      d = rotate(d, 8) ^ c
      a = (a + d) | 0
      d = rotate(d, 7) ^ a
      c = (c + b) | 0
      b = rotate(b, 13) ^ c
      c = rotate(c, 16)
      a ^= m
    }
    return b ^ d
  }
}

const rotate = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits))

/** Returns four bytes, or the last ones together with the length. */
const wordAt = (name: ByteString, at: number): number => {
  const left = name.length - at
  if (left >= 4) {
    return (
      name.charCodeAt(at) |
      (name.charCodeAt(at + 1) << 8) |
      (name.charCodeAt(at + 2) << 16) |
      (name.charCodeAt(at + 3) << 24)
    )
  }
  let word = name.length << 24
  for (let index = 0; index < left; index++) word |= name.charCodeAt(at + index) << (index * 8)
  return word
}

const FINAL_ROUNDS = 3
const FIRST = 1 << 8
