/**
 * The possible zstd decoders: Node's own (from 22.15 on), or else the system's libzstd.
 *
 * Both get single frames without the data between them, after `ZstdFrames` has checked their headers. So one of them
 * refuses a stream if the other one does.
 */

import { Buffer } from "node:buffer"
import type { Transform } from "node:stream"
import * as zlib from "node:zlib"
import * as Either from "effect/Either"
import { ZstdFrames } from "../../domain/archive/ZstdFrames.ts"
import { TaggedError } from "../../domain/text/TaggedError.ts"
import { Backlog } from "./Backlog.ts"
import { CompressionInvalid } from "./CompressionInvalid.ts"
import type { Pull } from "./Pull.ts"
import { BUFFERS, through } from "./ZlibStream.ts"
import * as ZstdLibrary from "./ZstdLibrary.ts"

/** The decoders that this module knows, the best first. */
export const DECODERS = ["node", "system"] as const
export type ZstdDecoder = (typeof DECODERS)[number]

/** No decoder can be used here, or not the one that the caller wants. */
export class ZstdDecoderUnavailable extends TaggedError("ZstdDecoderUnavailable")<{
  readonly decoder: ZstdDecoder | undefined
}> {
  override get message() {
    return this.decoder === undefined
      ? `nothing here decompresses zstd: Node ${process.versions.node} cannot, and ${ZstdLibrary.NAME} cannot be loaded; install libzstd (libzstd1 on Debian), or run this with Node 22.15 or later`
      : `the zstd decoder "${this.decoder}" is not available here`
  }
}

/** Returns the available decoders, the best first. Loads koffi and the library. */
export const available = async (): Promise<ReadonlyArray<ZstdDecoder>> => [
  ...(nativeZstd === undefined ? [] : ["node" as const]),
  ...((await ZstdLibrary.load()) === undefined ? [] : ["system" as const])
]

/** Decompresses with the best available decoder, or with a given one. */
export async function* decompress(
  pull: Pull,
  decoder?: ZstdDecoder
): AsyncGenerator<Uint8Array, void, undefined> {
  const may = (one: ZstdDecoder) => decoder === undefined || decoder === one
  if (may("node") && nativeZstd !== undefined) {
    return yield* through(nativeZstd(BUFFERS), "zstd", framesOf(pull, alone))
  }
  const library = may("system") ? await ZstdLibrary.load() : undefined
  if (library === undefined) throw new ZstdDecoderUnavailable({ decoder })
  yield* throughLibrary(library, framesOf(pull, joined))
}

type Arrange = (pieces: ReadonlyArray<Uint8Array>) => ReadonlyArray<Uint8Array>

/** Passes frames one by one, because Node's decoder stops at the end of a frame. */
const alone: Arrange = (pieces) => pieces

/** Joins adjacent pieces, however small the frames are. */
const joined: Arrange = (pieces) => {
  const out: Array<Uint8Array> = []
  for (const piece of pieces) {
    const before = out.at(-1)
    const { buffer, byteLength, byteOffset } = piece
    if (before?.buffer === buffer && before.byteOffset + before.byteLength === byteOffset) {
      out[out.length - 1] = new Uint8Array(buffer, before.byteOffset, before.byteLength + byteLength)
    } else if (byteLength > 0) out.push(piece)
  }
  return out
}

/** Returns the stream's frames, without data that is not to be decompressed. */
const framesOf = (pull: Pull, arrange: Arrange): Pull => {
  const frames = new ZstdFrames()
  let pieces: ReadonlyArray<Uint8Array> = []
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

/** Decompresses by one call after another, on the thread pool, into a few buffers in turn. */
async function* throughLibrary(
  library: ZstdLibrary.ZstdLibrary,
  pull: Pull
): AsyncGenerator<Uint8Array, void> {
  const backlog = new Backlog(AHEAD)
  const make = async () => {
    const stream = library.open()
    try {
      // When there is room again, one buffer is with the consumer, all but one of the backlog's are in it, and the
      // next is free.
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

/** This function is newer than the Node version of the types, which lack it. */
const nativeZstd = (zlib as { readonly createZstdDecompress?: (options: typeof BUFFERS) => Transform })
  .createZstdDecompress

/** Chunks in the backlog at which the library pauses. */
const AHEAD = 3
