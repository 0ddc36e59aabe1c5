/** An image's configuration: how its process runs, and which layers it is made of (image-spec config.md). */
import * as Schema from "effect/Schema"
import { nullish } from "./Descriptor.ts"
import { Digest } from "./Digest.ts"

const Strings = Schema.Array(Schema.String)

/** Go's `map[string]struct{}`: the keys are the set. */
const KeySet = Schema.Record({ key: Schema.String, value: Schema.Unknown })

/** Fields that have no place in the units are kept, so that they can be named. */
const WITH_OTHERS = { parseOptions: { onExcessProperty: "preserve" } } as const

/** Docker's; times are nanoseconds. */
const Healthcheck = Schema.Struct({
  Test: nullish(Strings),
  Interval: nullish(Schema.Number),
  Timeout: nullish(Schema.Number),
  StartPeriod: nullish(Schema.Number),
  StartInterval: nullish(Schema.Number),
  Retries: nullish(Schema.Number)
})

/** The schema of `config` in an image configuration, Docker's additions included. */
export const ProcessConfig = Schema.Struct({
  User: nullish(Schema.String),
  Env: nullish(Strings),
  Entrypoint: nullish(Strings),
  Cmd: nullish(Strings),
  WorkingDir: nullish(Schema.String),
  Labels: nullish(Schema.Record({ key: Schema.String, value: Schema.String })),
  StopSignal: nullish(Schema.String),
  /** Seconds until the process is killed (Docker). */
  StopTimeout: nullish(Schema.Int),
  ExposedPorts: nullish(KeySet),
  Volumes: nullish(KeySet),
  /** Bytes (Docker, as those below). */
  Memory: nullish(Schema.Int),
  /** Bytes of memory and swap together; −1: no limit. */
  MemorySwap: nullish(Schema.Int),
  /** Relative to 1024. */
  CpuShares: nullish(Schema.Int),
  NetworkDisabled: nullish(Schema.Boolean),
  Healthcheck: nullish(Healthcheck),
  /** What the image's shell commands are given to. */
  Shell: nullish(Strings)
}).annotations(WITH_OTHERS)
/** How the process runs. */
export type ProcessConfig = typeof ProcessConfig.Type

/** The schema: `Schema.decodeUnknownEither(ImageConfig)(json)`. Fields that it does not know are kept. */
export const ImageConfig = Schema.Struct({
  architecture: Schema.String,
  os: Schema.String,
  variant: nullish(Schema.String),
  created: nullish(Schema.String),
  author: nullish(Schema.String),
  config: nullish(ProcessConfig),
  rootfs: Schema.Struct({ type: Schema.Literal("layers"), diff_ids: Schema.NonEmptyArray(Digest) })
}).annotations(WITH_OTHERS)
/** An image configuration, checked. */
export type ImageConfig = typeof ImageConfig.Type
