/** Runs synchronous functions of Node that throw errors of the system, as effects. */
import * as Effect from "effect/Effect"

/** Runs `body`, and converts its error with `errorOf`. */
export const attempt = <A, E>(
  body: () => A,
  errorOf: (cause: NodeJS.ErrnoException) => E
): Effect.Effect<A, E> => Effect.try({ try: body, catch: (cause) => errorOf(cause as NodeJS.ErrnoException) })

/** Runs `body`. Its error stays as Node throws it. */
export const run = <A>(body: () => A): Effect.Effect<A, NodeJS.ErrnoException> =>
  attempt(body, (cause) => cause)
