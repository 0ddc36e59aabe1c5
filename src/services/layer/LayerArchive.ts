/**
 * The service that reads the archive of a layer: it verifies the blob, decompresses it, reads the tar archive, and
 * keeps the archive and the list of its entries. A program can provide its own, for example for a format of its own.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { LayerError } from "./LayerError.ts"
import type { Request, StagedLayer } from "./LayerIntake.ts"
import * as LayerWorkers from "./LayerWorkers.ts"

/** The service that reads the archives of layers. */
export class LayerArchive extends Context.Tag("oci-systemd/LayerArchive")<
  LayerArchive,
  {
    /**
     * Reads a layer. It succeeds when everything is verified and written. Failure and interruption leave no descriptor
     * open. Several layers may be read at a time.
     */
    readonly stage: (request: Request) => Effect.Effect<StagedLayer, LayerError>
  }
>() {
  /**
   * Makes the service. `workerFile` is the built `src/bin/layerWorker.ts`; without it this thread does everything.
   */
  static readonly layer = (workerFile?: string): Layer.Layer<LayerArchive> =>
    Layer.scoped(
      LayerArchive,
      Effect.gen(function* () {
        const stage = yield* LayerWorkers.open(workerFile)
        return { stage: Effect.fn("LayerArchive.stage")(stage) }
      })
    )
}

/** Calls the service's `stage`. */
export const stage = (request: Request): Effect.Effect<StagedLayer, LayerError, LayerArchive> =>
  Effect.flatMap(LayerArchive, (service) => service.stage(request))
