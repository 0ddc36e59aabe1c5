/**
 * Takes a layer's blob apart in one pass: verifies its size and digest, decompresses, verifies the diff id, reads the
 * archive, lists its entries and stages the data of its files (image-spec layer.md, descriptor.md).
 *
 *     DIRECTORY/listing   the entries (LayerListing)
 *     DIRECTORY/files/…   the data of the files (StagedFiles), or
 *     DIRECTORY/digests   what their data comes to (FileDigests)
 *
 * Who only wants to know whether a layer is what it should be names no directory, and nothing is written.
 *
 * Inflating and reading run on Node's thread pool; this thread hashes, parses and writes, in synchronous calls. `run` takes data and
 * gives data, for worker threads.
 */
import { createHash } from "node:crypto"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { display } from "../../domain/text/ByteString.ts"
import * as Digest from "../../domain/document/Digest.ts"
import type { ContentId, LayerEntry } from "../../domain/archive/LayerEntry.ts"
import { type LayerLimits, LIMITS, RATIO_COUNTS_FROM } from "../../domain/archive/LayerLimits.ts"
import type { Compression } from "../../domain/image/MediaType.ts"
import { CompressionInvalid, decompress } from "./Decompression.ts"
import { FileDigests } from "./FileDigests.ts"
import { type FileSink, NOWHERE } from "./FileSink.ts"
import { LayerBlob, type Source } from "./LayerBlob.ts"
import {
  DiffIdMismatch,
  LayerArchiveInvalid,
  LayerCompressionInvalid,
  LayerError,
  LayerLimitExceeded,
  LayerUnwritable
} from "./LayerError.ts"
import * as ListingFile from "./ListingFile.ts"
import type { Calls } from "../files/NativeCalls.ts"
import * as Shortfalls from "../Shortfalls.ts"
import * as StagedFiles from "../StagedFiles.ts"
import { TarInvalid, TarReader } from "./TarReader.ts"

export interface Request {
  readonly blob: Source & { readonly digest: Digest.Digest; readonly size: number }
  readonly diffId: Digest.Digest
  readonly compression: Compression
  /** An existing, empty directory of mode 0700, for this layer. Whoever made it removes it. Without one, nothing is kept. */
  readonly directory?: string
  /** What is kept of the files: their data, unless told otherwise, or no more than its digests. */
  readonly files?: "data" | "digests"
  readonly limits?: Partial<LayerLimits>
  /** About once for each mebibyte that was read. */
  readonly onProgress?: (progress: Progress) => void
}

export interface Progress {
  /** Compressed bytes read so far. */
  readonly read: number
  /** Entries found so far. */
  readonly entries: number
}

/** What is known of a layer that was taken apart: data, kept beside it. */
export const StagedLayer = Schema.Struct({
  entries: Schema.NonNegativeInt,
  /** Of the uncompressed archive. */
  bytes: Schema.NonNegativeInt,
  /** What could not be done for want of privilege: empty for root. */
  shortfalls: Schema.Array(Shortfalls.Shortfall)
})
export type StagedLayer = typeof StagedLayer.Type

/** Where a staged file is, below the request's directory. */
export const stagedPath = (directory: string, content: ContentId): string =>
  StagedFiles.pathOf(filesIn(directory), content)

/** Where the digests are of a layer that was taken apart for them (`FileDigests`). */
export const digestsPath = (directory: string): string => `${directory}/digests`

/** The entries of a staged layer, as often as they are gone through; `layer` is its number in an image. */
export const entries = (directory: string, layer: number): Iterable<LayerEntry> =>
  ListingFile.entries(listingIn(directory), layer)

const filesIn = (directory: string): string => `${directory}/files`
const listingIn = (directory: string): string => `${directory}/listing`

/** Rejects only for bugs and when `signal` is aborted, in both cases with everything closed. */
export const run = async (
  request: Request,
  calls: Calls,
  signal: AbortSignal
): Promise<Either.Either<StagedLayer, LayerError>> => {
  try {
    const blob = new LayerBlob(request.blob, request.blob)
    try {
      return Either.right(await stageFrom(blob, request, calls, signal))
    } finally {
      await blob.close()
    }
  } catch (cause) {
    if (isLayerError(cause)) return Either.left(cause)
    throw cause
  }
}

