/** The services that extract, for the subcommands that need them: native code is loaded with them, and not before. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { Extracts } from "../../services/Extracts.ts"
import { LayerStage } from "../../services/LayerStage.ts"
import { NativeCalls } from "../../services/NativeCalls.ts"
import { RootWriter } from "../../services/RootWriter.ts"

export const layer = (extractsdir: string) =>
  Layer.mergeAll(LayerStage.layer, RootWriter.layer, Extracts.layer(extractsdir)).pipe(
    Layer.provideMerge(NativeCalls.layer)
  )

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
