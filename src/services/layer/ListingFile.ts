/**
 * A layer's listing in a file: written as the archive is read, and read again entry by entry when layers are merged.
 *
 *     file = magic entries (8) bytes (8) special (8) *record      (LayerListing)
 *
 * `entries` counts the records, `bytes` those of the decompressed archive, and `special` the names that may be whiteouts.
 * These are written when all else is.
 */
import { Buffer } from "node:buffer"
import * as fs from "node:fs"
import type { LayerEntry } from "../../domain/archive/LayerEntry.ts"
import * as LayerListing from "../../domain/archive/LayerListing.ts"
import type { MergeLayer } from "../../domain/layer/LayerMerge.ts"
import { maySpeak } from "../../domain/layer/LayerPath.ts"

/** Writes a listing. Throws errors of the system; call `close` afterwards in any case. */
export class ListingWriter {
  readonly #fd: number
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER)
  readonly #view = viewOf(this.#buffer)
  #filled = HEAD
  #entries = 0
  #special = 0

  /** Nothing may exist at `path`. */
  constructor(path: string) {
    this.#fd = fs.openSync(path, "wx", 0o600)
    this.#buffer.fill(0, 0, HEAD)
  }

  add(entry: LayerEntry): void {
    const length = LayerListing.recordLength(entry)
    this.#entries++
    if (maySpeak(entry.path)) this.#special++
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

  /** `bytes` are those of the archive. */
  end(bytes: number): void {
    this.#flush()
    const head = Buffer.alloc(HEAD)
    head.write(LayerListing.MAGIC, "latin1")
    head.writeDoubleBE(this.#entries, ENTRIES)
    head.writeDoubleBE(bytes, BYTES)
    head.writeDoubleBE(this.#special, SPECIAL)
    fs.writeSync(this.#fd, head, 0, HEAD, 0)
  }

  close(): void {
    fs.closeSync(this.#fd)
  }

  #flush(): void {
    writeAll(this.#fd, this.#buffer.subarray(0, this.#filled))
    this.#filled = 0
  }
}

/**
 * Returns what a listing says about its layer. Throws errors of the system, and throws if the file is not a
 * listing.
 */
export const about = (path: string): { readonly entries: number; readonly bytes: number } => {
  const head = headOf(path)
  return { entries: head.readDoubleBE(ENTRIES), bytes: head.readDoubleBE(BYTES) }
}

/** Returns the listing of an image's layer with this number, to be merged. Its properties throw errors of the system. */
export const layer = (path: string, layer: number): MergeLayer => ({
  entries: entries(path, layer),
  get mayHide() {
    return headOf(path).readDoubleBE(SPECIAL) > 0
  }
})

const headOf = (path: string): Buffer => {
  const fd = fs.openSync(path, "r")
  try {
    const head = Buffer.alloc(HEAD)
    fs.readSync(fd, head, 0, HEAD, 0)
    if (!isListing(head)) throw notOne()
    return head
  } finally {
    fs.closeSync(fd)
  }
}

/** Iterates over the entries of a listing, any number of times. Throws errors of the system. */
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
  /** Whether this number of bytes from `at` on is available, after reading more if necessary. */
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
  if (!have(HEAD) || !isListing(buffer)) throw notOne()
  const count = buffer.readDoubleBE(ENTRIES)
  at = HEAD
  for (let entry = 0; entry < count; entry++) {
    const length = have(RECORD_HEAD) ? LayerListing.lengthAt(view, at) : undefined
    if (length === undefined || !have(length)) throw notOne()
    yield LayerListing.decode(view, at, layer)
    at += length
  }
}

const isListing = (head: Buffer): boolean =>
  head.toString("latin1", 0, LayerListing.MAGIC.length) === LayerListing.MAGIC

/** Makes an error in the form of Node's own. */
const notOne = (): NodeJS.ErrnoException =>
  Object.assign(new Error("the listing is cut off"), { code: "EIO", syscall: "read" })

const writeAll = (fd: number, bytes: Uint8Array): void => {
  for (let done = 0; done < bytes.length; ) done += fs.writeSync(fd, bytes, done)
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const BUFFER = 1 << 17
const RECORD_HEAD = 4
const ENTRIES = LayerListing.MAGIC.length
const BYTES = ENTRIES + 8
const SPECIAL = BYTES + 8
const HEAD = SPECIAL + 8
