/** The service that takes layers apart, one or several at a time. One Effect a layer. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { LayerError } from "./layer/LayerError.ts"
import type { Request, StagedLayer } from "./layer/LayerIntake.ts"
import * as LayerLanes from "./layer/LayerWorkers.ts"
import { NativeCalls } from "./files/NativeCalls.ts"

export class LayerStage extends Context.Tag("oci-systemd/LayerStage")<
  LayerStage,
  {
    /** Succeeds when all of it is verified and staged; failure and interruption leave no descriptor open. */
    readonly stage: (request: Request) => Effect.Effect<StagedLayer, LayerError>
  }
>() {
  /** `workerFile` is the built `src/bin/layerWorker.ts`; without it all is done on this thread. */
  static readonly layer = (workerFile?: string): Layer.Layer<LayerStage, never, NativeCalls> =>
    Layer.scoped(
      LayerStage,
      Effect.gen(function* () {
        const stage = yield* LayerLanes.open(yield* NativeCalls, workerFile)
        return { stage: Effect.fn("LayerStage.stage")(stage) }
      })
    )
}

/** The service's `stage`. */
export const stage = (request: Request): Effect.Effect<StagedLayer, LayerError, LayerStage> =>
  Effect.flatMap(LayerStage, (service) => service.stage(request))
