/** A layer's listing in a file: written as the archive is read, and read again entry by entry when layers are merged. */
import { Buffer } from "node:buffer"
import * as fs from "node:fs"
import type { LayerEntry } from "../../domain/archive/LayerEntry.ts"
import * as LayerListing from "../../domain/archive/LayerListing.ts"

/** Throws what the system says; `close` afterwards in any case. */
export class ListingWriter {
  readonly #fd: number
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER)
  readonly #view = viewOf(this.#buffer)
  #filled = 0

  /** Nothing may be at `path`. */
  constructor(path: string) {
    this.#fd = fs.openSync(path, "wx", 0o600)
    this.#filled = this.#buffer.write(LayerListing.MAGIC, "latin1")
  }

  add(entry: LayerEntry): void {
    const length = LayerListing.recordLength(entry)
    if (this.#filled + length > BUFFER) this.#flush()
    if (length > BUFFER) {
      const record = Buffer.allocUnsafeSlow(length)
      LayerListing.encode(entry, length, viewOf(record), 0)
      writeAll(this.#fd, record)
      return
    }
    LayerListing.encode(entry, length, this.#view, this.#filled)
    this.#filled += length
  }

  end(): void {
    this.#flush()
  }

  close(): void {
    fs.closeSync(this.#fd)
  }

  #flush(): void {
    writeAll(this.#fd, this.#buffer.subarray(0, this.#filled))
    this.#filled = 0
  }
}

/** The entries in a listing, as often as they are gone through. Throws what the system says. */
export const entries = (path: string, layer: number): Iterable<LayerEntry> => ({
  *[Symbol.iterator]() {
    const fd = fs.openSync(path, "r")
    try {
      yield* records(fd, layer)
    } finally {
      fs.closeSync(fd)
    }
  }
})

function* records(fd: number, layer: number): Generator<LayerEntry, void, undefined> {
  let buffer = Buffer.allocUnsafeSlow(BUFFER)
  let view = viewOf(buffer)
  let [at, end] = [0, 0]
  /** Whether so many bytes from `at` on are there, now that they were read if need be. */
  const have = (length: number): boolean => {
    if (at + length <= end) return true
    const larger = length > buffer.length ? Buffer.allocUnsafeSlow(length) : buffer
    buffer.copy(larger, 0, at, end)
    end -= at
    at = 0
    if (larger !== buffer) view = viewOf(larger)
    buffer = larger
    while (end < buffer.length) {
      const count = fs.readSync(fd, buffer, end, buffer.length - end, null)
      if (count === 0) break
      end += count
    }
    return length <= end
  }
  const cut = () => Object.assign(new Error("the listing is cut off"), { code: "EIO", syscall: "read" })
  if (!have(LayerListing.MAGIC.length)) throw cut()
  if (buffer.toString("latin1", 0, LayerListing.MAGIC.length) !== LayerListing.MAGIC) throw cut()
  at += LayerListing.MAGIC.length
  while (have(1)) {
    const length = have(RECORD_HEAD) ? LayerListing.lengthAt(view, at) : undefined
    if (length === undefined || !have(length)) throw cut()
    yield LayerListing.decode(view, at, layer)
    at += length
  }
}

const writeAll = (fd: number, bytes: Uint8Array): void => {
  for (let done = 0; done < bytes.length; ) done += fs.writeSync(fd, bytes, done)
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const BUFFER = 1 << 17
const RECORD_HEAD = 4
