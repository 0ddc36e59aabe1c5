/** An image's configuration: how its process runs, and which layers it is made of (image-spec config.md). */
import { digest } from "../document/Digest.ts"
import * as Form from "../document/JsonDecoder.ts"

const Strings = Form.list(Form.string)

/** Go's `map[string]struct{}`: the keys are the set. */
const KeySet = Form.dictionary(Form.unknown)

/** Docker's; times are nanoseconds. */
const Healthcheck = Form.struct({
  Test: Form.nullish(Strings),
  Interval: Form.nullish(Form.number),
  Timeout: Form.nullish(Form.number),
  StartPeriod: Form.nullish(Form.number),
  StartInterval: Form.nullish(Form.number),
  Retries: Form.nullish(Form.number)
})

/** The form of `config` in an image configuration, Docker's additions included. Fields that have no place in the units are kept, so that they can be named. */
export const ProcessConfig = Form.openStruct({
  User: Form.nullish(Form.string),
  Env: Form.nullish(Strings),
  Entrypoint: Form.nullish(Strings),
  Cmd: Form.nullish(Strings),
  WorkingDir: Form.nullish(Form.string),
  Labels: Form.nullish(Form.dictionary(Form.string)),
  StopSignal: Form.nullish(Form.string),
  /** Seconds until the process is killed (Docker). */
  StopTimeout: Form.nullish(Form.integer()),
  ExposedPorts: Form.nullish(KeySet),
  Volumes: Form.nullish(KeySet),
  /** Bytes (Docker, as those below). */
  Memory: Form.nullish(Form.integer()),
  /** Bytes of memory and swap together; −1: no limit. */
  MemorySwap: Form.nullish(Form.integer()),
  /** Relative to 1024. */
  CpuShares: Form.nullish(Form.integer()),
  NetworkDisabled: Form.nullish(Form.boolean),
  Healthcheck: Form.nullish(Healthcheck),
  /** What the image's shell commands are given to. */
  Shell: Form.nullish(Strings)
})
/** How the process runs. */
export interface ProcessConfig extends Form.Type<typeof ProcessConfig> {}

/** The form: `ImageConfig(json)` is an Either. Fields that it does not know are kept. */
export const ImageConfig = Form.openStruct({
  architecture: Form.string,
  os: Form.string,
  variant: Form.nullish(Form.string),
  created: Form.nullish(Form.string),
  author: Form.nullish(Form.string),
  config: Form.nullish(ProcessConfig),
  rootfs: Form.struct({ type: Form.literal("layers"), diff_ids: Form.nonEmptyList(digest) })
})
/** An image configuration, checked. */
export interface ImageConfig extends Form.Type<typeof ImageConfig> {}
