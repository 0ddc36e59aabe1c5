/**
 * Maps each inode number of the file system to the first node of a tree that has it: a hash table in typed arrays,
 * since there may be a million.
 *
 * Inode numbers come from the file system and not from an attacker, so a simple hash is enough.
 */
import type { NodeId } from "../root/RootTree.ts"

export class InodeNumbers {
  /** 0 marks a free slot, since no file system has an inode with that number. */
  #numbers: BigUint64Array
  #nodes: Int32Array
  #count = 0

  /** Makes a table with room for `expected` inodes, which grows when more are added. */
  constructor(expected = 0) {
    const length = Math.max(LEAST, Math.ceil((expected + 1) / FULL))
    this.#numbers = new BigUint64Array(length)
    this.#nodes = new Int32Array(length)
  }

  /** Returns the first node that had the inode. If there is none, `node` becomes the first. */
  claim(number: bigint, node: NodeId): NodeId {
    const slot = this.#slot(number)
    if (this.#numbers[slot] === number) return this.#nodes[slot] ?? node
    this.#numbers[slot] = number
    this.#nodes[slot] = node
    if (++this.#count > this.#numbers.length * FULL) this.#grow()
    return node
  }

  #slot(number: bigint): number {
    const { length } = this.#numbers
    const folded = Number(BigInt.asUintN(32, number ^ (number >> 32n)))
    let slot = (Math.imul(folded, GOLDEN) >>> 0) % length
    while (this.#numbers[slot] !== 0n && this.#numbers[slot] !== number) slot = (slot + 1) % length
    return slot
  }

  #grow(): void {
    const [numbers, nodes] = [this.#numbers, this.#nodes]
    this.#numbers = new BigUint64Array(numbers.length * 2)
    this.#nodes = new Int32Array(numbers.length * 2)
    numbers.forEach((number, old) => {
      if (number === 0n) return
      const slot = this.#slot(number)
      this.#numbers[slot] = number
      this.#nodes[slot] = nodes[old] ?? 0
    })
  }
}

const LEAST = 1 << 8
/** The share of slots that may be in use. */
const FULL = 0.75
/** 2³² divided by the golden ratio (Knuth's multiplicative hashing). */
const GOLDEN = 0x9e3779b1
