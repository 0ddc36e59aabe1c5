/**
 * Reads a layer's blob in one pass: verifies its size and digest, decompresses, verifies the diff id, reads the
 * archive and lists its entries (image-spec layer.md, descriptor.md).
 *
 *     DIRECTORY/listing   the entries (ListingFile)
 *     DIRECTORY/archive   the decompressed archive, byte for byte, or
 *     DIRECTORY/digests   the digests of its files (FileDigests)
 *
 * A caller that only verifies a layer names no directory, and nothing is written.
 *
 * Inflating and reading run on Node's thread pool; this thread hashes, parses and writes, in synchronous calls. `run`
 * takes and returns plain data, so that it can run in worker threads.
 */
import { createHash, type Hash } from "node:crypto"
import * as Either from "effect/Either"
import type { LayerEntry } from "../../domain/archive/LayerEntry.ts"
import type { LayerLimits } from "../../domain/archive/LayerLimits.ts"
import * as Digest from "../../domain/document/Digest.ts"
import type { Compression } from "../../domain/image/MediaType.ts"
import { display } from "../../domain/text/ByteString.ts"
import { ArchiveFile } from "./ArchiveFile.ts"
import { decompress } from "./Decompression.ts"
import { FileDigests } from "./FileDigests.ts"
import { type FileSink, NOWHERE } from "./FileSink.ts"
import { LayerBlob, type Source } from "./LayerBlob.ts"
import { DiffIdMismatch, isLayerError, type LayerError, LayerUnwritable, ofData } from "./LayerError.ts"
import { LayerMeter } from "./LayerMeter.ts"
import * as ListingFile from "./ListingFile.ts"
import { TarReader } from "./TarReader.ts"

/** A layer to be read. */
export interface Request {
  readonly blob: Source & { readonly digest: Digest.Digest; readonly size: number }
  readonly diffId: Digest.Digest
  readonly compression: Compression
  /**
   * An existing, empty directory of mode 0700 for this layer, which the caller removes. Without one, nothing is kept.
   */
  readonly directory?: string
  /**
   * What is kept: the archive and the listing (the default), the digests of files and the listing, or only the
   * listing.
   */
  readonly keep?: "archive" | "digests" | "listing"
  readonly limits?: Partial<LayerLimits>
  /** Called about once for each mebibyte read. */
  readonly onProgress?: (progress: Progress) => void
}

/** How far the reading of a layer is. */
export interface Progress {
  /** Compressed bytes read so far. */
  readonly read: number
  /** Entries found so far. */
  readonly entries: number
}

/** The facts about a layer that was read. */
export interface StagedLayer {
  readonly entries: number
  /** Bytes of the uncompressed archive. */
  readonly bytes: number
  /** What the blob is, if its media type says something else. Unknown for a layer that was in the store already. */
  readonly compression?: Compression
}

/** Returns the path of the decompressed archive, below the request's directory. */
export const archivePath = (directory: string): string => `${directory}/archive`

export const listingPath = (directory: string): string => `${directory}/listing`

/** Returns the path of the digests of a layer that was read for them (`FileDigests`). */
export const digestsPath = (directory: string): string => `${directory}/digests`

/** Rejects only for bugs and when `signal` is aborted. All files are closed in both cases. */
export const run = async (
  request: Request,
  signal: AbortSignal
): Promise<Either.Either<StagedLayer, LayerError>> => {
  try {
    const blob = new LayerBlob(request.blob, request.blob)
    try {
      return Either.right(await stageFrom(blob, request, signal))
    } finally {
      await blob.close()
    }
  } catch (cause) {
    if (isLayerError(cause)) return Either.left(cause)
    throw cause
  }
}

const stageFrom = async (blob: LayerBlob, request: Request, signal: AbortSignal): Promise<StagedLayer> => {
  const intake = new Intake(request)
  let compression: Compression | undefined
  const onOther = (actual: Compression) => {
    compression = actual
  }
  const chunks = decompress(request.compression, blob.pull, { onOther })
  try {
    for await (const chunk of chunks) {
      signal.throwIfAborted()
      intake.take(chunk, blob.position)
      request.onProgress?.({ read: blob.position, entries: intake.entries })
    }
    intake.end()
  } catch (cause) {
    const invalid = ofData(request.blob.digest, cause)
    if (invalid === undefined) throw cause
    // A malformed archive in a damaged blob is reported as a damaged blob.
    await blob.verify(invalid)
    throw invalid
  } finally {
    intake.close()
  }
  await blob.verify()
  intake.verify()
  const { bytes, entries } = intake
  return { entries, bytes, ...(compression === undefined ? {} : { compression }) }
}

/** The target of decompressed bytes: the diff id's hash, the reader, and the files that are kept. */
class Intake {
  readonly #request: Request
  readonly #meter: LayerMeter
  readonly #files: FileSink
  #archive: ArchiveFile | undefined
  #listing: ListingFile.ListingWriter | undefined
  readonly #reader: TarReader
  /** An archive that is not compressed, and whose digest is its diff id, is hashed once, as the blob that it is. */
  readonly #hash: Hash | undefined

  constructor(request: Request) {
    this.#request = request
    this.#meter = new LayerMeter(request.blob.digest, request.limits)
    const isOnce = request.compression === "none" && request.blob.digest === request.diffId
    this.#hash = isOnce ? undefined : createHash(Digest.algorithm(request.diffId))
    const { directory, keep = "archive" } = request
    let files = NOWHERE
    try {
      this.#writing(() => {
        if (directory === undefined) return
        if (keep === "digests") files = new FileDigests(digestsPath(directory))
        else if (keep === "archive") this.#archive = new ArchiveFile(archivePath(directory))
        this.#listing = new ListingFile.ListingWriter(listingPath(directory))
      })
    } catch (cause) {
      files.close()
      this.#archive?.close()
      throw cause
    }
    this.#files = files
    this.#reader = new TarReader({
      entry: (entry) => this.#enter(entry),
      data: (bytes, start, length, position) => files.write(bytes, start, length, position),
      fileEnd: () => files.end()
    })
  }

  get entries(): number {
    return this.#meter.entries
  }

  get bytes(): number {
    return this.#meter.bytes
  }

  take(chunk: Uint8Array, read: number): void {
    this.#meter.grow(chunk.length, read)
    this.#hash?.update(chunk)
    const result = this.#writing(() => this.#reader.push(chunk))
    if (Either.isLeft(result)) throw result.left
    this.#writing(() => this.#archive?.write(chunk))
  }

  end(): void {
    const result = this.#reader.end()
    if (Either.isLeft(result)) throw result.left
    this.#writing(() => {
      this.#files.finish()
      this.#archive?.end()
      this.#listing?.end(this.bytes)
    })
  }

  verify(): void {
    const { blob, diffId } = this.#request
    if (this.#hash === undefined) return
    const actual = `${Digest.algorithm(diffId)}:${this.#hash.digest("hex")}`
    if (actual !== diffId) throw new DiffIdMismatch({ layer: blob.digest, expected: diffId, actual })
  }

  close(): void {
    this.#files.close()
    this.#archive?.close()
    this.#listing?.close()
  }

  #enter(entry: LayerEntry): void {
    this.#meter.enter(entry)
    this.#listing?.add(entry)
    if (entry._tag === "File") this.#files.begin(entry)
  }

  /** Converts errors of the system to errors that name the entry. */
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
