/** An image's configuration: how its process runs, and which layers it is made of (image-spec config.md). */
import { digest } from "../document/Digest.ts"
import * as JsonDecoder from "../document/JsonDecoder.ts"

const Strings = JsonDecoder.list(JsonDecoder.string)

/** Go's `map[string]struct{}`, where the keys are the elements of a set. */
const KeySet = JsonDecoder.dictionary(JsonDecoder.unknown)

/** Docker's health check. Times are in nanoseconds. */
const Healthcheck = JsonDecoder.struct({
  Test: JsonDecoder.nullish(Strings),
  Interval: JsonDecoder.nullish(JsonDecoder.number),
  Timeout: JsonDecoder.nullish(JsonDecoder.number),
  StartPeriod: JsonDecoder.nullish(JsonDecoder.number),
  StartInterval: JsonDecoder.nullish(JsonDecoder.number),
  Retries: JsonDecoder.nullish(JsonDecoder.number)
})

/**
 * Decodes `config` of an image configuration, with Docker's additions. Fields that have no counterpart in units are
 * kept so that messages can name them.
 */
export const ProcessConfig = JsonDecoder.openStruct({
  User: JsonDecoder.nullish(JsonDecoder.string),
  Env: JsonDecoder.nullish(Strings),
  Entrypoint: JsonDecoder.nullish(Strings),
  Cmd: JsonDecoder.nullish(Strings),
  WorkingDir: JsonDecoder.nullish(JsonDecoder.string),
  Labels: JsonDecoder.nullish(JsonDecoder.dictionary(JsonDecoder.string)),
  StopSignal: JsonDecoder.nullish(JsonDecoder.string),
  /** Seconds until the process is killed (a field of Docker). */
  StopTimeout: JsonDecoder.nullish(JsonDecoder.integer()),
  ExposedPorts: JsonDecoder.nullish(KeySet),
  Volumes: JsonDecoder.nullish(KeySet),
  /** Bytes (a field of Docker, like those below). */
  Memory: JsonDecoder.nullish(JsonDecoder.integer()),
  /** Bytes of memory and swap together; −1 means no limit. */
  MemorySwap: JsonDecoder.nullish(JsonDecoder.integer()),
  /** A weight relative to 1024. */
  CpuShares: JsonDecoder.nullish(JsonDecoder.integer()),
  NetworkDisabled: JsonDecoder.nullish(JsonDecoder.boolean),
  Healthcheck: JsonDecoder.nullish(Healthcheck),
  /** The shell that runs the image's shell commands. */
  Shell: JsonDecoder.nullish(Strings)
})
/** How the process runs. */
export interface ProcessConfig extends JsonDecoder.Type<typeof ProcessConfig> {}

/** Decodes an image configuration to an Either. Unknown fields are kept. */
export const ImageConfig = JsonDecoder.openStruct({
  /** Builders may leave the platform out: see `Platform.decide`. */
  architecture: JsonDecoder.nullish(JsonDecoder.string),
  os: JsonDecoder.nullish(JsonDecoder.string),
  variant: JsonDecoder.nullish(JsonDecoder.string),
  created: JsonDecoder.nullish(JsonDecoder.string),
  author: JsonDecoder.nullish(JsonDecoder.string),
  config: JsonDecoder.nullish(ProcessConfig),
  rootfs: JsonDecoder.struct({
    type: JsonDecoder.literal("layers"),
    diff_ids: JsonDecoder.nonEmptyList(digest)
  })
})
/** A checked image configuration. */
export interface ImageConfig extends JsonDecoder.Type<typeof ImageConfig> {}
