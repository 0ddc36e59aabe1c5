/** Facts of extracted images, beside the extracts: `facts/sha256/ea/ea7b….json`, by the digest of the configuration. */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import { algorithm, type Digest, encoded } from "../domain/Digest.ts"
import { NO_FACTS, RootFacts } from "../domain/RootFacts.ts"
import * as Blobs from "./Blobs.ts"

const fileOf = (extractsdir: string, config: Digest): string =>
  `${extractsdir}/facts/${algorithm(config)}/${encoded(config).slice(0, 2)}/${encoded(config)}.json`

/** No facts where there are none, or where they cannot be read: they are then found again. */
export const read = (extractsdir: string, config: Digest): Effect.Effect<RootFacts> =>
  Effect.suspend(() => {
    const file = fileOf(extractsdir, config)
    return fs.existsSync(file) ? Blobs.readDocument(file, "facts", RootFacts) : Effect.succeed(NO_FACTS)
  }).pipe(Effect.orElseSucceed(() => NO_FACTS))

export const write = (extractsdir: string, config: Digest, facts: RootFacts): Effect.Effect<void> =>
  Effect.sync(() => {
    const file = fileOf(extractsdir, config)
    fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o755 })
    const temporary = `${file}.${process.pid}`
    fs.writeFileSync(temporary, `${JSON.stringify(facts, undefined, 2)}\n`)
    fs.renameSync(temporary, file)
  })
