/** Reads a layer's blob from front to back, one chunk ahead, and checks its size and digest. */
import { createHash, type Hash } from "node:crypto"
import * as fs from "node:fs"
import * as Digest from "../../domain/document/Digest.ts"
import { kind, refusal } from "../files/BoundedFile.ts"
import { LayerDigestMismatch, LayerSizeMismatch, LayerUnreadable } from "./LayerError.ts"

/**
 * The blob: a file by its path; an open file, which is read by position and stays open; or bytes embedded in a
 * descriptor.
 */
export type Source = { readonly path: string } | { readonly fd: number } | { readonly bytes: Uint8Array }

export interface Expected {
  readonly digest: Digest.Digest
  readonly size: number
}

/**
 * A blob. Every failure is thrown as a `LayerError`. Reads must not overlap; call `close` after the last has settled.
 */
export class LayerBlob {
  readonly #expected: Expected
  readonly #source: Source
  /** −1 for embedded bytes. */
  readonly #fd: number
  readonly #hash: Hash
  #ahead: Promise<Uint8Array> | undefined
  #position = 0
  #ended = false

  /**
   * Opens the file without blocking, and refuses anything but a regular file of the right size. The type is checked
   * before opening as well, because opening a device can have effects: opening a watchdog can cause a reboot.
   */
  constructor(source: Source, expected: Expected) {
    this.#source = source
    this.#expected = expected
    this.#fd = this.#open(source)
    try {
      const size =
        "bytes" in source ? source.bytes.length : this.#sizeOfFile(this.#trying(() => fs.fstatSync(this.#fd)))
      if (size !== expected.size) throw this.#sizeMismatch(size)
    } catch (cause) {
      this.#close()
      throw cause
    }
    this.#hash = createHash(Digest.algorithm(expected.digest))
    this.#ahead = this.#read(0)
  }

  /** Number of bytes returned so far. */
  get position(): number {
    return this.#position
  }

  readonly pull = async (): Promise<Uint8Array | undefined> => {
    if (this.#ahead === undefined) return undefined
    const chunk = await this.#ahead
    if (chunk.length === 0) {
      this.#ahead = undefined
      this.#ended = true
      return undefined
    }
    this.#position += chunk.length
    if (this.#position > this.#expected.size) {
      this.#ahead = undefined
      throw this.#sizeMismatch(this.#position)
    }
    this.#ahead = this.#read(this.#position)
    this.#hash.update(chunk)
    return chunk
  }

  /** Reads the rest and checks size and digest. `cause` is the error after which the rest is not needed any more. */
  async verify(cause?: unknown): Promise<void> {
    while ((await this.pull()) !== undefined) {}
    if (!this.#ended || this.#position !== this.#expected.size) throw this.#sizeMismatch(this.#position)
    const { digest } = this.#expected
    const actual = `${Digest.algorithm(digest)}:${this.#hash.digest("hex")}`
    if (actual !== digest) {
      throw new LayerDigestMismatch({ layer: digest, actual, ...(cause === undefined ? {} : { cause }) })
    }
  }

  /** Waits for the current read, and closes the file. */
  async close(): Promise<void> {
    await this.#ahead?.catch(() => {})
    this.#ahead = undefined
    this.#close()
  }

  #open(source: Source): number {
    if ("bytes" in source) return -1
    if ("fd" in source) return source.fd
    return this.#trying(() => {
      this.#sizeOfFile(fs.statSync(source.path))
      return fs.openSync(source.path, OPEN)
    })
  }

  #sizeOfFile(stat: fs.Stats): number {
    if (!stat.isFile()) throw this.#unreadable(`is ${kind(stat)}, not a file`)
    return stat.size
  }

  #close(): void {
    if ("path" in this.#source) fs.closeSync(this.#fd)
  }

  #read(position: number): Promise<Uint8Array> {
    if ("bytes" in this.#source) {
      return Promise.resolve(this.#source.bytes.subarray(position, position + CHUNK))
    }
    const reading = new Promise<Uint8Array>((resolve, reject) => {
      const buffer = Buffer.allocUnsafeSlow(CHUNK)
      fs.read(this.#fd, buffer, 0, CHUNK, position, (cause, count) => {
        if (cause === null) resolve(buffer.subarray(0, count))
        else reject(this.#unreadable(refusal("", cause).reason, cause))
      })
    })
    // The read may fail before its result is awaited.
    reading.catch(() => {})
    return reading
  }

  #trying<A>(body: () => A): A {
    try {
      return body()
    } catch (cause) {
      if (cause instanceof LayerUnreadable) throw cause
      throw this.#unreadable(refusal("", cause).reason, cause)
    }
  }

  #unreadable(reason: string, cause?: unknown): LayerUnreadable {
    const path = "path" in this.#source ? this.#source.path : `descriptor ${this.#fd}`
    const base = { layer: this.#expected.digest, path, reason }
    return new LayerUnreadable(cause === undefined ? base : { ...base, cause })
  }

  #sizeMismatch(actual: number): LayerSizeMismatch {
    return new LayerSizeMismatch({ layer: this.#expected.digest, expected: this.#expected.size, actual })
  }
}

const OPEN = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK | fs.constants.O_NOCTTY
const CHUNK = 1 << 20
