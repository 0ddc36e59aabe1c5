/** A worker thread of `LayerWorkers`, which processes one layer at a time on request. */
import { parentPort } from "node:worker_threads"
import * as Either from "effect/Either"
import * as LayerErrorTransfer from "../services/layer/LayerErrorTransfer.ts"
import * as LayerIntake from "../services/layer/LayerIntake.ts"
import type { FromWorker, ToWorker } from "../services/layer/LayerWorkers.ts"

let controller = new AbortController()

const send = (message: FromWorker) => parentPort?.postMessage(message)

const stage = async (request: LayerIntake.Request): Promise<FromWorker> => {
  const outcome = await LayerIntake.run(
    { ...request, onProgress: (progress) => send({ _tag: "Progress", progress }) },
    controller.signal
  )
  return Either.match(outcome, {
    onLeft: (error) => ({ _tag: "Failed", error: LayerErrorTransfer.sent(error) }),
    onRight: (staged) => ({ _tag: "Staged", staged })
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
