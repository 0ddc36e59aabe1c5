/**
 * Which of a tree's nodes first had an inode of the file system: a hash table in typed arrays, since there may be a million.
 *
 * Inode numbers come from the file system, not from strangers: a plain hash does.
 */
import type { NodeId } from "./RootTree.ts"

export class InodeNumbers {
  /** 0 is free: no file system has an inode of that number. */
  #numbers = new BigUint64Array(FIRST)
  #nodes = new Int32Array(FIRST)
  #count = 0

  /** The node that had the inode first, which is this one from now on if none had. */
  claim(number: bigint, node: NodeId): NodeId {
    const slot = this.#slot(number)
    if (this.#numbers[slot] === number) return this.#nodes[slot] ?? node
    this.#numbers[slot] = number
    this.#nodes[slot] = node
    if (++this.#count * 4 > this.#numbers.length * 3) this.#grow()
    return node
  }

  #slot(number: bigint): number {
    const mask = this.#numbers.length - 1
    const folded = Number(BigInt.asUintN(32, number ^ (number >> 32n)))
    let slot = (Math.imul(folded, GOLDEN) >>> 7) & mask
    while (this.#numbers[slot] !== 0n && this.#numbers[slot] !== number) slot = (slot + 1) & mask
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

const FIRST = 1 << 8
/** 2³² divided by the golden ratio (Knuth's multiplicative hashing). */
const GOLDEN = 0x9e3779b1
