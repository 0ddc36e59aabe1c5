/**
 * Undoes a layer's compression (RFC 1952, RFC 8878): pulls compressed chunks, gives out decompressed ones of about
 * 1 MiB, a few ahead of the consumer, while inflating happens on the thread pool.
 *
 * Several gzip members and zstd frames are one stream; zeros may follow it, nothing else may.
 */
import { Buffer } from "node:buffer"
import * as zlib from "node:zlib"
import * as Either from "effect/Either"
import type { Compression } from "../../domain/image/MediaType.ts"
import * as TarHeader from "../../domain/archive/TarHeader.ts"
import { CompressionInvalid } from "./CompressionInvalid.ts"
import type { Pull } from "./Pull.ts"
import { BUFFERS, through } from "./ZlibStream.ts"
import * as ZstdDecoder from "./ZstdDecoder.ts"

export { CompressionInvalid } from "./CompressionInvalid.ts"
export type { Pull } from "./Pull.ts"

/**
 * Fails with `CompressionInvalid`, or with what `pull` fails with. A chunk is good until the next one is asked for:
 * its memory may be used again. `zstd` is for whoever wants a certain decoder, not the best of those that are there;
 * it fails with `ZstdDecoderUnavailable` where that one is not.
 */
export async function* decompress(
  compression: Compression,
  pull: Pull,
  zstd?: ZstdDecoder.ZstdDecoder
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
      return yield* ZstdDecoder.decompress(rest, zstd)
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

const MAGICS: ReadonlyArray<{ readonly name: string; readonly bytes: ReadonlyArray<number> }> = [
  { name: "gzip", bytes: [0x1f, 0x8b] },
  { name: "zstd", bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  { name: "xz", bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a] },
  { name: "bzip2", bytes: [0x42, 0x5a, 0x68] }
]
