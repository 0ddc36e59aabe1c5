/** A worker thread of `LayerLanes`: takes layers apart, one at a time, as it is told to. */
import { parentPort } from "node:worker_threads"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { LayerError } from "../services/layer/LayerError.ts"
import * as LayerIntake from "../services/layer/LayerIntake.ts"
import type { FromWorker, ToWorker } from "../services/layer/LayerWorkers.ts"
import { NativeCalls } from "../services/files/NativeCalls.ts"

const calls = Effect.runPromise(Effect.provide(NativeCalls, NativeCalls.layer))
let controller = new AbortController()

const send = (message: FromWorker) => parentPort?.postMessage(message)

const stage = async (request: LayerIntake.Request): Promise<FromWorker> => {
  const outcome = await LayerIntake.run(
    { ...request, onProgress: (progress) => send({ _tag: "Progress", progress }) },
    await calls,
    controller.signal
  )
  return Either.match(outcome, {
    onLeft: (error) => ({ _tag: "Failed", error: Schema.encodeSync(LayerError)(error) }),
    onRight: (staged) => ({ _tag: "Staged", staged: Schema.encodeSync(LayerIntake.StagedLayer)(staged) })
  })
}

parentPort?.on("message", (message: ToWorker) => {
  if (message._tag === "Abort") {
    controller.abort()
    return
  }
  controller = new AbortController()
  stage(message.request).then(send, (cause: unknown) => send({ _tag: "Died", message: String(cause) }))
})
