/**
 * Reads a layer from a stream, member by member, with the data of its files. It verifies what a program knows of the layer:
 * its size and digest, and the digest of the uncompressed archive (image-spec layer.md, descriptor.md).
 */
import { createHash } from "node:crypto"
import * as Either from "effect/Either"
import type { LayerEntry } from "../../domain/archive/LayerEntry.ts"
import type { LayerLimits } from "../../domain/archive/LayerLimits.ts"
import * as Digest from "../../domain/document/Digest.ts"
import * as MediaType from "../../domain/image/MediaType.ts"
import { TaggedError } from "../../domain/text/TaggedError.ts"
import { decompress } from "./Decompression.ts"
import { DiffIdMismatch, LayerDigestMismatch, LayerSizeMismatch, ofData } from "./LayerError.ts"
import { LayerMeter } from "./LayerMeter.ts"
import type { Pull } from "./Pull.ts"
import { type TarInvalid, TarReader } from "./TarReader.ts"

/** Bytes of a layer: a web stream, a stream of Node, or anything else that gives chunks one after another. */
export type ByteSource =
  | AsyncIterable<Uint8Array>
  | Iterable<Uint8Array>
  | ReadableStream<Uint8Array>
  | Uint8Array

/** What is known of a layer, and what is allowed. */
export interface ReadOptions {
  /** The media type of its descriptor. */
  readonly mediaType: string
  /** The digest of its descriptor. Without it, the bytes of the stream are not verified. */
  readonly digest?: Digest.Digest
  /** The size of its descriptor, in bytes. */
  readonly size?: number
  /** The digest of the uncompressed archive, as the image's configuration has it. */
  readonly diffId?: Digest.Digest
  /** Limits, in place of `LayerLimits.LIMITS`. */
  readonly limits?: Partial<LayerLimits>
}

/** A member of the archive. Its data can be read once, before the next member is asked for; otherwise it is skipped. */
export interface Member {
  readonly entry: LayerEntry
  /** The data of a file; of a sparse one, with its holes as zeros. Nothing for other members. */
  readonly data: AsyncIterable<Uint8Array>
  /** The same without holes: each piece with its place in the file. */
  readonly pieces: AsyncIterable<Piece>
}

/** Data of a file. */
export interface Piece {
  /** Where in the file it begins. */
  readonly position: number
  readonly bytes: Uint8Array
}

/** The facts about a layer that was read to its end. */
export interface LayerSummary {
  readonly entries: number
  /** Compressed bytes. */
  readonly size: number
  /** Uncompressed bytes. */
  readonly bytes: number
  /** The digest of the stream, and that of the uncompressed archive. */
  readonly digest: Digest.Digest
  readonly diffId: Digest.Digest
}

/** The media type is not one of a layer that can be read. */
export class LayerTypeUnknown extends TaggedError("LayerTypeUnknown")<{
  readonly mediaType: string
  readonly problem: string
}> {
  override get message(): string {
    return `the layer is ${this.problem}`
  }
}

/**
 * Yields the members in the order of the archive. Throws a `LayerError` or `LayerTypeUnknown` if something is wrong
 * with the layer; errors of the source are thrown unchanged. Digests are known only at the end: everything that
 * `options` name is verified once the iteration has ended by itself. Leaving it early closes the source.
 */
export async function* read(
  source: ByteSource,
  options: ReadOptions
): AsyncGenerator<Member, LayerSummary, undefined> {
  const compression = MediaType.layerCompression(options.mediaType)
  if (compression === undefined) {
    const problem = MediaType.layerProblem(options.mediaType) ?? "unknown"
    throw new LayerTypeUnknown({ mediaType: options.mediaType, problem })
  }
  const blob = new StreamedBlob(source, options)
  try {
    return yield* members(blob, compression, options)
  } finally {
    await blob.close()
  }
}

