/**
 * The threads on which layers are read and verified: this one, and worker threads that are started when they are wanted.
 *
 * A layer keeps one thread busy with hashing and writing, and one of Node's own with inflating. Two workers fully use
 * two cores; more would take more memory and wait for the disk.
 */
import { availableParallelism } from "node:os"
import { Worker } from "node:worker_threads"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import type { LayerError } from "./LayerError.ts"
import * as LayerErrorTransfer from "./LayerErrorTransfer.ts"
import { type Progress, type Request, run, type StagedLayer } from "./LayerIntake.ts"

/** Messages to a worker: a request at the beginning, and possibly `abort` later. */
export type ToWorker =
  | { readonly _tag: "Stage"; readonly request: Omit<Request, "onProgress"> }
  | { readonly _tag: "Abort" }

/** Messages from a worker: progress now and then, and one of the others at the end. */
export type FromWorker =
  | { readonly _tag: "Progress"; readonly progress: Progress }
  | { readonly _tag: "Staged"; readonly staged: StagedLayer }
  | { readonly _tag: "Failed"; readonly error: LayerErrorTransfer.Transferred }
  | { readonly _tag: "Died"; readonly message: string }

type Outcome = Either.Either<StagedLayer, LayerError>
type Run = (request: Request, signal: AbortSignal) => Promise<Outcome>

/** Reads a layer on the next free thread. */
export type Stage = (request: Request) => Effect.Effect<StagedLayer, LayerError>

/**
 * Opens the threads; the workers run `workerFile` until the scope closes. Without that file, or on a machine with one
 * core, this thread does everything.
 */
export const open = (workerFile: string | undefined): Effect.Effect<Stage, never, Scope.Scope> =>
  Effect.gen(function* () {
    const workers: Array<Worker> = []
    yield* Effect.addFinalizer(() => Effect.promise(() => Promise.all(workers.map((it) => it.terminate()))))
    const mostWorkers = workerFile === undefined ? 0 : Math.min(availableParallelism(), MOST_LANES) - 1
    const here: Run = (request, signal) => run(request, signal)
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
        (run) => inWorker(run, request),
        release
      )
  })

/** Runs a request in a worker. Interruption ends after everything that the layer had open is closed. */
const inWorker = (run: Run, request: Request): Effect.Effect<StagedLayer, LayerError> =>
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
    /** What `onProgress` threw. The worker is then told to stop, and used again only after it has. */
    let thrown: { readonly cause: unknown } | undefined
    const abort = () => send({ _tag: "Abort" })
    const end = (settle: () => void) => {
      worker.off("message", receive).off("error", fail).off("exit", exit)
      signal.removeEventListener("abort", abort)
      if (thrown === undefined) settle()
      else reject(thrown.cause)
    }
    const fail = (cause: unknown) => end(() => reject(cause))
    const exit = (code: number) => fail(new Error(`the worker thread ended with ${code}`))
    const receive = (message: FromWorker) => {
      switch (message._tag) {
        case "Progress":
          if (thrown !== undefined) return
          // Nobody would catch what is thrown here: it would end the process.
          try {
            onProgress?.(message.progress)
          } catch (cause) {
            thrown = { cause }
            abort()
          }
          return
        case "Staged":
          return end(() => resolve(Either.right(message.staged)))
        case "Failed":
          return end(() => resolve(Either.left(LayerErrorTransfer.received(message.error))))
        case "Died":
          return fail(new Error(message.message))
      }
    }
    worker.on("message", receive).on("error", fail).on("exit", exit)
    signal.addEventListener("abort", abort)
    send({ _tag: "Stage", request })
  })

/** The most workers, since each takes about 20 MB. */
const MOST_LANES = 4
/** The size of a blob in bytes that is worth starting a thread, which takes about 50 ms. */
const WORTH_A_THREAD = 1 << 18
/** Megabytes of a worker's heap for short-lived objects. */
const YOUNG = 8
