/**
 * A short queue of chunks that are made ahead of their consumer.
 *
 * The consumer works in synchronous calls. Before it gets the next chunk, the event loop runs once: results of the
 * thread pool are put here, and the pool gets its next work, to do beside the consumer's.
 */
export class Backlog {
  readonly #limit: number
  readonly #chunks: Array<Uint8Array> = []
  #ended = false
  #closed = false
  #failure: { readonly cause: unknown } | undefined
  #onPut = () => {}
  #onTake = () => {}

  /** Makes a queue that is full with this number of chunks. */
  constructor(limit: number) {
    this.#limit = limit
  }

  get full(): boolean {
    return this.#chunks.length >= this.#limit
  }

  /** Whether the consumer has stopped. */
  get closed(): boolean {
    return this.#closed
  }

  put(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#onPut()
  }

  /** Ends the queue. Chunks in it are still consumed. */
  end(): void {
    this.#ended = true
    this.#onPut()
  }

  /** Makes the consumer's next read throw. */
  fail(cause: unknown): void {
    this.#failure ??= { cause }
    this.end()
  }

  /** Waits while the queue is full and has a consumer. */
  async room(): Promise<void> {
    while (this.full && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#onTake = resolve
      })
    }
  }

  /** Yields the chunks. `taken` is called after every chunk. */
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
