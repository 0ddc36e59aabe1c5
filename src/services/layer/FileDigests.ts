/**
 * The digests of a layer's files in one file, in place of their data: `ContentDigest`s of 32 bytes, in the order of the
 * files' entries.
 */
import { Buffer } from "node:buffer"
import * as fs from "node:fs"
import { ContentDigest } from "./ContentDigest.ts"
import type { File, FileSink } from "./FileSink.ts"

/** Writes digests while the archive is read. */
export class FileDigests implements FileSink {
  readonly #fd: number
  readonly #window = Buffer.alloc(WINDOW)
  /** The position of the window in the file. */
  #base = 0
  #file: File | undefined
  #files = 0
  readonly #digest = new ContentDigest()

  /** Nothing may exist at `path`. */
  constructor(path: string) {
    this.#fd = fs.openSync(path, "wx", 0o600)
  }

  get current(): File | undefined {
    return this.#file
  }

  begin(file: File): void {
    this.#file = file
  }

  write(bytes: Uint8Array, start: number, length: number, position: number): void {
    this.#digest.write(bytes, start, length, position)
  }

  end(): void {
    const file = this.#file
    if (file === undefined) return
    const at = this.#files++ * SIZE
    if (at + SIZE > this.#base + WINDOW) {
      this.finish()
      this.#base = at
      this.#window.fill(0)
    }
    this.#window.set(this.#digest.end(file.size), at - this.#base)
    this.#file = undefined
  }

  finish(): void {
    for (let done = 0; done < WINDOW; ) {
      done += fs.writeSync(this.#fd, this.#window, done, WINDOW - done, this.#base + done)
    }
  }

  close(): void {
    fs.closeSync(this.#fd)
  }
}

/** Reads digests, which is fastest in their order. Call `close` afterwards. */
export class DigestReader {
  readonly #fd: number
  readonly #window = Buffer.alloc(WINDOW)
  #base = 0
  #end = 0

  constructor(path: string) {
    this.#fd = fs.openSync(path, "r")
  }

  /** Returns the digest of the layer's file with this number, which counts from 0. */
  of(file: number): Buffer {
    const at = file * SIZE
    if (at < this.#base || at + SIZE > this.#end) {
      this.#base = at
      this.#end = at
      for (let count = -1; count !== 0 && this.#end < at + WINDOW; this.#end += count) {
        count = fs.readSync(this.#fd, this.#window, this.#end - at, at + WINDOW - this.#end, this.#end)
      }
    }
    return Buffer.from(this.#window.subarray(at - this.#base, at - this.#base + SIZE))
  }

  close(): void {
    fs.closeSync(this.#fd)
  }
}

const SIZE = 32
const WINDOW = 1 << 16
