/** Facts of extracted images, beside the extracts, by the digest of the configuration. */
import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Digest } from "../domain/Digest.ts"
import * as ExtractsTree from "../domain/ExtractsTree.ts"
import { NO_FACTS, RootFacts } from "../domain/RootFacts.ts"
import * as AtomicReplace from "./AtomicReplace.ts"
import * as Blobs from "./Blobs.ts"

export class FactsNotWritten extends Schema.TaggedError<FactsNotWritten>()("FactsNotWritten", {
  path: Schema.String,
  cause: Schema.Defect
}) {
  override get message(): string {
    return `the facts ${this.path} cannot be written: ${this.cause instanceof Error ? this.cause.message : this.cause}`
  }
}

const fileOf = (extractsdir: string, config: Digest, user: string): string =>
  `${extractsdir}/${ExtractsTree.factsOf(config, user, Blobs.sha256)}`

/** No facts where there are none, or where they cannot be read: they are then found again. */
export const read = (extractsdir: string, config: Digest, user: string): Effect.Effect<RootFacts> =>
  Effect.suspend(() => {
    const file = fileOf(extractsdir, config, user)
    return fs.existsSync(file) ? Blobs.readDocument(file, "facts", RootFacts) : Effect.succeed(NO_FACTS)
  }).pipe(Effect.orElseSucceed(() => NO_FACTS))

/** For the user that the facts are about. */
export const write = (
  extractsdir: string,
  config: Digest,
  facts: RootFacts
): Effect.Effect<void, FactsNotWritten> => {
  const file = fileOf(extractsdir, config, facts.user?.user ?? "")
  return Effect.try({
    try: () =>
      AtomicReplace.replace(file, (temporary) =>
        fs.writeFileSync(temporary, `${JSON.stringify(facts, undefined, 2)}\n`)
      ),
    catch: (cause) => new FactsNotWritten({ path: file, cause })
  })
}
