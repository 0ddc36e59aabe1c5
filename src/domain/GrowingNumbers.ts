/** A list of numbers in a typed array that grows: a million of them cost a few megabytes, and nothing to collect. */

type Numbers = Int32Array | Uint32Array | Uint16Array | Uint8Array

export class GrowingNumbers<A extends Numbers> {
  #array: A
  #length = 0
  readonly #allocate: (length: number) => A

  constructor(allocate: (length: number) => A) {
    this.#allocate = allocate
    this.#array = allocate(FIRST)
  }

  get length(): number {
    return this.#length
  }

  push(value: number): void {
    if (this.#length === this.#array.length) {
      const larger = this.#allocate(this.#length * 2)
      larger.set(this.#array)
      this.#array = larger
    }
    this.#array[this.#length++] = value
  }

  /** Of an index that is there; anything else is 0. */
  get(index: number): number {
    return this.#array[index] ?? 0
  }

  set(index: number, value: number): void {
    this.#array[index] = value
  }

  clear(): void {
    this.#length = 0
  }
}

const FIRST = 64

export const int32 = (): GrowingNumbers<Int32Array> => new GrowingNumbers((length) => new Int32Array(length))
export const uint32 = (): GrowingNumbers<Uint32Array> =>
  new GrowingNumbers((length) => new Uint32Array(length))
export const uint16 = (): GrowingNumbers<Uint16Array> =>
  new GrowingNumbers((length) => new Uint16Array(length))
export const uint8 = (): GrowingNumbers<Uint8Array> => new GrowingNumbers((length) => new Uint8Array(length))
