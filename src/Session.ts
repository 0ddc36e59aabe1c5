/** Runs the library's effects for programs that use promises: nothing of Effect has to be known. */
import * as Cause from "effect/Cause"
import type * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as Settings from "./domain/settings/Settings.ts"
import * as ExtractionServices from "./services/ExtractionServices.ts"
import type { NativeCallsUnavailable } from "./services/files/NativeCalls.ts"

/** All of them may be left out. */
export interface SessionOptions {
  /** Told what goes on, but is odd: one sentence each. Without it, warnings go to standard error. */
  readonly onWarning?: (message: string) => void
}

/** All of them may be left out. */
export interface RunOptions {
  /** Stops the effect: what it has open is closed and what is half done is removed before the promise rejects. */
  readonly signal?: AbortSignal
}

/** What the library's effects need, and ways to run them. */
export interface Session extends AsyncDisposable {
  /**
   * Resolves with the effect's result. Rejects with its error itself, an instance of a class with a `_tag` and a
   * message for people; with the signal's reason where the signal stopped it; with what was thrown where that is a bug.
   */
  readonly run: <A, E>(
    effect: Effect.Effect<A, E, ExtractionServices.ExtractionServices>,
    options?: RunOptions
  ) => Promise<A>
  /**
   * The same with the error as a result, so that the compiler knows which errors there are: `{ _tag: "Right", right }`,
   * or `{ _tag: "Left", left }` with the error. It rejects only for signals and bugs.
   */
  readonly attempt: <A, E>(
    effect: Effect.Effect<A, E, ExtractionServices.ExtractionServices>,
    options?: RunOptions
  ) => Promise<Either.Either<A, E | NativeCallsUnavailable>>
  /** Ends the threads that extraction may have started. To be called when nothing runs any more; twice is fine. */
  readonly close: () => Promise<void>
}

/** Nothing is read, loaded or started before something is run. `settings` say where extracts are; see `Settings.make`. */
export const open = (
  settings: Settings.Settings = Settings.DEFAULTS,
  { onWarning = toStandardError }: SessionOptions = {}
): Session => {
  const runtime = ManagedRuntime.make(
    Layer.merge(
      ExtractionServices.layer(settings.system.extractsdir),
      Logger.replace(Logger.defaultLogger, loggerOf(onWarning))
    )
  )
  const attempt: Session["attempt"] = async (effect, { signal } = {}) => {
    signal?.throwIfAborted()
    const exit = await runtime.runPromiseExit(effect, signal === undefined ? {} : { signal })
    if (Exit.isSuccess(exit)) return Either.right(exit.value)
    const failure = Cause.failureOption(exit.cause)
    if (Option.isSome(failure)) return Either.left(failure.value)
    if (Cause.isInterrupted(exit.cause)) signal?.throwIfAborted()
    throw Cause.squash(exit.cause)
  }
  const close = () => runtime.dispose()
  return {
    attempt,
    run: async (effect, options) => {
      const outcome = await attempt(effect, options)
      if (Either.isLeft(outcome)) throw outcome.left
      return outcome.right
    },
    close,
    [Symbol.asyncDispose]: close
  }
}

const toStandardError = (message: string): void => console.warn(message)

const loggerOf = (onWarning: (message: string) => void) =>
  Logger.make(({ logLevel, message }) => {
    if (LogLevel.lessThan(logLevel, LogLevel.Warning)) return
    onWarning(Array.isArray(message) ? message.map(String).join(" ") : String(message))
  })
