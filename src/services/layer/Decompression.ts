/**
 * Decompresses a layer (RFC 1952, RFC 8878): pulls compressed chunks and yields decompressed ones of about 1 MiB, a
 * few ahead of the consumer, while the thread pool inflates.
 *
 * Several gzip members or zstd frames form one stream, which only zeros may follow.
 */
import { Buffer } from "node:buffer"
import * as zlib from "node:zlib"
import * as Either from "effect/Either"
import * as TarHeader from "../../domain/archive/TarHeader.ts"
import type { Compression } from "../../domain/image/MediaType.ts"
import { CompressionInvalid } from "./CompressionInvalid.ts"
import type { Pull } from "./Pull.ts"
import { BUFFERS, through } from "./ZlibStream.ts"
import * as ZstdDecoder from "./ZstdDecoder.ts"

export { CompressionInvalid } from "./CompressionInvalid.ts"
export type { Pull } from "./Pull.ts"

export interface Options {
  /**
   * The zstd decoder to use in place of the best available one. If it is not available, decompression fails with
   * `ZstdDecoderUnavailable`.
   */
  readonly zstd?: ZstdDecoder.ZstdDecoder
  /** Called with the actual compression, if it is not the one that the media type states. */
  readonly onOther?: (actual: Compression) => void
}

/**
 * Decompresses according to the first bytes of the data. The media type is only its author's word, and the diff id binds
 * the data. Fails with `CompressionInvalid`, or with the error of `pull`. A chunk is valid until the next one is
 * requested, since its memory is reused.
 */
export async function* decompress(
  declared: Compression,
  pull: Pull,
  { onOther, zstd }: Options = {}
): AsyncGenerator<Uint8Array, void, undefined> {
  const head = await headOf(pull)
  if (head === undefined && declared !== "none")
    throw new CompressionInvalid({ compression: declared, problem: "is empty" })
  const compression = head === undefined ? declared : detect(declared, head)
  if (compression !== declared) onOther?.(compression)
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
      return yield* ZstdDecoder.decompress(rest, zstd)
  }
}

/** Reads the first chunk, with at least the bytes that identify its format. */
const headOf = async (pull: Pull): Promise<Uint8Array | undefined> => {
  let head = await pull()
  while (head !== undefined && head.length < TarHeader.BLOCK) {
    const next = await pull()
    if (next === undefined) break
    head = Buffer.concat([head, next])
  }
  return head?.length === 0 ? undefined : head
}

/** What the first bytes say that the data is. A tar whose first name looks like a magic number is still a tar. */
const detect = (declared: Compression, head: Uint8Array): Compression => {
  const found = isSkippable(head)
    ? "zstd"
    : MAGICS.find(({ bytes }) => bytes.every((byte, index) => head[index] === byte))?.name
  if (found === declared) return declared
  const isTar = Either.isRight(TarHeader.decode(head, 0, 0))
  if (isTar) return "none"
  if (found === "gzip" || found === "zstd") return found
  if (declared === "none" && found === undefined) return "none"
  throw new CompressionInvalid({
    compression: declared,
    problem: found === undefined ? `is no ${declared} data` : `is ${found}, which cannot be read`
  })
}

const isSkippable = (head: Uint8Array) =>
  ((head[0] ?? 0) & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18

type Format = "gzip" | "zstd" | "xz" | "bzip2"

const MAGICS: ReadonlyArray<{ readonly name: Format; readonly bytes: ReadonlyArray<number> }> = [
  { name: "gzip", bytes: [0x1f, 0x8b] },
  { name: "zstd", bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  { name: "xz", bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a] },
  { name: "bzip2", bytes: [0x42, 0x5a, 0x68] }
]
