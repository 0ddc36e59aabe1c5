/** A record of how a root was made, kept beside it for later commands. */
import * as fs from "node:fs"
import type * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { type Digest, digest } from "../../domain/document/Digest.ts"
import * as JsonDecoder from "../../domain/document/JsonDecoder.ts"
import * as ExtractsTree from "../../domain/extracts/ExtractsTree.ts"
import * as MissingPrivileges from "../files/MissingPrivileges.ts"
import * as Blobs from "../layout/Blobs.ts"
import { attempt, type ExtractsError } from "./ExtractsError.ts"
import type { Workplace } from "./RootPublication.ts"

const decoder = JsonDecoder.struct({
  /** Diff ids, the lowest layer first. */
  layers: JsonDecoder.list(digest),
  /** Number of entries in all layers. */
  entries: JsonDecoder.integer(0),
  /** Bytes of all uncompressed archives. */
  bytes: JsonDecoder.integer(0),
  /** Unusual facts about the layers, one sentence each. */
  notices: JsonDecoder.list(JsonDecoder.string),
  /** What was impossible for lack of privileges; empty for root. */
  shortfalls: JsonDecoder.list(MissingPrivileges.decoder)
})
/** The record. */
export interface ExtractRecord extends JsonDecoder.Type<typeof decoder> {}

/** Writes the record, which is kept with the root that is made in the workplace. */
export const keep = (
  extracts: string,
  chainId: Digest,
  workplace: Workplace,
  record: ExtractRecord
): Effect.Effect<void, ExtractsError> => {
  const path = `${workplace.stage}/record.json`
  return attempt("write the record", path, () => {
    const text = JSON.stringify(record, undefined, 2)
    fs.writeFileSync(path, `${text}\n`, { mode: 0o644, flag: "wx" })
    workplace.keep(path, pathOf(extracts, chainId))
  })
}

export const read = (
  extracts: string,
  chainId: Digest
): Either.Either<ExtractRecord, Blobs.DocumentRefused> =>
  Blobs.readDocument(pathOf(extracts, chainId), "extract record", decoder)

/** Returns what could not be done when the root was made; nothing where there is no record of it. */
export const missingPrivileges = (
  extracts: string,
  chainId: Digest
): ReadonlyArray<MissingPrivileges.MissingPrivilege> =>
  Either.match(read(extracts, chainId), {
    onLeft: () => [],
    onRight: ({ shortfalls }) => shortfalls
  })

export const pathOf = (extracts: string, chainId: Digest): string =>
  `${extracts}/${ExtractsTree.recordOf(chainId)}`
