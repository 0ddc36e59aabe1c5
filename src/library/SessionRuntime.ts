/** The part of a session that runs effects. It is loaded with Effect's runtime when something is run that needs it. */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as ExtractionServices from "../services/ExtractionServices.ts"
import type { NativeCallsUnavailable } from "../services/files/NativeCalls.ts"
import * as Warning from "../services/files/Warning.ts"
import { LayerArchive } from "../services/layer/LayerArchive.ts"
import * as NativeCallsOnDemand from "./NativeCallsOnDemand.ts"
import * as WorkerFile from "./WorkerFile.ts"

/** Runs effects for as long as it is not disposed of. */
export interface SessionRuntime {
  readonly attempt: <A, E>(
    effect: Effect.Effect<A, E, ExtractionServices.ExtractionServices>,
    signal: AbortSignal
  ) => Promise<Either.Either<A, E | NativeCallsUnavailable>>
  readonly dispose: () => Promise<void>
}

/** What a session was opened with. */
export interface Options {
  readonly extractsdir: string
  readonly onWarning: (warning: Warning.Warning) => void
  readonly workerFile: string | undefined
}

/** Makes the runtime. Services are made when the first effect runs. */
export const make = ({ extractsdir, onWarning, workerFile }: Options): SessionRuntime => {
  const runtime = ManagedRuntime.make(
    Layer.merge(
      ExtractionServices.over(extractsdir, stage(workerFile ?? WorkerFile.find()), NativeCallsOnDemand.layer),
      Logger.replace(Logger.defaultLogger, loggerOf(onWarning))
    )
  )
  return {
    attempt: async (effect, signal) => {
      const exit = await runtime.runPromiseExit(effect, { signal })
      if (Exit.isSuccess(exit)) return Either.right(exit.value)
      const unavailable = [...Cause.failures(exit.cause), ...Cause.defects(exit.cause)]
        .map(NativeCallsOnDemand.causeIn)
        .find((found) => found !== undefined)
      if (unavailable !== undefined) return Either.left(unavailable)
      const failure = Cause.failureOption(exit.cause)
      if (Option.isSome(failure)) return Either.left(Cause.originalError(failure.value))
      if (Chunk.isEmpty(Cause.defects(exit.cause))) signal.throwIfAborted()
      // Effect adds to an error what ran when it was thrown; a program wants the very one that it threw.
      throw Cause.originalError(Cause.squash(exit.cause))
    },
    dispose: () => runtime.dispose()
  }
}

/** Reads layers on threads; without the program of the threads, says so at the first layer. */
const stage = (workerFile: string | undefined): Layer.Layer<LayerArchive> => {
  if (workerFile !== undefined) return LayerArchive.layer(workerFile)
  let isTold = false
  const tell = Effect.suspend(() => {
    if (isTold) return Effect.void
    isTold = true
    return Warning.log({ code: "NoWorkerThreads", message: WorkerFile.MISSING })
  })
  return Layer.map(LayerArchive.layer(), (context) => {
    const { stage } = Context.get(context, LayerArchive)
    return Context.make(LayerArchive, { stage: (request) => Effect.zipRight(tell, stage(request)) })
  })
}

const loggerOf = (onWarning: (warning: Warning.Warning) => void) =>
  Logger.make(({ annotations, logLevel, message }) => {
    if (LogLevel.lessThan(logLevel, LogLevel.Warning)) return
    onWarning(Warning.of(message, annotations))
  })
