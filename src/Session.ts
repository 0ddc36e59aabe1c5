/** Runs the library's tasks for programs that use promises: nothing of Effect has to be known. */
import type * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Settings from "./domain/settings/Settings.ts"
import { TaggedError } from "./domain/text/TaggedError.ts"
import type { SessionRuntime } from "./library/SessionRuntime.ts"
import { Task } from "./library/Task.ts"
import type { ExtractionServices } from "./services/ExtractionServices.ts"
import type { NativeCallsUnavailable } from "./services/files/NativeCalls.ts"
import type { Warning } from "./services/files/Warning.ts"

export type { Warning } from "./services/files/Warning.ts"

/** The session is closed, so nothing more runs in it. */
export class SessionClosed extends TaggedError("SessionClosed")<object> {
  override get message(): string {
    return "the session is closed: Session.open gives another one"
  }
}

/** What a session runs: a task, the `Either` of a function that is done at once, or an effect of a program that uses Effect. */
export type Work<A, E> = Task<A, E> | Effect.Effect<A, E, ExtractionServices>

/** Options, all of them optional. */
export interface SessionOptions {
  /**
   * Called with each warning, which is about something unusual that does not stop the work. By default its message
   * goes to standard error.
   */
  readonly onWarning?: (warning: Warning) => void
  /** The program of the threads that read layers, for bundles whose package is not installed where they run. */
  readonly workerFile?: string
}

/** Options, all of them optional. */
export interface RunOptions {
  /** Stops the effect: what it has open is closed and what is half done is removed before the promise rejects. */
  readonly signal?: AbortSignal
}

/** Runs what the library's functions return. */
export interface Session extends AsyncDisposable {
  /**
   * Resolves with the result. Rejects with its error itself, an instance of a class with a `_tag` and a
   * message for people; with the signal's reason where the signal stopped it; with what was thrown where that is a bug,
   * or where a callback threw it.
   */
  readonly run: {
    <A, E>(work: Work<A, E>, options?: RunOptions): Promise<A>
    /** Resolves with the value of a function that cannot fail, so that a program need not know which those are. */
    <A>(value: A extends Work<infer _A, infer _E> ? never : A, options?: RunOptions): Promise<A>
  }
  /**
   * The same with the error as a result, so that the compiler knows which errors there are: `{ _tag: "Right", right }`,
   * or `{ _tag: "Left", left }` with the error. It rejects only for signals, bugs and what callbacks throw.
   */
  readonly attempt: <A, E>(
    work: Work<A, E>,
    options?: RunOptions
  ) => Promise<Either.Either<A, E | NativeCallsUnavailable>>
  /**
   * Stops what still runs, whose promises reject with `SessionClosed`, and ends the threads that extraction may have started.
   * To close a session twice is fine.
   */
  readonly close: () => Promise<void>
}

/**
 * Opens a session. Nothing is read, loaded or started before something is run. `settings` say where extracts are; see
 * `Settings.make`.
 */
export const open = (
  settings: Settings.Settings = Settings.DEFAULTS,
  { onWarning = toStandardError, workerFile }: SessionOptions = {}
): Session => {
  const { extractsdir } = settings.system
  let loading: Promise<SessionRuntime> | undefined
  const load = () => {
    loading ??= import("./library/SessionRuntime.ts").then(({ make }) =>
      make({ extractsdir, onWarning, workerFile })
    )
    return loading
  }
  const closing = new AbortController()
  const running = new Set<Promise<unknown>>()

  const perform = async <A, E>(work: Work<A, E>, signal: AbortSignal) => {
    if (Either.isEither(work)) return work as Either.Either<A, E>
    const runtime = await load()
    const effect = work instanceof Task ? await work.load() : work
    signal.throwIfAborted()
    return runtime.attempt(effect, signal)
  }
  const attempt: Session["attempt"] = async (work, { signal } = {}) => {
    closing.signal.throwIfAborted()
    signal?.throwIfAborted()
    const performing = perform(
      work,
      signal === undefined ? closing.signal : AbortSignal.any([closing.signal, signal])
    )
    running.add(performing)
    return performing.finally(() => running.delete(performing))
  }
  const close = async () => {
    closing.abort(new SessionClosed({}))
    await Promise.allSettled(running)
    await (await loading)?.dispose()
  }
  return {
    attempt,
    run: async <A, E>(work: Work<A, E> | A, options?: RunOptions): Promise<A> => {
      if (!isWork(work)) {
        closing.signal.throwIfAborted()
        options?.signal?.throwIfAborted()
        return work
      }
      const outcome = await attempt(work, options)
      if (Either.isLeft(outcome)) throw outcome.left
      return outcome.right
    },
    close,
    [Symbol.asyncDispose]: close
  }
}

/** Effects have this key (`Effect.EffectTypeId`); the module that says so would load the runtime. */
const EFFECT = Symbol.for("effect/Effect")

const isWork = <A, E>(work: Work<A, E> | A): work is Work<A, E> =>
  work instanceof Task || (typeof work === "object" && work !== null && EFFECT in work)

const toStandardError = ({ message }: Warning): void => console.warn(message)
