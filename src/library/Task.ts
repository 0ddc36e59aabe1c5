/** Work that a session can run. Effect's runtime, native code and threads are loaded with the first task that needs them. */
import type * as Effect from "effect/Effect"
import type { ExtractionServices } from "../services/ExtractionServices.ts"

/** Work that results in an `A` or fails with an `E` when `Session.run` or `Session.attempt` gets it; nothing happens before. */
export class Task<out A, out E> {
  /** Loads the modules that do the work, and returns it. @internal */
  readonly load: () => Promise<Effect.Effect<A, E, ExtractionServices>>

  /** @internal */
  constructor(load: () => Promise<Effect.Effect<A, E, ExtractionServices>>) {
    this.load = load
  }

  /** The types of the result and of the error. */
  declare readonly types?: { readonly result: A; readonly error: E }
}

/** Makes a task of an effect of a module that is loaded for it. @internal */
export const task = <M, A, E>(
  load: () => Promise<M>,
  effect: (module: M) => Effect.Effect<A, E, ExtractionServices>
): Task<A, E> => new Task(() => load().then(effect))
