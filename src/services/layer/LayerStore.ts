/**
 * The layers of images, each stored as a whole: a layer that several images share is decompressed once and
 * stored once.
 *
 * A layer is its decompressed archive, a file in `layers/` named by its diff id, with a listing beside it. It
 * appears there, flushed, together with the first root that has it; until then, other extractions that need it
 * wait for its lock. Locks are taken in the order of diff ids, so that no two extractions wait for each other.
 */
import { mkdirSync, statSync } from "node:fs"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Digest } from "../../domain/document/Digest.ts"
import * as ExtractsTree from "../../domain/extracts/ExtractsTree.ts"
import { attempt, type ExtractsError, failing } from "../extracts/ExtractsError.ts"
import type { Workplace } from "../extracts/RootPublication.ts"
import { PRIVATE } from "../files/DirectoryMode.ts"
import * as FileLock from "../files/FileLock.ts"
import { type Calls, NativeCalls } from "../files/NativeCalls.ts"
import { LayerArchive } from "./LayerArchive.ts"
import type { LayerError } from "./LayerError.ts"
import type { Progress, Request, StagedLayer } from "./LayerIntake.ts"
import * as LayerIntake from "./LayerIntake.ts"
import type { LayerSource } from "./LayerSource.ts"
import * as ListingFile from "./ListingFile.ts"

/** A layer in the store. */
export interface StoredLayer {
  /** The path of the decompressed archive. It and the listing exist as long as the scope is open. */
  readonly archive: string
  /** The path of the list of its entries (`ListingFile`). */
  readonly listing: string
  readonly staged: StagedLayer
  /** Whether the layer existed already. */
  readonly found: boolean
}

export interface ObtainOptions {
  readonly limits?: Request["limits"]
  /** Called while a layer is read, with its diff id. */
  readonly onProgress?: (diffId: Digest, progress: Progress) => void
}

/** The service that keeps layers. */
export class LayerStore extends Context.Tag("oci-systemd/LayerStore")<
  LayerStore,
  {
    /**
     * Returns all of these layers, in their order. Missing layers are read into the workplace, the largest
     * first, and kept with the root that is made in it.
     */
    readonly obtain: (
      sources: ReadonlyArray<LayerSource>,
      workplace: Workplace,
      options?: ObtainOptions
    ) => Effect.Effect<ReadonlyArray<StoredLayer>, LayerError | ExtractsError, Scope.Scope>
  }
>() {
  /** Keeps the layers of this extracts directory. */
  static readonly layer = (directory: string): Layer.Layer<LayerStore, never, LayerArchive | NativeCalls> =>
    Layer.effect(
      LayerStore,
      Effect.map(Effect.all([LayerArchive, NativeCalls]), ([{ stage }, calls]) =>
        make(directory, stage, calls)
      )
    )
}

const make = (extracts: string, stage: LayerArchive["Type"]["stage"], calls: Calls): LayerStore["Type"] => {
  const at = (path: string): string => `${extracts}/${path}`

  /**
   * Returns a stored layer, and keeps it from being removed. A layer without a valid listing counts as missing.
   */
  const lookUp = Effect.fnUntraced(function* (diffId: Digest) {
    const [archive, listing] = [at(ExtractsTree.layerOf(diffId)), at(ExtractsTree.listingOf(diffId))]
    for (const path of [archive, listing]) {
      const held = yield* FileLock.share(calls, path).pipe(failing("hold the layer", path))
      if (!held) return undefined
    }
    const staged = yield* Effect.option(Effect.try(() => ListingFile.about(listing)))
    const size = yield* attempt("look at the layer", archive, () => statSync(archive).size)
    if (staged._tag === "None" || staged.value.bytes !== size) return undefined
    return { archive, listing, staged: staged.value, found: true }
  })

  const read = Effect.fnUntraced(function* (
    source: LayerSource,
    directory: string,
    { limits, onProgress }: ObtainOptions
  ) {
    yield* attempt("make a directory for the layer", directory, () => mkdirSync(directory, PRIVATE))
    const staged = yield* stage({
      ...source,
      directory,
      ...(limits === undefined ? {} : { limits }),
      ...(onProgress === undefined
        ? {}
        : { onProgress: (progress: Progress) => onProgress(source.diffId, progress) })
    })
    const [archive, listing] = [LayerIntake.archivePath(directory), LayerIntake.listingPath(directory)]
    return { archive, listing, staged, found: false }
  })

  return {
    obtain: Effect.fn("LayerStore.obtain")(function* (sources, workplace, options = {}) {
      const byDiffId = new Map(sources.map((source) => [source.diffId, source]))
      const layers = new Map<Digest, StoredLayer>()
      const missing: Array<LayerSource> = []
      for (const [diffId, source] of [...byDiffId].sort(([a], [b]) => (a < b ? -1 : 1))) {
        let layer = yield* lookUp(diffId)
        if (layer === undefined) {
          const lock = at(ExtractsTree.layerLockOf(diffId))
          yield* FileLock.lockFile(calls, lock).pipe(failing("take the lock", lock))
          layer = yield* lookUp(diffId)
        }
        if (layer === undefined) missing.push(source)
        else layers.set(diffId, layer)
      }
      missing.sort((a, b) => b.blob.size - a.blob.size)
      yield* Effect.forEach(
        missing,
        (source, index) =>
          Effect.map(read(source, `${workplace.stage}/layer-${index}`, options), (layer) => {
            layers.set(source.diffId, layer)
            // The archive is last: its presence means that the layer is complete.
            workplace.keep(layer.listing, at(ExtractsTree.listingOf(source.diffId)))
            workplace.keep(layer.archive, at(ExtractsTree.layerOf(source.diffId)))
          }),
        // `LayerArchive` limits this to the number of threads.
        { concurrency: "unbounded", discard: true }
      )
      return sources.flatMap(({ diffId }) => layers.get(diffId) ?? [])
    })
  }
}
