/**
 * The zstd decoders there may be, best first: Node's own (from 22.15 on), the system's libzstd, and fzstd, which is
 * JavaScript and about four times as slow, on the consumer's thread.
 *
 * All are given single frames without what is between them, after `ZstdFrames` has seen their headers: so all refuse
 * the same, except that fzstd does not compare checksums (a layer has its diff id beside them).
 */
import { Buffer } from "node:buffer"
import type { Transform } from "node:stream"
import * as zlib from "node:zlib"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { type Piece, ZstdFrames } from "../../domain/archive/ZstdFrames.ts"
import { Backlog } from "./Backlog.ts"
import { CompressionInvalid } from "./CompressionInvalid.ts"
import type { Pull } from "./Pull.ts"
import { BUFFERS, through } from "./ZlibStream.ts"
import * as ZstdLibrary from "./ZstdLibrary.ts"

export const ZstdDecoder = Schema.Literal("node", "system", "javascript")
export type ZstdDecoder = typeof ZstdDecoder.Type

export class ZstdDecoderUnavailable extends Schema.TaggedError<ZstdDecoderUnavailable>()(
  "ZstdDecoderUnavailable",
  { decoder: ZstdDecoder }
) {
  override get message() {
    return `the zstd decoder "${this.decoder}" is not available here`
  }
}

/** Those that are there, best first. Loads koffi and the library. */
export const available = async (): Promise<ReadonlyArray<ZstdDecoder>> => [
  ...(nativeZstd === undefined ? [] : ["node" as const]),
  ...((await ZstdLibrary.load()) === undefined ? [] : ["system" as const]),
  "javascript"
]

/** With the best that is there, or with this one. */
export async function* decompress(
  pull: Pull,
  decoder?: ZstdDecoder
): AsyncGenerator<Uint8Array, void, undefined> {
  const may = (one: ZstdDecoder) => decoder === undefined || decoder === one
  if (may("node") && nativeZstd !== undefined) {
    return yield* through(nativeZstd(BUFFERS), "zstd", framesOf(pull, alone))
  }
  const library = may("system") ? await ZstdLibrary.load() : undefined
  if (library !== undefined) return yield* throughLibrary(library, framesOf(pull, joined))
  if (may("javascript")) return yield* throughFzstd(pull)
  throw new ZstdDecoderUnavailable({ decoder: decoder ?? "javascript" })
}

type Arrange = (pieces: ReadonlyArray<Piece>) => ReadonlyArray<Piece>

/** The stream's frames without what is not to be decompressed. */
const framesOf = (pull: Pull, arrange: Arrange): Pull => {
  const next = piecesOf(pull, Number.POSITIVE_INFINITY, arrange)
  return async () => (await next())?.bytes
}

/** Node's stops where a frame ends, so it is given no two at once. */
const alone: Arrange = (pieces) => pieces

/** Pieces that lie one after the other are one, however small the frames. */
const joined: Arrange = (pieces) => {
  const out: Array<Piece> = []
  for (const piece of pieces) {
    const before = out.at(-1)
    const { buffer, byteLength, byteOffset } = piece.bytes
    if (before?.bytes.buffer === buffer && before.bytes.byteOffset + before.bytes.byteLength === byteOffset) {
      const bytes = new Uint8Array(buffer, before.bytes.byteOffset, before.bytes.byteLength + byteLength)
      out[out.length - 1] = { ...piece, bytes }
    } else if (byteLength > 0) out.push(piece)
  }
  return out
}

const piecesOf = (
  pull: Pull,
  blocksAPiece: number,
  arrange: Arrange = alone
): (() => Promise<Piece | undefined>) => {
  const frames = new ZstdFrames(blocksAPiece)
  let pieces: ReadonlyArray<Piece> = []
  let index = 0
  return async () => {
    while (index >= pieces.length) {
      const chunk = await pull()
      const found = chunk === undefined ? Either.map(frames.end(), () => undefined) : frames.push(chunk)
      if (Either.isLeft(found)) {
        const { offset, problem } = found.left
        throw new CompressionInvalid({ compression: "zstd", problem: `${problem} at offset ${offset}` })
      }
      if (found.right === undefined) return undefined
      pieces = arrange(found.right)
      index = 0
    }
    return pieces[index++]
  }
}

/** One call after the other, on the thread pool, into few buffers in turn. */
async function* throughLibrary(
  library: ZstdLibrary.ZstdLibrary,
  pull: Pull
): AsyncGenerator<Uint8Array, void> {
  const backlog = new Backlog(AHEAD)
  const make = async () => {
    const stream = library.open()
    try {
      // When there is room again, one is with the consumer, all but one of the backlog's are in it, and the next is free.
      const buffers = Array.from({ length: AHEAD + 1 }, () => Buffer.allocUnsafeSlow(BUFFERS.chunkSize))
      let turn = 0
      for (;;) {
        await backlog.room()
        if (backlog.closed) return
        if (stream.hungry()) {
          const input = await pull()
          if (input === undefined) return
          stream.feed(input)
        }
        const buffer = buffers[turn % buffers.length] as Buffer
        const bytes = await stream.decompress(buffer).catch((cause: unknown) => {
          throw new CompressionInvalid({ compression: "zstd", problem: "is damaged", cause })
        })
        if (bytes === 0) continue
        turn++
        backlog.put(buffer.subarray(0, bytes))
      }
    } finally {
      stream.close()
    }
  }
  const making = make().then(
    () => backlog.end(),
    (cause: unknown) => backlog.fail(cause)
  )
  try {
    yield* backlog.take()
  } finally {
    await making
  }
}

async function* throughFzstd(pull: Pull): AsyncGenerator<Uint8Array, void> {
  const { Decompress } = await import("fzstd")
  const next = piecesOf(pull, BLOCKS_A_PIECE)
  let out: Array<Uint8Array> = []
  let length = 0
  // A decoder a frame: fzstd keeps no count of where a frame ends when it is told that the data does.
  const fresh = () =>
    new Decompress((chunk) => {
      length += chunk.length
      out.push(chunk)
    })
  let decoder = fresh()
  for (let piece = await next(); piece !== undefined; piece = await next()) {
    try {
      decoder.push(piece.bytes, piece.last)
    } catch (cause) {
      throw new CompressionInvalid({ compression: "zstd", problem: "is damaged", cause })
    }
    if (piece.last) {
      if (piece.content !== undefined && piece.content !== length) {
        throw new CompressionInvalid({
          compression: "zstd",
          problem: `is damaged: a frame of ${piece.content} bytes has ${length}`
        })
      }
      decoder = fresh()
      length = 0
    }
    const chunks = out
    out = []
    yield* chunks
  }
}

/** Newer than the Node that the types describe. */
const nativeZstd = (zlib as { readonly createZstdDecompress?: (options: typeof BUFFERS) => Transform })
  .createZstdDecompress

/** Of 128 KiB at most each. */
const BLOCKS_A_PIECE = 8
/** Chunks in the backlog with which the library rests. */
const AHEAD = 3
