/** A process to be killed: publishes a root of its own, slowly, and says on stdout how far it is. */

import { mkdirSync, writeFileSync, writeSync } from "node:fs"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Digest } from "../../../src/domain/document/Digest.ts"
import { ExtractStore } from "../../../src/services/extracts/ExtractStore.ts"
import { NativeCalls } from "../../../src/services/files/NativeCalls.ts"

const [directory = "", chainId = "", files = "0", then = "end"] = process.argv.slice(2)
const say = (line: string) => Effect.sync(() => writeSync(1, `${line}\n`))

const program = Effect.gen(function* () {
  const extracts = yield* ExtractStore
  yield* extracts.publish(chainId as Digest, ({ root }) =>
    Effect.gen(function* () {
      yield* say("started")
      for (let directory = 0; directory < Number(files) / 10; directory++) {
        mkdirSync(`${root}/${directory}`)
        for (let file = 0; file < 10; file++) writeFileSync(`${root}/${directory}/${file}`, "x".repeat(5000))
        yield* Effect.sleep("1 millis")
      }
      writeFileSync(`${root}/complete`, "yes")
      yield* say("filled")
      if (then === "stay") yield* Effect.never
    })
  )
  yield* say("published")
})

await Effect.runPromise(
  program.pipe(Effect.provide(Layer.provide(ExtractStore.layer(directory), NativeCalls.layer)))
)
