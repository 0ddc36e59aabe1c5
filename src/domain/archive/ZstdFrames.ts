/**
 * Finds where the frames of a zstd stream begin and end (RFC 8878, section 3), without decompressing.
 *
 * A decoder may stop after the first frame, accept a truncated stream as complete, or allocate any window that a
 * header asks for. Decoders here therefore get pieces of single frames, and this module checks what they do not: that
 * the last frame is complete, and that only zeros follow it.
 *
 *     stream    = *(frame | skippable) *NUL
 *     frame     = 28 B5 2F FD  descriptor [window] [dictionary] [content size]  1*block  [checksum]
 *     block     = 3 bytes: last (1 bit), type (2), size (21)  data
 *     skippable = 5x 2A 4D 18  size (4 bytes)  data
 */

import * as Either from "effect/Either"
import { TaggedError } from "../text/TaggedError.ts"

export class ZstdFramesInvalid extends TaggedError("ZstdFramesInvalid")<{
  /** Position in the compressed data. */
  readonly offset: number
  readonly problem: string
}> {
  override get message() {
    return `the zstd data ${this.problem} at offset ${this.offset}`
  }
}

/**
 * The largest accepted window: zstd(1)'s own limit when reading, so that `zstd --ultra -22 --long=27` can be read. A
 * decoder allocates the window of a frame, so this bounds its memory. Builders write 8 MiB (klauspost/compress, which
 * docker, podman and BuildKit use: `WithEncoderLevel`).
 */
export const MAX_WINDOW = 1 << 27
/** Block_Maximum_Size of RFC 8878, section 3.1.1.2.4. */
const MAX_BLOCK = 1 << 17

type State =
  | "magic"
  | "skipSize"
  | "skip"
  | "descriptor"
  | "header"
  | "block"
  | "body"
  | "checksum"
  | "padding"

/** Follows a stream, one chunk after another. */
export class ZstdFrames {
  #state: State = "magic"
  /** The little-endian field being read, and how many of its bytes have arrived. */
  readonly #field = new Uint8Array(MAX_FIELD)
  #filled = 0
  /** How many bytes of the field, or of data that is skipped, are still to come. */
  #wanted = 4
  #descriptor = 0
  #lastBlock = false
  #offset = 0

