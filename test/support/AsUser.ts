/** What ordinary users meet, in a test that runs as root. */
import * as Effect from "effect/Effect"

export const NOBODY = 65534

/** As another effective user, for as long as the effect runs. */
export const asUser = <A, E, R>(user: number, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      process.setegid?.(user)
      process.seteuid?.(user)
    }),
    () => effect,
    () =>
      Effect.sync(() => {
        process.seteuid?.(0)
        process.setegid?.(0)
      })
  )
