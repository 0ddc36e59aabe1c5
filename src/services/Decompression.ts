/**
 * Undoes a layer's compression (RFC 1952, RFC 8878): pulls compressed chunks, gives out decompressed ones of about
 * 1 MiB, a few ahead of the consumer, while inflating happens on Node's thread pool.
 *
 * Several gzip members and zstd frames are one stream; zeros may follow it, nothing else may.
 */
import { Buffer } from "node:buffer"
import type { Transform } from "node:stream"
import * as zlib from "node:zlib"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { Compression } from "../domain/MediaType.ts"
import * as TarHeader from "../domain/TarHeader.ts"
import { type Piece, ZstdFrames } from "../domain/ZstdFrames.ts"

/** The next chunk, or `undefined` at the end. */
export type Pull = () => Promise<Uint8Array | undefined>

export class CompressionInvalid extends Schema.TaggedError<CompressionInvalid>()("CompressionInvalid", {
  /** What the media type says. */
  compression: Schema.Literal("none", "gzip", "zstd"),
  problem: Schema.String,
  /** The decoder's own error, where it has one. */
  cause: Schema.optional(Schema.Defect)
}) {
  override get message() {
    return `the ${this.compression === "none" ? "uncompressed" : this.compression} data ${this.problem}`
  }
}

/** Fails with `CompressionInvalid`, or with what `pull` fails with. A chunk is good until the next one is asked for. */
export async function* decompress(
  compression: Compression,
  pull: Pull
): AsyncGenerator<Uint8Array, void, undefined> {
  const head = await headOf(pull)
  if (head !== undefined) expectMagic(compression, head)
  else if (compression !== "none") throw new CompressionInvalid({ compression, problem: "is empty" })
  let first = head
  const rest: Pull = async () => {
    const chunk = first ?? (await pull())
    first = undefined
    return chunk
  }
  switch (compression) {
    case "none":
      for (let chunk = await rest(); chunk !== undefined; chunk = await rest()) yield chunk
      return
    case "gzip":
      return yield* through(zlib.createGunzip(BUFFERS), compression, rest)
    case "zstd":
      return nativeZstd === undefined
        ? yield* throughFzstd(rest)
        : yield* through(nativeZstd(BUFFERS), compression, framesOf(rest))
  }
}

/** The first chunk, with at least the bytes that tell what it is. */
const headOf = async (pull: Pull): Promise<Uint8Array | undefined> => {
  let head = await pull()
  while (head !== undefined && head.length < TarHeader.BLOCK) {
    const next = await pull()
    if (next === undefined) break
    head = Buffer.concat([head, next])
  }
  return head?.length === 0 ? undefined : head
}

/** Media type and data must agree. A tar whose first name looks like a magic number is still a tar. */
const expectMagic = (compression: Compression, head: Uint8Array): void => {
  const found = MAGICS.find(({ bytes }) => bytes.every((byte, index) => head[index] === byte))?.name
  if (compression === "none") {
    if (found === undefined || Either.isRight(TarHeader.decode(head, 0, 0))) return
    throw new CompressionInvalid({ compression, problem: `is ${found}, not what its media type says` })
  }
  const skippable = compression === "zstd" && isSkippable(head)
  if (found === compression || skippable) return
  const problem =
    found === undefined ? `is no ${compression} data` : `is ${found}, not what its media type says`
  throw new CompressionInvalid({ compression, problem })
}

const isSkippable = (head: Uint8Array) =>
  ((head[0] ?? 0) & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18

/**
 * Feeds a zlib stream, and yields what comes out of it. zlib streams end by themselves at the first zero after a gzip
 * member: what they left must be zeros then.
 */
async function* through(
  stream: Transform,
  compression: Compression,
  pull: Pull
): AsyncGenerator<Uint8Array, void> {
  let wake = () => {}
  const awaken = () => wake()
  stream.once("end", awaken).once("close", awaken).once("error", awaken)
  const feed = async (): Promise<void> => {
    let given = 0
    let stopped = false
    for (let chunk = await pull(); chunk !== undefined; chunk = await pull()) {
      const bytes = chunk
      given += bytes.length
      if (!stopped && !stream.destroyed) {
        await new Promise<void>((resolve) => {
          wake = resolve
          stream.write(bytes, () => resolve())
        })
      }
      // It failed, or nobody wants more of it.
      if (stream.destroyed && !stream.readableEnded) return
      const unread = given - consumedBy(stream)
      stopped = unread > 0
      if (stopped && bytes.subarray(Math.max(bytes.length - unread, 0)).some((byte) => byte !== 0)) {
        throw new CompressionInvalid({ compression, problem: "is followed by garbage" })
      }
    }
    if (!stopped) stream.end()
  }
  let failure: unknown
  const feeding = feed().catch((cause: unknown) => {
    failure = cause
    stream.destroy()
  })
  try {
    for await (const chunk of stream) yield chunk as Uint8Array
    await feeding
  } catch (cause) {
    if (failure === undefined) {
      throw new CompressionInvalid({ compression, problem: "is damaged or cut off", cause })
    }
  } finally {
    stream.destroy()
    await feeding
  }
  if (failure !== undefined) throw failure
}

/** Compressed bytes that the decoder took. */
const consumedBy = (stream: Transform): number =>
  (stream as Transform & { readonly bytesWritten: number }).bytesWritten

/** The stream's frames, piece by piece, without what is not to be decompressed. */
const framesOf = (pull: Pull): Pull => {
  const next = piecesOf(pull, Number.POSITIVE_INFINITY)
  return async () => (await next())?.bytes
}

const piecesOf = (pull: Pull, blocksAPiece: number): (() => Promise<Piece | undefined>) => {
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
      pieces = found.right
      index = 0
    }
    return pieces[index++]
  }
}

async function* throughFzstd(pull: Pull): AsyncGenerator<Uint8Array, void> {
  const { Decompress } = await import("fzstd")
  const next = piecesOf(pull, BLOCKS_A_PIECE)
  let out: Array<Uint8Array> = []
  // A decoder a frame: fzstd keeps no count of where a frame ends when it is told that the data does.
  const fresh = () => new Decompress((chunk) => void out.push(chunk))
  let decoder = fresh()
  for (let piece = await next(); piece !== undefined; piece = await next()) {
    try {
      decoder.push(piece.bytes, piece.last)
    } catch (cause) {
      throw new CompressionInvalid({ compression: "zstd", problem: "is damaged", cause })
    }
    if (piece.last) decoder = fresh()
    const chunks = out
    out = []
    yield* chunks
  }
}

/** Inflating into 1 MiB at a time is nearly three times as fast as into zlib's 16 KiB; a few are made ahead. */
const BUFFERS = { chunkSize: 1 << 20, highWaterMark: 4 << 20 }
/** Of 128 KiB at most each. */
const BLOCKS_A_PIECE = 8

/** Newer than the Node that the types describe. */
const nativeZstd = (zlib as { readonly createZstdDecompress?: (options: typeof BUFFERS) => Transform })
  .createZstdDecompress

const MAGICS: ReadonlyArray<{ readonly name: string; readonly bytes: ReadonlyArray<number> }> = [
  { name: "gzip", bytes: [0x1f, 0x8b] },
  { name: "zstd", bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  { name: "xz", bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a] },
  { name: "bzip2", bytes: [0x42, 0x5a, 0x68] }
]