const stageFrom = async (
  blob: LayerBlob,
  request: Request,
  calls: Calls,
  signal: AbortSignal
): Promise<StagedLayer> => {
  const shortfalls = Shortfalls.make()
  const intake = new Intake(request, calls, shortfalls)
  const chunks = decompress(request.compression, blob.pull)
  try {
    for await (const chunk of chunks) {
      signal.throwIfAborted()
      intake.take(chunk, blob.position)
      request.onProgress?.({ read: blob.position, entries: intake.entries })
    }
    intake.end()
  } catch (cause) {
    const layer = request.blob.digest
    const invalid =
      cause instanceof CompressionInvalid
        ? new LayerCompressionInvalid({ layer, cause })
        : cause instanceof TarInvalid
          ? new LayerArchiveInvalid({ layer, cause })
          : undefined
    if (invalid === undefined) throw cause
    // Nonsense in a damaged blob: that it is damaged is what to say.
    await blob.verify(invalid)
    throw invalid
  } finally {
    intake.close()
  }
  await blob.verify()
  intake.verify()
  return { entries: intake.entries, bytes: intake.bytes, shortfalls: shortfalls.all() }
}

/** Where decompressed bytes go: to the diff id's hash, through the reader, into the listing and into files. */
class Intake {
  entries = 0
  bytes = 0
  readonly #request: Request
  readonly #limits: LayerLimits
  readonly #files: FileSink
  readonly #listing: ListingFile.ListingWriter | undefined
  readonly #reader: TarReader
  readonly #hash: ReturnType<typeof createHash>
  #metadata = 0

  constructor(request: Request, calls: Calls, shortfalls: Shortfalls.Shortfalls) {
    this.#request = request
    this.#limits = { ...LIMITS, ...request.limits }
    this.#hash = createHash(Digest.algorithm(request.diffId))
    const { directory } = request
    const files = this.#writing(() => sinkOf(request, calls, shortfalls))
    this.#files = files
    try {
      this.#listing = this.#writing(() =>
        directory === undefined ? undefined : new ListingFile.ListingWriter(listingIn(directory))
      )
    } catch (cause) {
      files.close()
      throw cause
    }
    this.#reader = new TarReader({
      entry: (entry) => this.#enter(entry),
      data: (bytes, start, length, position) => files.write(bytes, start, length, position),
      fileEnd: () => files.end()
    })
  }

  take(chunk: Uint8Array, read: number): void {
    this.bytes += chunk.length
    if (this.bytes > this.#limits.bytes) throw this.#exceeded("bytes")
    if (this.bytes > RATIO_COUNTS_FROM && this.bytes > read * this.#limits.ratio)
      throw this.#exceeded("ratio")
    this.#hash.update(chunk)
    const result = this.#writing(() => this.#reader.push(chunk))
    if (Either.isLeft(result)) throw result.left
  }

  end(): void {
    const result = this.#reader.end()
    if (Either.isLeft(result)) throw result.left
    this.#writing(() => {
      this.#files.finish()
      this.#listing?.end()
    })
  }

  verify(): void {
    const { blob, diffId } = this.#request
    const actual = `${Digest.algorithm(diffId)}:${this.#hash.digest("hex")}`
    if (actual !== diffId) throw new DiffIdMismatch({ layer: blob.digest, expected: diffId, actual })
  }

  close(): void {
    this.#files.close()
    this.#listing?.close()
  }

  #enter(entry: LayerEntry): void {
    if (++this.entries > this.#limits.entries) throw this.#exceeded("entries")
    this.#metadata += metadataBytes(entry)
    if (this.#metadata > this.#limits.metadata) throw this.#exceeded("metadata")
    this.#listing?.add(entry)
    if (entry._tag === "File") this.#files.begin(entry)
  }

  #exceeded(limit: keyof LayerLimits): LayerLimitExceeded {
    return new LayerLimitExceeded({ layer: this.#request.blob.digest, limit, allowed: this.#limits[limit] })
  }

  /** What the system refuses becomes an error that names the entry. */
  #writing<A>(body: () => A): A {
    try {
      return body()
    } catch (cause) {
      const { code, syscall } = cause as NodeJS.ErrnoException
      if (code === undefined || syscall === undefined) throw cause
      const file = this.#files?.current
      const entry = file === undefined ? null : display(file.path)
      throw new LayerUnwritable({ layer: this.#request.blob.digest, entry, code, cause })
    }
  }
}

const sinkOf = ({ directory, files }: Request, calls: Calls, shortfalls: Shortfalls.Shortfalls): FileSink => {
  if (directory === undefined) return NOWHERE
  if (files === "digests") return new FileDigests(digestsPath(directory))
  return new StagedFiles.StagedFiles(filesIn(directory), calls, shortfalls)
}

const metadataBytes = (entry: LayerEntry): number => {
  let bytes = entry.path.length
  if (entry._tag === "Hardlink") return bytes + entry.target.length
  if (entry._tag === "Symlink") bytes += entry.target.length
  for (const [name, value] of entry.metadata.xattrs) bytes += name.length + value.length
  return bytes
}

const isLayerError = Schema.is(LayerError)
