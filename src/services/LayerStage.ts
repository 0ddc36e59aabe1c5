/**
 * Takes a layer's blob apart in one pass: verifies its size and digest, decompresses, verifies the diff id, reads the
 * archive, and stages the data of its files (image-spec layer.md, descriptor.md).
 *
 * Inflating and reading run on Node's thread pool; this thread hashes, parses and writes, in synchronous calls. One
 * Effect a layer. `run` takes data and gives data, for worker threads.
 */
import { createHash } from "node:crypto"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { display } from "../domain/ByteString.ts"
import * as Digest from "../domain/Digest.ts"
import type { ContentId, LayerEntry } from "../domain/LayerEntry.ts"
import type { Compression } from "../domain/MediaType.ts"
import { CompressionInvalid, decompress } from "./Decompression.ts"
import { LayerBlob, type Source } from "./LayerBlob.ts"
import {
  DiffIdMismatch,
  LayerArchiveInvalid,
  LayerCompressionInvalid,
  type LayerError,
  LayerLimitExceeded,
  LayerUnwritable
} from "./LayerError.ts"
import { type Calls, NativeCalls } from "./NativeCalls.ts"
import * as Shortfalls from "./Shortfalls.ts"
import * as StagedFiles from "./StagedFiles.ts"
import { TarInvalid, TarReader } from "./TarReader.ts"

/** What a layer may unpack to: generous, since real ones are huge, but less than a full disk or memory. */
export interface Limits {
  readonly entries: number
  /** Of the uncompressed archive; holes of sparse files do not count. */
  readonly bytes: number
  /** Uncompressed for compressed, once `RATIO_COUNTS_FROM` bytes are out. */
  readonly ratio: number
  /** Bytes of names, link targets and extended attributes: these are kept in memory. */
  readonly metadata: number
}

export const LIMITS: Limits = { entries: 2_000_000, bytes: 2 ** 38, ratio: 500, metadata: 2 ** 28 }

/** Below this, a bomb does no harm, and small layers of zeros are common. */
export const RATIO_COUNTS_FROM = 2 ** 31

export interface Request {
  readonly blob: Source & { readonly digest: Digest.Digest; readonly size: number }
  readonly diffId: Digest.Digest
  readonly compression: Compression
  /** The layer's number in its image; the lowest is 0. */
  readonly layer: number
  /** An existing directory of mode 0700, which gets one subdirectory for the layer. Whoever made it removes it. */
  readonly directory: string
  readonly limits?: Partial<Limits>
  /** Compressed bytes read so far, about once a mebibyte. */
  readonly onProgress?: (bytes: number) => void
}

export interface StagedLayer {
  readonly entries: ReadonlyArray<LayerEntry>
  /** Of the uncompressed archive. */
  readonly bytes: number
  /** What could not be done for want of privilege: empty for root. */
  readonly shortfalls: ReadonlyArray<Shortfalls.Shortfall>
}

export class LayerStage extends Context.Tag("oci-systemd/LayerStage")<
  LayerStage,
  {
    /** Succeeds when all of it is verified and staged; failure and interruption leave no descriptor open. */
    readonly stage: (request: Request) => Effect.Effect<StagedLayer, LayerError>
  }
>() {
  static readonly layer: Layer.Layer<LayerStage, never, NativeCalls> = Layer.effect(
    LayerStage,
    Effect.map(NativeCalls, (calls) => ({
      stage: Effect.fn("LayerStage.stage")((request) =>
        Effect.async<StagedLayer, LayerError>((resume) => {
          const controller = new AbortController()
          const running = run(request, calls, controller.signal).then(
            (outcome) => resume(outcome),
            (cause) => resume(Effect.die(cause))
          )
          return Effect.promise(() => {
            controller.abort()
            return running
          })
        })
      )
    }))
  )
}

/** The service's `stage`. */
export const stage = (request: Request): Effect.Effect<StagedLayer, LayerError, LayerStage> =>
  Effect.flatMap(LayerStage, (service) => service.stage(request))

/** Where a staged file is, below the request's directory. */
export const stagedPath: (directory: string, content: ContentId) => string = StagedFiles.pathOf

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
      request.onProgress?.(blob.position)
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

/** Where decompressed bytes go: to the diff id's hash, through the reader, into files. */
class Intake {
  readonly entries: Array<LayerEntry> = []
  bytes = 0
  readonly #request: Request
  readonly #limits: Limits
  readonly #files: StagedFiles.StagedFiles
  readonly #reader: TarReader
  readonly #hash: ReturnType<typeof createHash>
  #metadata = 0

  constructor(request: Request, calls: Calls, shortfalls: Shortfalls.Shortfalls) {
    this.#request = request
    this.#limits = { ...LIMITS, ...request.limits }
    this.#hash = createHash(Digest.algorithm(request.diffId))
    const files = this.#writing(
      () => new StagedFiles.StagedFiles(request.directory, request.layer, calls, shortfalls)
    )
    this.#files = files
    this.#reader = new TarReader(
      {
        entry: (entry) => this.#enter(entry),
        data: (bytes, start, length, position) => files.write(bytes, start, length, position),
        fileEnd: () => files.end()
      },
      request.layer
    )
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
  }

  verify(): void {
    const { blob, diffId } = this.#request
    const actual = `${Digest.algorithm(diffId)}:${this.#hash.digest("hex")}`
    if (actual !== diffId) throw new DiffIdMismatch({ layer: blob.digest, expected: diffId, actual })
  }

  close(): void {
    this.#files.close()
  }

  #enter(entry: LayerEntry): void {
    this.entries.push(entry)
    if (this.entries.length > this.#limits.entries) throw this.#exceeded("entries")
    this.#metadata += metadataBytes(entry)
    if (this.#metadata > this.#limits.metadata) throw this.#exceeded("metadata")
    if (entry._tag === "File") this.#files.begin(entry)
  }

  #exceeded(limit: keyof Limits): LayerLimitExceeded {
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

const metadataBytes = (entry: LayerEntry): number => {
  let bytes = entry.path.length
  if (entry._tag === "Hardlink") return bytes + entry.target.length
  if (entry._tag === "Symlink") bytes += entry.target.length
  for (const [name, value] of entry.metadata.xattrs) bytes += name.length + value.length
  return bytes
}

const LAYER_ERRORS: ReadonlySet<string> = new Set<LayerError["_tag"]>([
  "LayerUnreadable",
  "LayerSizeMismatch",
  "LayerDigestMismatch",
  "DiffIdMismatch",
  "LayerCompressionInvalid",
  "LayerArchiveInvalid",
  "LayerLimitExceeded",
  "LayerUnwritable"
])
const isLayerError = (cause: unknown): cause is LayerError =>
  cause instanceof Error && "_tag" in cause && LAYER_ERRORS.has(String(cause._tag))