async function* members(
  blob: StreamedBlob,
  compression: MediaType.Compression,
  options: ReadOptions
): AsyncGenerator<Member, LayerSummary, undefined> {
  const { diffId, limits } = options
  const meter = new LayerMeter(blob.name, limits)
  const hash = createHash(diffId === undefined ? "sha256" : Digest.algorithm(diffId))
  /** What the last chunk held and the caller has not taken yet. */
  const found: Array<Found> = []
  const reader = new TarReader({
    entry: (entry) => {
      meter.enter(entry)
      found.push(entry)
    },
    // The memory of a chunk is used again.
    data: (bytes, start, length, position) =>
      found.push({ position, bytes: bytes.slice(start, start + length) }),
    fileEnd: () => found.push("end")
  })
  const chunks = decompress(compression, blob.pull)
  const step = async (): Promise<Found | undefined> => {
    while (found.length === 0) {
      const { done, value: chunk } = await chunks.next()
      if (done === true) {
        orThrow(reader.end())
        return found.shift()
      }
      meter.grow(chunk.length, blob.position)
      hash.update(chunk)
      orThrow(reader.push(chunk))
    }
    return found.shift()
  }
  const stop = async () => {
    blob.stop()
    await chunks.return()
  }
  let failure: { readonly cause: unknown } | undefined
  /** The program may meet an error while it reads the data of a member. Every later step then fails alike. */
  const next = async (): Promise<Found | undefined> => {
    if (failure !== undefined) throw failure.cause
    try {
      return await step()
    } catch (cause) {
      await stop()
      failure = { cause: await explained(cause, blob, options) }
      throw failure.cause
    }
  }
  try {
    for (let event = await next(); event !== undefined; event = await next()) {
      if (event === "end" || "bytes" in event) continue
      const data = new MemberData(event, next)
      yield data.member
      await data.skip()
    }
  } finally {
    await stop()
  }
  const digest = await blob.end()
  const actual = `${diffId === undefined ? "sha256" : Digest.algorithm(diffId)}:${hash.digest("hex")}`
  if (diffId !== undefined && actual !== diffId)
    throw new DiffIdMismatch({ layer: blob.name, expected: diffId, actual })
  return {
    entries: meter.entries,
    size: blob.position,
    bytes: meter.bytes,
    digest,
    diffId: actual as Digest.Digest
  }
}

type Found = LayerEntry | Piece | "end"

/** Returns the error of the layer for one of its data. A damaged blob may hold any nonsense: the error is that it is damaged. */
const explained = async (cause: unknown, blob: StreamedBlob, options: ReadOptions): Promise<unknown> => {
  const invalid = ofData(blob.name, cause)
  // Without a size, the rest of the stream may never end.
  if (invalid === undefined || options.size === undefined || options.digest === undefined)
    return invalid ?? cause
  return blob.end(invalid).then(
    () => invalid,
    (mismatch: unknown) => mismatch
  )
}

const orThrow = (result: Either.Either<void, TarInvalid>): void => {
  if (Either.isLeft(result)) throw result.left
}

/** The data of the member that was given out last. It cannot be read once the next member is given out. */
class MemberData {
  readonly member: Member
  readonly #next: () => Promise<Found | undefined>
  #isOver: boolean
  #isTaken = false