  /** Returns the parts of frames that a chunk has. Each is part of one frame. */
  push(chunk: Uint8Array): Either.Either<ReadonlyArray<Uint8Array>, ZstdFramesInvalid> {
    const cut = new Cut(chunk, this.#isInFrame())
    let at = 0
    while (at < chunk.length || this.#wanted === 0) {
      if (this.#state === "padding") {
        while (at < chunk.length && chunk[at] === 0) at++
        if (at < chunk.length) return Either.left(this.#invalid(at, "is followed by garbage"))
        break
      }
      at += this.#read(chunk, at)
      if (this.#wanted > 0) break
      const problem = this.#advance(at, cut)
      if (problem !== undefined) return Either.left(problem)
    }
    if (this.#isInFrame()) cut.end(at)
    this.#offset += chunk.length
    return Either.right(cut.pieces)
  }

  end(): Either.Either<void, ZstdFramesInvalid> {
    if (this.#state === "padding") return Either.void
    if (this.#state === "magic" && this.#offset > 0) {
      const rest = this.#field.subarray(0, this.#filled)
      if (rest.every((byte) => byte === 0)) return Either.void
      return Either.left(this.#invalid(0, "is followed by garbage"))
    }
    return Either.left(this.#invalid(0, "is cut off"))
  }

  #isInFrame(): boolean {
    return !(this.#state === "magic" || this.#state.startsWith("skip") || this.#state === "padding")
  }

  /** Reads what is wanted, as far as the chunk has it, and returns how many bytes that were. */
  #read(chunk: Uint8Array, at: number): number {
    const taken = Math.min(chunk.length - at, this.#wanted)
    if (this.#state !== "body" && this.#state !== "skip" && this.#state !== "checksum") {
      for (let index = 0; index < taken; index++) this.#field[this.#filled++] = chunk[at + index] ?? 0
    }
    this.#wanted -= taken
    return taken
  }

  /** Interprets what was read up to `at`, and sets what is read next. Returns what is wrong with it. */
  #advance(at: number, cut: Cut): ZstdFramesInvalid | undefined {
    switch (this.#state) {
      case "magic":
        return this.#takeMagic(at, cut)
      case "skipSize":
        return this.#want("skip", this.#take(4))
      case "skip":
        return this.#want("magic", 4)
      case "descriptor":
        return this.#takeDescriptor(at)
      case "header":
        return this.#takeHeader(at)
      case "block":
        return this.#takeBlock(at)
      case "body":
        if (!this.#lastBlock) return this.#want("block", 3)
        if ((this.#descriptor & HAS_CHECKSUM) !== 0) return this.#want("checksum", 4)
        cut.end(at)
        return this.#want("magic", 4)
      case "checksum":
        cut.end(at)
        return this.#want("magic", 4)
      case "padding":
        return undefined
    }
  }

  #takeMagic(at: number, cut: Cut): ZstdFramesInvalid | undefined {
    const magic = this.#take(4)
    if (magic === FRAME) {
      cut.begin(at)
      return this.#want("descriptor", 1)
    }
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) return this.#want("skipSize", 4)
    const isFirst = this.#offset + at === 4
    if (isFirst) return this.#invalid(0, "does not begin with a frame")
    return magic === 0 ? this.#want("padding", 1) : this.#invalid(at - 4, "is followed by garbage")
  }

  #takeDescriptor(at: number): ZstdFramesInvalid | undefined {
    this.#descriptor = this.#take(1)
    if ((this.#descriptor & RESERVED) !== 0) return this.#invalid(at - 1, "has a frame of a reserved kind")
    return this.#want("header", headerBytes(this.#descriptor))
  }

  #takeHeader(at: number): ZstdFramesInvalid | undefined {
    const window = windowOf(this.#descriptor, this.#field)
    if (window > MAX_WINDOW) {
      return this.#invalid(at, `needs a window of ${window} bytes, over the limit of ${MAX_WINDOW},`)
    }
    const dictionary = dictionaryOf(this.#descriptor, this.#field)
    if (dictionary !== 0) return this.#invalid(at, `needs dictionary ${dictionary}`)
    return this.#want("block", 3)
  }

  #takeBlock(at: number): ZstdFramesInvalid | undefined {
    const block = this.#take(3)
    this.#lastBlock = (block & 1) !== 0
    const type = (block >> 1) & 3
    if (type === 3) return this.#invalid(at - 3, "has a block of a reserved type")
    const size = block >> 3
    if (size > MAX_BLOCK) return this.#invalid(at - 3, `has a block of ${size} bytes, over ${MAX_BLOCK},`)
    return this.#want("body", type === 1 ? 1 : size)
  }

  #want(state: State, bytes: number): undefined {
    this.#state = state
    this.#wanted = bytes
    this.#filled = 0
  }

  #take(bytes: number): number {
    return littleEndian(this.#field, 0, bytes)
  }

  #invalid(at: number, problem: string): ZstdFramesInvalid {
    return new ZstdFramesInvalid({ offset: this.#offset + at, problem })
  }
}

/** Cuts the parts of frames out of one chunk. */
class Cut {
  readonly pieces: Array<Uint8Array> = []
  readonly #chunk: Uint8Array
  /** Where the part of a frame begins; `undefined` between frames. */
  #start: number | undefined

  constructor(chunk: Uint8Array, isInFrame: boolean) {
    this.#chunk = chunk
    this.#start = isInFrame ? 0 : undefined
  }

  /** Begins a frame whose magic number ends at `at`. One that is split between two chunks is returned whole. */
  begin(at: number): void {
    if (at < 4) this.pieces.push(FRAME_BYTES)
    this.#start = at < 4 ? at : at - 4
  }

  /** Ends the part of a frame at `at`. */
  end(at: number): void {
    if (this.#start !== undefined && at > this.#start) this.pieces.push(this.#chunk.subarray(this.#start, at))
    this.#start = undefined
  }
}

/**
 * Returns the length of window, dictionary id and content size after the descriptor, which states the length of each.
 */
const headerBytes = (descriptor: number): number =>
  (isSingleSegment(descriptor) ? 0 : 1) + dictionaryBytes(descriptor) + contentBytes(descriptor)

/** Returns how many bytes a decoder has to keep. The window of a single segment is its content. */
const windowOf = (descriptor: number, header: Uint8Array): number => {
  if (!isSingleSegment(descriptor)) {
    const byte = header[0] ?? 0
    const base = 2 ** (10 + (byte >> 3))
    return base + (base / 8) * (byte & 7)
  }
  return contentOf(descriptor, header)
}

const contentOf = (descriptor: number, header: Uint8Array): number => {
  const start = (isSingleSegment(descriptor) ? 0 : 1) + dictionaryBytes(descriptor)
  const bytes = contentBytes(descriptor)
  const size = littleEndian(header, start, start + bytes)
  return bytes === 2 ? size + 256 : size
}

const dictionaryOf = (descriptor: number, header: Uint8Array): number => {
  const start = isSingleSegment(descriptor) ? 0 : 1
  return littleEndian(header, start, start + dictionaryBytes(descriptor))
}

const littleEndian = (bytes: Uint8Array, start: number, end: number): number => {
  let value = 0
  for (let index = end; index-- > start; ) value = value * 256 + (bytes[index] ?? 0)
  return value
}

const isSingleSegment = (descriptor: number) => (descriptor & 0x20) !== 0
const dictionaryBytes = (descriptor: number) => [0, 1, 2, 4][descriptor & 3] ?? 0
const contentBytes = (descriptor: number) =>
  [isSingleSegment(descriptor) ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0

const FRAME = 0xfd2fb528
const FRAME_BYTES = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd)
const SKIPPABLE = 0x184d2a50
const HAS_CHECKSUM = 0x04
const RESERVED = 0x08
/** The greatest length of window, dictionary id and content size together. */
const MAX_FIELD = 13
