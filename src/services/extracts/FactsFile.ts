/**
 * Reads and writes facts of extracted images, which are kept beside the extracts by the digest of the configuration.
 */
import * as fs from "node:fs"
import * as Either from "effect/Either"
import type { Digest } from "../../domain/document/Digest.ts"
import * as ExtractsTree from "../../domain/extracts/ExtractsTree.ts"
import { RootFacts } from "../../domain/process/RootFacts.ts"
import { TaggedError } from "../../domain/text/TaggedError.ts"
import * as AtomicReplace from "../files/AtomicReplace.ts"
import * as Blobs from "../layout/Blobs.ts"

/** The facts of a root cannot be written. */
export class FactsNotWritten extends TaggedError("FactsNotWritten")<{
  readonly path: string
  readonly cause: unknown
}> {
  override get message(): string {
    return `the facts ${this.path} cannot be written: ${this.cause instanceof Error ? this.cause.message : this.cause}`
  }
}

const fileOf = (extractsdir: string, config: Digest, question: string): string =>
  `${extractsdir}/${ExtractsTree.factsOf(config, question, Blobs.sha256)}`

export const read = (
  extractsdir: string,
  config: Digest,
  question: string
): Either.Either<RootFacts, Blobs.DocumentRefused> =>
  Blobs.readDocument(fileOf(extractsdir, config, question), "facts", RootFacts)

/** Writes facts under the name that `ImageOverrides.question` gives. */
export const write = (
  extractsdir: string,
  config: Digest,
  question: string,
  facts: RootFacts
): Either.Either<void, FactsNotWritten> => {
  const file = fileOf(extractsdir, config, question)
  return Either.try({
    try: () =>
      AtomicReplace.replace(file, (temporary) =>
        fs.writeFileSync(temporary, `${JSON.stringify(facts, undefined, 2)}\n`, { flag: "wx" })
      ),
    catch: (cause) => new FactsNotWritten({ path: file, cause })
  })
}
