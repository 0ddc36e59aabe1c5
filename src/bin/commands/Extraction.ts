/** How a command ends after processing several images. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"

/** Reports each failure. The last one is the failure of the command. */
export const failWithAll = <A, E extends Error>(
  results: ReadonlyArray<Either.Either<A, E>>
): Effect.Effect<void, E> =>
  Effect.gen(function* () {
    const failures = results.filter(Either.isLeft).map(({ left }) => left)
    const last = failures.pop()
    for (const failure of failures) yield* Effect.logError(failure.message)
    if (last !== undefined) yield* Effect.fail(last)
  })
