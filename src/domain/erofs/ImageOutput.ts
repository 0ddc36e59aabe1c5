/**
 * The bytes of an image, written one record after another and returned in large pieces. Few buffers are used in turn: an
 * image may have a hundred megabytes, and memory outside of V8's heap is collected late.
 */

/** Memory of the output, as numbers and as bytes, and an offset in it. */
export interface Reserved {
  readonly view: DataView
  readonly bytes: Uint8Array
  readonly at: number
}

export class ImageOutput {
  #buffer = new Uint8Array(PIECE)
  #view = new DataView(this.#buffer.buffer)
  #filled = 0
  /** The offset in the image of the next byte. */
  position = 0
  readonly #full: Array<Uint8Array<ArrayBuffer>> = []
  /** The buffer of the piece that was taken last, and those that can be used again. */
  #taken: Uint8Array<ArrayBuffer> | undefined
  readonly #spare: Array<Uint8Array<ArrayBuffer>> = []

  /**
   * Reserves the next `length` bytes, which are zero, at most PIECE. Returns the memory that holds them, and their
   * offset in it. The caller writes them before the next call.
   */
  reserve(length: number): Reserved {
    if (this.#filled + length > PIECE) this.#flush()
    const at = this.#filled
    this.#filled += length
    this.position += length
    return { view: this.#view, bytes: this.#buffer, at }
  }

  write(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; from += PIECE) {
      const piece = bytes.subarray(from, from + PIECE)
      const { at } = this.reserve(piece.length)
      this.#buffer.set(piece, at)
    }
  }

  /** Adds zeros up to this offset. */
  padTo(position: number): void {
    while (this.position < position) this.reserve(Math.min(position - this.position, PIECE))
  }

  /** Whether a piece is complete. */
  get hasPiece(): boolean {
    return this.#full.length > 0
  }

  /** Removes the first complete piece and returns it. It is valid until the next call. */
  take(): Uint8Array {
    if (this.#taken !== undefined) this.#spare.push(this.#taken)
    const piece = this.#full.shift()
    this.#taken = piece === undefined ? undefined : new Uint8Array(piece.buffer)
    return piece ?? new Uint8Array(0)
  }

  end(): void {
    this.#flush()
  }

  #flush(): void {
    if (this.#filled > 0) this.#full.push(this.#buffer.subarray(0, this.#filled))
    this.#buffer = this.#spare.pop()?.fill(0) ?? new Uint8Array(PIECE)
    this.#view = new DataView(this.#buffer.buffer)
    this.#filled = 0
  }
}

const PIECE = 1 << 18
