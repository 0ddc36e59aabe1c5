/**
 * Where the frames of a zstd stream begin and end (RFC 8878, section 3), without decompressing anything.
 *
 * Decoders stop after the first frame, or take a stream that was cut off for a whole one, or allocate any window that
 * a header asks for. So they are given pieces of single frames, and this says what they cannot: that the last frame is
 * complete, and that only zeros follow it.
 *
 *     stream    = *(frame | skippable) *NUL
 *     frame     = 28 B5 2F FD  descriptor [window] [dictionary] [content size]  1*block  [checksum]
 *     block     = 3 bytes: last (1 bit), type (2), size (21)  data
 *     skippable = 5x 2A 4D 18  size (4 bytes)  data
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

export class ZstdFramesInvalid extends Schema.TaggedError<ZstdFramesInvalid>()("ZstdFramesInvalid", {
  /** In the compressed data. */
  offset: Schema.Number,
  problem: Schema.String
}) {
  override get message() {
    return `the zstd data ${this.problem} at offset ${this.offset}`
  }
}

/** Part of one frame; `last` when the frame is complete with it. */
export interface Piece {
  readonly bytes: Uint8Array
  readonly last: boolean
  /** What the whole frame decompresses to, where its header says. */
  readonly content: number | undefined
}

/**
 * A decoder allocates a frame's window, so this bounds its memory. Builders write 8 MiB (klauspost/compress, which
 * docker, podman and BuildKit use: `WithEncoderLevel`), and `zstd` up to level 21 without `--long` at most this.
 * Those tools would read 512 MiB (`MaxWindowSize`), and `zstd` 128 MiB.
 */
export const MAX_WINDOW = 1 << 26
/** Block_Maximum_Size, RFC 8878 section 3.1.1.2.4. */
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

/** Follows a stream chunk by chunk. */
export class ZstdFrames {
  readonly #blocksAPiece: number
  #state: State = "magic"
  /** The little-endian field being read, and how many of its bytes are there. */
  readonly #field = new Uint8Array(MAX_FIELD)
  #filled = 0
  /** Bytes to come of the field or of what is passed over. */
  #wanted = 4
  #descriptor = 0
  #content: number | undefined
  #lastBlock = false
  #blocks = 0
  #offset = 0

  /** A piece decompresses to at most so many blocks of 128 KiB: bounds what a decoder gives out at once. */
  constructor(blocksAPiece: number) {
    this.#blocksAPiece = blocksAPiece
  }

  push(chunk: Uint8Array): Either.Either<ReadonlyArray<Piece>, ZstdFramesInvalid> {
    const pieces: Array<Piece> = []
    let start = this.#inFrame() ? 0 : -1
    let at = 0
    const cut = (last: boolean) => {
      if (start >= 0 && (at > start || last)) {
        pieces.push({ bytes: chunk.subarray(start, at), last, content: this.#content })
      }
      start = last ? -1 : at
      this.#blocks = 0
    }
    while (at < chunk.length || this.#wanted === 0) {
      if (this.#state === "padding") {
        while (at < chunk.length && chunk[at] === 0) at++
        if (at < chunk.length) return this.#refuse(at, "is followed by garbage")
        break
      }
      const taken = Math.min(chunk.length - at, this.#wanted)
      if (this.#state !== "body" && this.#state !== "skip" && this.#state !== "checksum") {
        for (let index = 0; index < taken; index++) this.#field[this.#filled++] = chunk[at + index] ?? 0
      }
      this.#wanted -= taken
      at += taken
      if (this.#wanted > 0) break
      switch (this.#state) {
        case "magic": {
          const magic = this.#take(4)
          if (magic === FRAME) {
            // A magic number that lies in two chunks is given out whole.
            if (at >= 4) start = at - 4
            else {
              pieces.push({ bytes: FRAME_BYTES, last: false, content: undefined })
              start = at
            }
            this.#want("descriptor", 1)
          } else if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) this.#want("skipSize", 4)
          else if (magic === 0 && this.#offset + at > 4) this.#want("padding", 1)
          else if (this.#offset + at === 4) return this.#refuse(0, "does not begin with a frame")
          else return this.#refuse(at - 4, "is followed by garbage")
          break
        }
        case "skipSize":
          this.#want("skip", this.#take(4))
          break
        case "skip":
          this.#want("magic", 4)
          break
        case "descriptor": {
          this.#descriptor = this.#take(1)
          this.#content = undefined
          if ((this.#descriptor & RESERVED) !== 0)
            return this.#refuse(at - 1, "has a frame of a reserved kind")
          this.#want("header", headerBytes(this.#descriptor))
          break
        }
        case "header": {
          const window = windowOf(this.#descriptor, this.#field)
          if (window > MAX_WINDOW) {
            return this.#refuse(at, `needs a window of ${window} bytes, over the limit of ${MAX_WINDOW},`)
          }
          const dictionary = dictionaryOf(this.#descriptor, this.#field)
          if (dictionary !== 0) return this.#refuse(at, `needs dictionary ${dictionary}`)
          if (contentBytes(this.#descriptor) > 0) this.#content = contentOf(this.#descriptor, this.#field)
          this.#want("block", 3)
          break
        }
        case "block": {
          const block = this.#take(3)
          this.#lastBlock = (block & 1) !== 0
          const type = (block >> 1) & 3
          if (type === 3) return this.#refuse(at - 3, "has a block of a reserved type")
          const size = block >> 3
          if (size > MAX_BLOCK)
            return this.#refuse(at - 3, `has a block of ${size} bytes, over ${MAX_BLOCK},`)
          this.#want("body", type === 1 ? 1 : size)
          break
        }
        case "body":
          if (this.#lastBlock && (this.#descriptor & HAS_CHECKSUM) !== 0) this.#want("checksum", 4)
          else if (this.#lastBlock) {
            cut(true)
            this.#want("magic", 4)
          } else {
            if (++this.#blocks >= this.#blocksAPiece) cut(false)
            this.#want("block", 3)
          }
          break
        case "checksum":
          cut(true)
          this.#want("magic", 4)
      }
    }
    if (this.#inFrame()) cut(false)
    this.#offset += chunk.length
    return Either.right(pieces)
  }

  end(): Either.Either<void, ZstdFramesInvalid> {
    if (this.#state === "padding") return Either.void
    if (this.#state === "magic" && this.#offset > 0) {
      const rest = this.#field.subarray(0, this.#filled)
      if (rest.every((byte) => byte === 0)) return Either.void
      return this.#refuse(0, "is followed by garbage")
    }
    return this.#refuse(0, "is cut off")
  }

  #inFrame(): boolean {
    return !(this.#state === "magic" || this.#state.startsWith("skip") || this.#state === "padding")
  }

  #want(state: State, bytes: number): void {
    this.#state = state
    this.#wanted = bytes
    this.#filled = 0
  }

  #take(bytes: number): number {
    return littleEndian(this.#field, 0, bytes)
  }

  #refuse(at: number, problem: string): Either.Either<never, ZstdFramesInvalid> {
    return Either.left(new ZstdFramesInvalid({ offset: this.#offset + at, problem }))
  }
}

/** After the descriptor: window, dictionary id and content size, each as long as the descriptor says. */
const headerBytes = (descriptor: number): number =>
  (isSingleSegment(descriptor) ? 0 : 1) + dictionaryBytes(descriptor) + contentBytes(descriptor)

/** The bytes that a decoder has to keep; a single segment's window is its content. */
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
/** Window, dictionary id and content size at their longest. */
const MAX_FIELD = 13
