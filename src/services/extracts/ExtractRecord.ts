/** What there is to say of how a root was made, kept beside it for who looks later. */
import * as fs from "node:fs"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Digest } from "../../domain/document/Digest.ts"
import * as ExtractsTree from "../../domain/extracts/ExtractsTree.ts"
import * as Blobs from "../layout/Blobs.ts"
import { attempt, type ExtractsError, type Workplace } from "../Extracts.ts"
import * as SchemaForm from "../SchemaForm.ts"
import * as Shortfalls from "../Shortfalls.ts"

export const ExtractRecord = Schema.Struct({
  /** Diff ids, the lowest layer first. */
  layers: Schema.Array(Digest),
  /** Of all layers. */
  entries: Schema.NonNegativeInt,
  /** Of all uncompressed archives. */
  bytes: Schema.NonNegativeInt,
  /** What was odd about the layers, one sentence each. */
  notices: Schema.Array(Schema.String),
  /** What could not be done for want of privilege: empty for root. */
  shortfalls: Schema.Array(Shortfalls.Shortfall)
})
export type ExtractRecord = typeof ExtractRecord.Type

/** Writes it, to be kept with the root that is made in the workplace. */
export const keep = (
  extracts: string,
  chainId: Digest,
  workplace: Workplace,
  record: ExtractRecord
): Effect.Effect<void, ExtractsError> => {
  const path = `${workplace.stage}/record.json`
  return attempt("write the record", path, () => {
    const text = JSON.stringify(Schema.encodeSync(ExtractRecord)(record), undefined, 2)
    fs.writeFileSync(path, `${text}\n`, { mode: 0o644, flag: "wx" })
    workplace.keep(path, pathOf(extracts, chainId))
  })
}

export const read = (
  extracts: string,
  chainId: Digest
): Effect.Effect<ExtractRecord, Blobs.DocumentRefused> =>
  Blobs.readDocument(pathOf(extracts, chainId), "extract record", SchemaForm.of(ExtractRecord))

export const pathOf = (extracts: string, chainId: Digest): string =>
  `${extracts}/${ExtractsTree.recordOf(chainId)}`
