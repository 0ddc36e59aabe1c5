/**
 * From a directory and a name to what has that name: one hash table for all directories of a tree, with open addressing.
 *
 * Names come from strangers, who could choose a million with one hash value; so the hash is keyed (HalfSipHash-1-3, by
 * the authors of SipHash), with a key that no one outside can know. What a lookup answers does not depend on the key.
 */
import type { ByteString } from "../text/ByteString.ts"

/** Says whether the entry `id` is the one of that name; the table itself keeps no names. */
export type IsNamed = (id: number, directory: number, name: ByteString) => boolean

export class NameTable {
  /** 0 is free: nothing is ever called 0, the root. */
  #ids = new Int32Array(FIRST)
  /** The full hashes, so that growing needs no names. */
  #hashes = new Int32Array(FIRST)
  #count = 0
  readonly #key0 = (Math.random() * 2 ** 32) | 0
  readonly #key1 = (Math.random() * 2 ** 32) | 0
  readonly #isNamed: IsNamed

  constructor(isNamed: IsNamed) {
    this.#isNamed = isNamed
  }

  /** 0 where there is none. */
  get(directory: number, name: ByteString): number {
    return this.#ids[this.#slot(this.#hash(directory, name), directory, name)] ?? 0
  }

  /** In place of what had the name. */
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

  /** HalfSipHash-1-3 of the directory's number and the name's bytes. */
  #hash(directory: number, name: ByteString): number {
    let a = this.#key0
    let b = this.#key1
    let c = 0x6c796765 ^ a
    let d = 0x74656462 ^ b
    const words = name.length >> 2
    // The directory is the first word, the bytes follow in fours, the rest comes with the length, and three rounds of
    // nothing end it, as in the paper.
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

/** Four bytes, or the last ones, fewer than four, and the length. */
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
