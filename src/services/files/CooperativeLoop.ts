/**
 * Divides long synchronous work into slices, with a turn of the event loop between them.
 *
 * Node's synchronous file calls are several times as fast as the asynchronous ones, but no signal, timer or
 * interruption gets through while they run.
 */
import * as Effect from "effect/Effect"

/**
 * Calls `advance` until it returns false. Interruption takes effect between slices. `failed` converts errors of
 * `advance`; an error that `failed` throws is a defect.
 */
export const run = <E>(advance: () => boolean, failed: (cause: unknown) => E): Effect.Effect<void, E> => {
  const slice = Effect.try({
    try: () => {
      const end = performance.now() + SLICE
      do {
        for (let step = 0; step < STEPS_PER_GLANCE; step++) if (!advance()) return false
      } while (performance.now() < end)
      return true
    },
    catch: failed
  })
  const loop: Effect.Effect<void, E> = Effect.flatMap(slice, (more) =>
    more ? Effect.flatMap(turn, () => loop) : Effect.void
  )
  return loop
}

/**
 * Waits for one turn of the event loop. Effect's own `yieldNow` mostly stays within microtasks, where no signal
 * arrives.
 */
const turn = Effect.async<void>((resume) => {
  const handle = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(handle))
})

/** Length of a slice in milliseconds. */
const SLICE = 10
/** Steps between two looks at the clock. */
const STEPS_PER_GLANCE = 16
