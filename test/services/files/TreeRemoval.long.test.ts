/** The race of `TreeRemoval.test.ts` for minutes. */
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as RemovalRace from "../../support/RemovalRace.ts"

it.effect(
  "removes nothing outside of a tree whose directories another process exchanges for links, for two minutes",
  () =>
    Effect.gen(function* () {
      const end = Date.now() + 120_000
      let rounds = 0
      const exchanges = yield* RemovalRace.run((round) => {
        rounds = round
        return Date.now() < end
      })
      console.log(`${rounds} removals, ${exchanges} exchanges`)
    }),
  600_000
)
