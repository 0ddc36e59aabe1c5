/**
 * The threads on which layers are taken apart: this one, and worker threads that are started when they are wanted.
 *
 * A layer keeps one thread busy with hashing and writing, and one of Node's own with inflating. Two lanes use two cores
 * fully; more would use more memory, and wait for the disk.
 */
import { availableParallelism } from "node:os"
import { Worker } from "node:worker_threads"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { LayerError } from "./LayerError.ts"
import { type Progress, type Request, run, StagedLayer } from "./LayerIntake.ts"
import type { Calls } from "../files/NativeCalls.ts"

/** What goes to a worker: a request to begin with, `abort` perhaps later. */
export type ToWorker =
  | { readonly _tag: "Stage"; readonly request: Omit<Request, "onProgress"> }
  | { readonly _tag: "Abort" }

/** What comes from it: progress now and then, and one of the others at the end. */
export type FromWorker =
  | { readonly _tag: "Progress"; readonly progress: Progress }
  | { readonly _tag: "Staged"; readonly staged: typeof StagedLayer.Encoded }
  | { readonly _tag: "Failed"; readonly error: typeof LayerError.Encoded }
  | { readonly _tag: "Died"; readonly message: string }

type Outcome = Either.Either<StagedLayer, LayerError>
type Run = (request: Request, signal: AbortSignal) => Promise<Outcome>

/** Takes a layer apart on the next free lane. */
export type Stage = (request: Request) => Effect.Effect<StagedLayer, LayerError>

/**
 * The lanes; the workers run `workerFile` until the scope closes. Without that file, or on a machine with one core, this
 * thread does it all.
 */
export const open = (
  calls: Calls,
  workerFile: string | undefined
): Effect.Effect<Stage, never, Scope.Scope> =>
  Effect.gen(function* () {
    const workers: Array<Worker> = []
    yield* Effect.addFinalizer(() => Effect.promise(() => Promise.all(workers.map((it) => it.terminate()))))
    const mostWorkers = workerFile === undefined ? 0 : Math.min(availableParallelism(), MOST_LANES) - 1
    const here: Run = (request, signal) => run(request, calls, signal)
    const free: Array<Run> = [here]
    const waiting: Array<{ readonly size: number; readonly resume: (lane: Run) => void }> = []

    const lane = (size: number): Run | undefined => {
      const next = free.shift()
      if (next !== undefined) return next
      if (workerFile === undefined || size < WORTH_A_THREAD || workers.length >= mostWorkers) return undefined
      const worker = new Worker(workerFile, { resourceLimits: { maxYoungGenerationSizeMb: YOUNG } })
      workers.push(worker)
      return (request, signal) => runOn(worker, request, signal)
    }
    const acquire = (size: number): Effect.Effect<Run> =>
      Effect.async((resume) => {
        const found = lane(size)
        if (found !== undefined) {
          resume(Effect.succeed(found))
          return
        }
        const place = { size, resume: (run: Run) => resume(Effect.succeed(run)) }
        waiting.push(place)
        return Effect.sync(() => {
          const at = waiting.indexOf(place)
          if (at >= 0) waiting.splice(at, 1)
        })
      })
    const release = (run: Run): Effect.Effect<void> =>
      Effect.sync(() => {
        const next = waiting.shift()
        if (next === undefined) free.push(run)
        else next.resume(run)
      })

    return (request) =>
      Effect.acquireUseRelease(
        Effect.interruptible(acquire(request.blob.size)),
        (run) => inLane(run, request),
        release
      )
  })

/** Interruption ends when all that the layer had open is closed. */
const inLane = (run: Run, request: Request): Effect.Effect<StagedLayer, LayerError> =>
  Effect.async((resume) => {
    const controller = new AbortController()
    const running = run(request, controller.signal).then(
      (outcome) => resume(outcome),
      (cause) => resume(Effect.die(cause))
    )
    return Effect.promise(() => {
      controller.abort()
      return running
    })
  })

const runOn = (worker: Worker, { onProgress, ...request }: Request, signal: AbortSignal): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    const send = (message: ToWorker) => worker.postMessage(message)
    const abort = () => send({ _tag: "Abort" })
    const end = (settle: () => void) => {
      worker.off("message", receive).off("error", fail).off("exit", exit)
      signal.removeEventListener("abort", abort)
      settle()
    }
    const fail = (cause: unknown) => end(() => reject(cause))
    const exit = (code: number) => fail(new Error(`the worker thread ended with ${code}`))
    const receive = (message: FromWorker) => {
      switch (message._tag) {
        case "Progress":
          return onProgress?.(message.progress)
        case "Staged":
          return end(() => resolve(Either.right(Schema.decodeSync(StagedLayer)(message.staged))))
        case "Failed":
          return end(() => resolve(Either.left(Schema.decodeSync(LayerError)(message.error))))
        case "Died":
          return fail(new Error(message.message))
      }
    }
    worker.on("message", receive).on("error", fail).on("exit", exit)
    signal.addEventListener("abort", abort)
    send({ _tag: "Stage", request })
  })

/** Lanes at most: each costs some 20 MB. */
const MOST_LANES = 4
/** Bytes of a blob that are worth the start of a thread, some 50 ms. */
const WORTH_A_THREAD = 1 << 18
/** Megabytes of a worker's heap for what does not live long. */
const YOUNG = 8
