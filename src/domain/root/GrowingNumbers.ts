/**
 * A growing list of numbers in typed arrays of equal size: a million numbers take a few megabytes, are never copied,
 * and cause no garbage collection.
 */

type Numbers = Int32Array | Uint32Array | Uint16Array | Uint8Array

export class GrowingNumbers<A extends Numbers> {
  readonly #chunks: Array<A> = []
  #length = 0
  readonly #allocate: (length: number) => A

  constructor(allocate: (length: number) => A) {
    this.#allocate = allocate
  }

  get length(): number {
    return this.#length
  }

  push(value: number): void {
    const index = this.#length++
    const chunk = this.#chunks[index >>> BITS] ?? this.#another()
    chunk[index & MASK] = value
  }

  /** Returns the number at an existing index. */
  get(index: number): number {
    return this.#chunks[index >>> BITS]?.[index & MASK] ?? 0
  }

  /** Sets the number at an existing index. */
  set(index: number, value: number): void {
    const chunk = this.#chunks[index >>> BITS]
    if (chunk !== undefined) chunk[index & MASK] = value
  }

  clear(): void {
    this.#length = 0
  }

  #another(): A {
    const chunk = this.#allocate(SIZE)
    this.#chunks.push(chunk)
    return chunk
  }
}

/** Binary logarithm of the numbers in a chunk, small enough for a list of three and large enough for a million. */
const BITS = 12
const SIZE = 1 << BITS
const MASK = SIZE - 1

export const int32 = (): GrowingNumbers<Int32Array> => new GrowingNumbers((length) => new Int32Array(length))
export const uint32 = (): GrowingNumbers<Uint32Array> =>
  new GrowingNumbers((length) => new Uint32Array(length))
export const uint16 = (): GrowingNumbers<Uint16Array> =>
  new GrowingNumbers((length) => new Uint16Array(length))
export const uint8 = (): GrowingNumbers<Uint8Array> => new GrowingNumbers((length) => new Uint8Array(length))
