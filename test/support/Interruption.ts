/** Interrupts an effect that reports events after a number of them: at a known point, however fast or busy the machine is. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"

/** Forks what `start` gives, interrupts it when `tell` was called `count` times, and returns how it ended. With 0 at once, before it does anything. */
export const afterEvents = <A, E, R>(
  count: number,
  start: (tell: () => void) => Effect.Effect<A, E, R>
): Effect.Effect<Exit.Exit<A, E>, never, R> =>
  Effect.gen(function* () {
    const reached = yield* Deferred.make<void>()
    let told = 0
    const fiber = yield* Effect.fork(
      start(() => {
        if (++told === count) Deferred.unsafeDone(reached, Effect.void)
      })
    )
    if (count > 0) yield* Effect.raceFirst(Deferred.await(reached), Fiber.await(fiber))
    return yield* Fiber.interrupt(fiber)
  })
