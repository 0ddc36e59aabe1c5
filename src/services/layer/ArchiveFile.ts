/**
 * The decompressed archive of a layer as a file, written as data arrives. Long runs of zeros become holes, so
 * that a small blob that expands to gigabytes of zeros takes no space.
 */
import { Buffer } from "node:buffer"
import * as fs from "node:fs"

/** Writes the file. Methods throw errors of the system; call `close` afterwards in any case. */
export class ArchiveFile {
  readonly #fd: number
  #length = 0
  /** Whether the file ends with a hole. */
  #isOpen = false

  /** Creates the file. Nothing may exist at `path`. */
  constructor(path: string) {
    this.#fd = fs.openSync(path, "wx", 0o600)
  }

  write(bytes: Uint8Array): void {
    this.#isOpen = isZeros(bytes)
    for (let done = this.#isOpen ? bytes.length : 0; done < bytes.length; ) {
      done += fs.writeSync(this.#fd, bytes, done, bytes.length - done, this.#length + done)
    }
    this.#length += bytes.length
  }

  /** Call this after the last bytes. */
  end(): void {
    if (this.#isOpen) fs.ftruncateSync(this.#fd, this.#length)
  }

  close(): void {
    fs.closeSync(this.#fd)
  }
}

const isZeros = (bytes: Uint8Array): boolean =>
  bytes.length >= LEAST &&
  bytes.length <= ZEROS.length &&
  bytes[0] === 0 &&
  ZEROS.compare(bytes, 0, bytes.length, 0, bytes.length) === 0

/** Zeros to compare with, as long as the chunks in which layers are decompressed. */
const ZEROS = Buffer.alloc(1 << 20)
/** The shortest run of zeros that becomes a hole. */
const LEAST = 1 << 16
