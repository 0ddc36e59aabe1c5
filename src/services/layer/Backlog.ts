/**
 * Chunks made ahead of whoever takes them, a few at most.
 *
 * Whoever takes them works in synchronous calls. So before the next chunk is handed over the event loop goes round:
 * what the thread pool has finished meanwhile is put here, and it is given the next work to do beside the consumer's.
 */
export class Backlog {
  readonly #limit: number
  readonly #chunks: Array<Uint8Array> = []
  #ended = false
  #closed = false
  #failure: { readonly cause: unknown } | undefined
  #onPut = () => {}
  #onTake = () => {}

  /** Full from so many chunks on. */
  constructor(limit: number) {
    this.#limit = limit
  }

  get full(): boolean {
    return this.#chunks.length >= this.#limit
  }

  /** Nobody takes any more. */
  get closed(): boolean {
    return this.#closed
  }

  put(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#onPut()
  }

  /** No more will come; those that are there still count. */
  end(): void {
    this.#ended = true
    this.#onPut()
  }

  /** Thrown where the next chunk would have been. */
  fail(cause: unknown): void {
    this.#failure ??= { cause }
    this.end()
  }

  /** Waits while it is full and somebody takes. */
  async room(): Promise<void> {
    while (this.full && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#onTake = resolve
      })
    }
  }

  /** `taken` is called after every chunk. */
  async *take(taken: () => void = () => {}): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        if (this.#chunks.length > 0) await new Promise((resolve) => setImmediate(resolve))
        while (this.#chunks.length === 0 && !this.#ended) {
          await new Promise<void>((resolve) => {
            this.#onPut = resolve
          })
        }
        const chunk = this.#chunks.shift()
        if (chunk === undefined) break
        this.#onTake()
        taken()
        yield chunk
      }
    } finally {
      this.#closed = true
      this.#onTake()
    }
    if (this.#failure !== undefined) throw this.#failure.cause
  }
}
