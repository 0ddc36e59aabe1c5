/**
 * Long synchronous work in slices, with a turn of the event loop between them.
 *
 * Node's synchronous file calls are several times as fast as its asynchronous ones, but while they run no signal,
 * timer or interruption gets through.
 */
import * as Effect from "effect/Effect"

/**
 * Calls `advance` until it says false. Interruption takes effect between slices. What `advance` throws goes through
 * `failed`; what `failed` throws is a defect.
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

/** Effect's own `yieldNow` mostly stays within the microtasks, where no signal arrives. */
const turn = Effect.async<void>((resume) => {
  const handle = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(handle))
})

/** Milliseconds. */
const SLICE = 10
/** Steps between two looks at the clock. */
const STEPS_PER_GLANCE = 16
