/**
 * What an image's configuration says that no unit says, and why: every field of image-spec's config.md and of Docker's
 * is in a table here, and what is in none is named too.
 */

import * as ExposedPorts from "../process/ExposedPorts.ts"
import type { ImageConfig, ProcessConfig } from "../image/ImageConfig.ts"
import * as ImageLabels from "./ImageLabels.ts"
import type { ResolvedImage } from "../image/ResolvedImage.ts"
import * as ServiceLimits from "./ServiceLimits.ts"

export interface UnmappedField {
  /** `config.Hostname`, `history` */
  readonly field: string
  /** A clause: "is for building images". */
  readonly reason: string
}

/** Directives, comments or decisions come of it. */
const MAPPED = undefined

const TERMINAL = "is of a terminal, and a service has none: its output is in the journal"
const BUILDING = "is for building images"
const RECORD = "is a record of how the image was made"
const OTHER_HOST = "is of the container that it was made in: a service has its host's"

/** Of `config`: how the process runs. */
const PROCESS_FIELDS: Readonly<Record<string, string | undefined>> = {
  User: MAPPED,
  Env: MAPPED,
  Entrypoint: MAPPED,
  Cmd: MAPPED,
  WorkingDir: MAPPED,
  Labels: MAPPED,
  StopSignal: MAPPED,
  StopTimeout: MAPPED,
  ExposedPorts: MAPPED,
  Memory: MAPPED,
  MemorySwap: MAPPED,
  CpuShares: MAPPED,
  NetworkDisabled: MAPPED,
  Volumes: MAPPED,
  Healthcheck: MAPPED,
  ArgsEscaped: "is for Windows",
  Shell: MAPPED,
  OnBuild: BUILDING,
  Image: RECORD,
  Hostname: OTHER_HOST,
  Domainname: OTHER_HOST,
  MacAddress: OTHER_HOST,
  AttachStdin: TERMINAL,
  AttachStdout: TERMINAL,
  AttachStderr: TERMINAL,
  OpenStdin: TERMINAL,
  StdinOnce: TERMINAL,
  Tty: TERMINAL
}

const IMAGE_FIELDS: Readonly<Record<string, string | undefined>> = {
  architecture: MAPPED,
  os: MAPPED,
  variant: MAPPED,
  config: MAPPED,
  rootfs: MAPPED,
  created: MAPPED,
  author: MAPPED,
  history: RECORD,
  comment: RECORD,
  container: RECORD,
  container_config: RECORD,
  docker_version: RECORD,
  id: RECORD,
  parent: RECORD,
  throwaway: RECORD,
  "moby.buildkit.buildinfo.v1": RECORD,
  "moby.buildkit.cache.v0": RECORD,
  "os.version": "is for Windows",
  "os.features": "names nothing that is known of Linux"
}

/** In the order of their names. */
export const of = (image: ResolvedImage): readonly UnmappedField[] => {
  const process: ProcessConfig = image.config.config ?? {}
  return [
    ...whole(image.config, IMAGE_FIELDS, ""),
    ...whole(process, PROCESS_FIELDS, "config."),
    ...parts(process, image)
  ].sort((a, b) => (a.field < b.field ? -1 : a.field > b.field ? 1 : 0))
}

const whole = (
  fields: ImageConfig | ProcessConfig,
  table: Readonly<Record<string, string | undefined>>,
  prefix: string
): readonly UnmappedField[] => {
  const unmapped: UnmappedField[] = []
  for (const field of Object.keys(fields)) {
    const reason = Object.hasOwn(table, field) ? table[field] : "is not known"
    if (reason === MAPPED || saysNothing((fields as Readonly<Record<string, unknown>>)[field])) continue
    unmapped.push({ field: prefix + field, reason })
  }
  return unmapped
}

/** Of fields that are mapped, what is left over. */
const parts = (process: ProcessConfig, image: ResolvedImage): readonly UnmappedField[] => [
  ...ImageLabels.unused(image).map((label) => ({
    field: `config.Labels ${label}`,
    reason: "is a label that no directive stands for"
  })),
  ...ExposedPorts.parse(Object.keys(process.ExposedPorts ?? {})).odd.map((port) => ({
    field: `config.ExposedPorts ${port}`,
    reason: "is no port"
  })),
  ...ServiceLimits.unused(process).map((field) => ({
    field: `config.${field}`,
    reason: "has no meaning without a smaller Memory"
  })),
  ...(process.StopTimeout !== undefined && process.StopTimeout < -1
    ? [{ field: "config.StopTimeout", reason: "is less than −1, which means no limit" }]
    : [])
]

/** Go writes fields that nobody set as its zero values. */
const saysNothing = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  value === "" ||
  value === 0 ||
  value === false ||
  (Array.isArray(value) && value.length === 0) ||
  (typeof value === "object" && Object.keys(value).length === 0)

/** One line a reason, for the comments of a unit. */
export const comments = (fields: readonly UnmappedField[]): readonly string[] => {
  const byReason = new Map<string, string[]>()
  for (const { field, reason } of fields) {
    const same = byReason.get(reason)
    if (same === undefined) byReason.set(reason, [field])
    else same.push(field)
  }
  return [...byReason].map(
    ([reason, names]) => `Not mapped: ${list(names)}: ${reason}${names.length === 1 ? "" : " (each)"}.`
  )
}

const list = (names: readonly string[]): string =>
  names.length <= MAX_NAMES
    ? names.join(", ")
    : `${names.slice(0, MAX_NAMES).join(", ")} and ${names.length - MAX_NAMES} more`

/** inspect has them all. */
const MAX_NAMES = 12