  constructor(entry: LayerEntry, next: () => Promise<Found | undefined>) {
    this.#next = next
    this.#isOver = entry._tag !== "File"
    this.member = {
      entry,
      pieces: { [Symbol.asyncIterator]: () => this.#pieces() },
      data: { [Symbol.asyncIterator]: () => this.#data(entry._tag === "File" ? entry.size : 0) }
    }
  }

  /** Reads the data that the program has left unread. */
  async skip(): Promise<void> {
    while ((await this.#piece()) !== undefined) {}
    this.#isTaken = true
  }

  async #piece(): Promise<Piece | undefined> {
    if (this.#isOver) return undefined
    const event = await this.#next()
    if (event !== undefined && event !== "end" && "bytes" in event) return event
    this.#isOver = true
    return undefined
  }

  async *#pieces(): AsyncGenerator<Piece, void, undefined> {
    if (this.#isTaken)
      throw new TypeError("the data of a member can be read once, and before the next member")
    this.#isTaken = true
    for (let piece = await this.#piece(); piece !== undefined; piece = await this.#piece()) yield piece
  }

  async *#data(size: number): AsyncGenerator<Uint8Array, void, undefined> {
    let at = 0
    for await (const { bytes, position } of this.#pieces()) {
      yield* zeros(position - at)
      yield bytes
      at = position + bytes.length
    }
    yield* zeros(size - at)
  }
}

function* zeros(length: number): Generator<Uint8Array, void, undefined> {
  for (let left = length; left > 0; left -= HOLE) yield new Uint8Array(Math.min(left, HOLE))
}

/** How many bytes of a hole are given out at a time. */
const HOLE = 1 << 16

/** The bytes of a stream, with their number and digest. */
class StreamedBlob {
  /** How errors name the layer. */
  readonly name: string
  /** Bytes so far. */
  position = 0
  readonly #iterator: AsyncIterator<Uint8Array> | Iterator<Uint8Array>
  readonly #options: ReadOptions
  readonly #algorithm: Digest.Algorithm
  readonly #hash: ReturnType<typeof createHash>
  #isOver = false
  #stopped = false
  #pending: Promise<IteratorResult<Uint8Array>> | undefined
  /** Ends the waiting for a chunk that may never come. */
  #release = () => {}

  constructor(source: ByteSource, options: ReadOptions) {
    this.name = options.digest ?? options.diffId ?? "(stream)"
    this.#options = options
    this.#algorithm = options.digest === undefined ? "sha256" : Digest.algorithm(options.digest)
    this.#hash = createHash(this.#algorithm)
    this.#iterator = iteratorOf(source)
  }

  readonly pull: Pull = async () => {
    for (;;) {
      if (this.#isOver || this.#stopped) return undefined
      // A chunk that was requested before reading was stopped is the next one.
      this.#pending ??= Promise.resolve(this.#iterator.next())
      const pending = this.#pending
      const next = await new Promise<IteratorResult<Uint8Array> | undefined>((resolve, reject) => {
        this.#release = () => resolve(undefined)
        pending.then(resolve, reject)
      })
      if (next === undefined) return undefined
      this.#pending = undefined
      if (next.done === true) {
        this.#isOver = true
        return undefined
      }
      const chunk = next.value
      if (!(chunk instanceof Uint8Array))
        throw new TypeError("a layer's stream gives bytes, not text or objects")
      this.position += chunk.length
      const { size } = this.#options
      if (size !== undefined && this.position > size) throw this.#sizeMismatch(size)
      this.#hash.update(chunk)
      if (chunk.length > 0) return chunk
    }
  }

  /** Makes the reading end here, until `end` resumes it. */
  stop(): void {
    if (this.#isOver) return
    this.#stopped = true
    this.#release()
  }

  /**
   * Reads the rest, and verifies the whole stream. `cause` is the error after which nothing but the verification
   * counts.
   */
  async end(cause?: unknown): Promise<Digest.Digest> {
    this.#stopped = false
    while ((await this.pull()) !== undefined) {}
    const { digest, size } = this.#options
    if (size !== undefined && this.position !== size) throw this.#sizeMismatch(size)
    const actual = `${this.#algorithm}:${this.#hash.digest("hex")}`
    if (digest !== undefined && actual !== digest) {
      throw new LayerDigestMismatch({ layer: this.name, actual, ...(cause === undefined ? {} : { cause }) })
    }
    return actual as Digest.Digest
  }

  /** Closes a source that was not read to its end. */
  async close(): Promise<void> {
    if (this.#isOver) return
    this.#isOver = true
    const closing = Promise.resolve(this.#iterator.return?.()).catch(() => {})
    // A source can end only after it has given the chunk that was requested.
    if (this.#pending === undefined) await closing
  }

  #sizeMismatch(expected: number): LayerSizeMismatch {
    return new LayerSizeMismatch({ layer: this.name, expected, actual: this.position })
  }
}

const iteratorOf = (source: ByteSource): AsyncIterator<Uint8Array> | Iterator<Uint8Array> => {
  if (source instanceof Uint8Array) return [source][Symbol.iterator]()
  if (Symbol.asyncIterator in source) return source[Symbol.asyncIterator]()
  if (Symbol.iterator in source) return source[Symbol.iterator]()
  throw new TypeError("a layer is read from a stream or from chunks of bytes")
}
