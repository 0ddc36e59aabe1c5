/**
 * The layers of images, each taken apart once: what images have in common is decompressed once and is once on the disk.
 *
 * A layer lies in `layers/` by its diff id, as `LayerStage` left it, and the roots that have it hold further names of its
 * files. It appears there together with the first root that has it, flushed; until then others who want it wait for its
 * lock. Locks are taken in the order of diff ids, so that nobody waits in a circle.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Digest } from "../../domain/document/Digest.ts"
import * as ExtractsTree from "../../domain/extracts/ExtractsTree.ts"
import * as Blobs from "../layout/Blobs.ts"
import * as Claim from "../files/FileLock.ts"
import { attempt, type ExtractsError, failing, type Workplace } from "../Extracts.ts"
import type { LayerError } from "./LayerError.ts"
import { type Progress, type Request, StagedLayer } from "./LayerIntake.ts"
import type { LayerSource } from "./LayerSource.ts"
import { LayerStage } from "../LayerStage.ts"
import { type Calls, NativeCalls } from "../files/NativeCalls.ts"
import * as SchemaForm from "../SchemaForm.ts"

export interface StoredLayer {
  /** As `LayerStage` leaves it: good for as long as the scope is open. */
  readonly directory: string
  readonly staged: StagedLayer
  /** It was there already. */
  readonly found: boolean
}

export interface ObtainOptions {
  readonly limits?: Request["limits"]
  /** Of a layer that is being taken apart, by its diff id. */
  readonly onProgress?: (diffId: Digest, progress: Progress) => void
}

export class LayerStore extends Context.Tag("oci-systemd/LayerStore")<
  LayerStore,
  {
    /**
     * All of these layers, in their order: those that are not there are staged in the workplace, the largest first, and
     * kept with the root that is made in it.
     */
    readonly obtain: (
      sources: ReadonlyArray<LayerSource>,
      workplace: Workplace,
      options?: ObtainOptions
    ) => Effect.Effect<ReadonlyArray<StoredLayer>, LayerError | ExtractsError, Scope.Scope>
  }
>() {
  static readonly layer = (directory: string): Layer.Layer<LayerStore, never, LayerStage | NativeCalls> =>
    Layer.effect(
      LayerStore,
      Effect.map(Effect.all([LayerStage, NativeCalls]), ([{ stage }, calls]) => make(directory, stage, calls))
    )
}

const make = (extracts: string, stage: LayerStage["Type"]["stage"], calls: Calls): LayerStore["Type"] => {
  const at = (diffId: Digest): string => `${extracts}/${ExtractsTree.layerOf(diffId)}`

  /** What is there, kept from being removed. One that cannot be read is as good as none. */
  const lookUp = Effect.fnUntraced(function* (diffId: Digest) {
    const directory = at(diffId)
    const held = yield* Claim.share(calls, directory).pipe(failing("hold the layer", directory))
    if (!held) return undefined
    const about = yield* Effect.option(
      Blobs.readDocument(`${directory}/${ABOUT}`, "layer record", SchemaForm.of(StagedLayer))
    )
    return about._tag === "None" ? undefined : { directory, staged: about.value, found: true }
  })

  const takeApart = Effect.fnUntraced(function* (
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
    const path = `${directory}/${ABOUT}`
    yield* attempt("write about the layer", path, () =>
      writeFileSync(path, `${JSON.stringify(Schema.encodeSync(StagedLayer)(staged))}\n`)
    )
    return { directory, staged, found: false }
  })

  return {
    obtain: Effect.fn("LayerStore.obtain")(function* (sources, workplace, options = {}) {
      const byDiffId = new Map(sources.map((source) => [source.diffId, source]))
      const layers = new Map<Digest, StoredLayer>()
      const missing: Array<LayerSource> = []
      for (const [diffId, source] of [...byDiffId].sort(([a], [b]) => (a < b ? -1 : 1))) {
        let layer = yield* lookUp(diffId)
        if (layer === undefined) {
          const lock = `${extracts}/${ExtractsTree.layerLockOf(diffId)}`
          yield* Claim.lockFile(calls, lock).pipe(failing("take the lock", lock))
          layer = yield* lookUp(diffId)
        }
        if (layer === undefined) missing.push(source)
        else layers.set(diffId, layer)
      }
      missing.sort((a, b) => b.blob.size - a.blob.size)
      yield* Effect.forEach(
        missing,
        (source, index) =>
          Effect.map(takeApart(source, `${workplace.stage}/layer-${index}`, options), (layer) => {
            layers.set(source.diffId, layer)
            workplace.keep(layer.directory, at(source.diffId))
          }),
        // As many as there are threads for: `LayerStage` knows.
        { concurrency: "unbounded", discard: true }
      )
      return sources.flatMap(({ diffId }) => layers.get(diffId) ?? [])
    })
  }
}

const ABOUT = "layer.json"
const PRIVATE = 0o700
