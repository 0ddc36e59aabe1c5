/** What happens to the results of several images. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"

/** Of several images each failure is told; the last one is the command's. */
export const failWithAll = <A, E extends Error>(
  results: ReadonlyArray<Either.Either<A, E>>
): Effect.Effect<void, E> =>
  Effect.gen(function* () {
    const failures = results.filter(Either.isLeft).map(({ left }) => left)
    const last = failures.pop()
    for (const failure of failures) yield* Effect.logError(failure.message)
    if (last !== undefined) yield* Effect.fail(last)
  })
