/**
 * The errors of a layer as data that goes from one thread to another, and back to errors of the same classes. A message
 * between threads can hold plain objects, but of an error of ours it would leave a plain `Error`.
 */
import * as PaxRecords from "../../domain/archive/PaxRecords.ts"
import * as SparseMap from "../../domain/archive/SparseMap.ts"
import * as TarHeader from "../../domain/archive/TarHeader.ts"
import * as TarMember from "../../domain/archive/TarMember.ts"
import { TarStructureInvalid } from "../../domain/archive/TarStructureInvalid.ts"
import { CompressionInvalid } from "./CompressionInvalid.ts"
import { CLASSES, type LayerError } from "./LayerError.ts"
import { TarInvalid } from "./TarReader.ts"
import { ZstdDecoderUnavailable } from "./ZstdDecoder.ts"

/** An error as data: one of ours has a tag, another has its name and message among the facts. */
export interface Transferred {
  readonly tag: string | undefined
  readonly facts: Readonly<Record<string, Fact>>
}

type Fact = string | number | boolean | null | undefined | { readonly error: Transferred }

/** Returns the error as data. Of what an error that is not ours carries, texts and numbers are kept: its `code`, for example. */
export const sent = (error: LayerError): Transferred => ofError(error)

/** Returns the error again. */
export const received = (transferred: Transferred): LayerError => errorOf(transferred) as LayerError

const ofError = (error: object): Transferred => {
  const tag = TAGGED.find((each) => error instanceof each)?.prototype.name
  const facts: Record<string, Fact> = {}
  // A `cause` is not enumerable.
  for (const key of Object.getOwnPropertyNames(error)) {
    const value = (error as Readonly<Record<string, unknown>>)[key]
    if (key === "_tag" || key === "stack") continue
    if (value instanceof Error) facts[key] = { error: ofError(value) }
    else if (isPlain(value)) facts[key] = value
  }
  if (tag !== undefined) return { tag, facts }
  const { message, name } = error as Error
  return { tag, facts: { ...facts, name, message } }
}

const isPlain = (value: unknown): value is string | number | boolean | null | undefined =>
  value === null || !["object", "function", "symbol", "bigint"].includes(typeof value)

const errorOf = ({ facts, tag }: Transferred): Error => {
  const values = Object.fromEntries(
    Object.entries(facts).map(([key, fact]) => [
      key,
      typeof fact === "object" && fact !== null ? errorOf(fact.error) : fact
    ])
  )
  const Class = TAGGED.find((each) => each.prototype.name === tag)
  return Class === undefined ? Object.assign(new Error(), values) : new Class(values)
}

/** The classes of all errors that an error of a layer may be or hold. */
const TAGGED = [
  ...CLASSES,
  CompressionInvalid,
  ZstdDecoderUnavailable,
  TarInvalid,
  TarHeader.TarHeaderInvalid,
  TarMember.TarMemberInvalid,
  PaxRecords.PaxRecordsInvalid,
  SparseMap.SparseMapInvalid,
  TarStructureInvalid
] as unknown as ReadonlyArray<{ new (facts: object): Error; readonly prototype: Error }>
