/**
 * Fields of an image's configuration that no unit uses, and why. Every field of image-spec's config.md and of
 * Docker's is in a table here, and unknown fields are named as well.
 */

import type { ImageConfig, ProcessConfig } from "../image/ImageConfig.ts"
import type { ResolvedImage } from "../image/ResolvedImage.ts"
import * as ExposedPorts from "../process/ExposedPorts.ts"
import * as ImageLabels from "./ImageLabels.ts"
import * as ServiceLimits from "./ServiceLimits.ts"

/** A field of the image that units do not use. */
export interface UnmappedField {
  /** A field such as `config.Hostname` or `history`. */
  readonly field: string
  /** A clause such as "is for building images". */
  readonly reason: string
}

/** Directives, comments or decisions follow from the field. */
const MAPPED = undefined

const TERMINAL = "is for a terminal, which a service does not have: its output is in the journal"
const BUILDING = "is for building images"
const RECORD = "is a record of how the image was made"
const OTHER_HOST = "is part of the container in which it was made: a service has that of its host"

/** Fields of `config`, which describes the process. */
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
  "os.features": "is not known in Linux"
}

/** Returns the unused fields, ordered by name. */
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

/** Returns the unused parts of fields that are used. */
const parts = (process: ProcessConfig, image: ResolvedImage): readonly UnmappedField[] => [
  ...ImageLabels.unused(image).map((label) => ({
    field: `config.Labels ${label}`,
    reason: "is a label that no directive stands for"
  })),
  ...ExposedPorts.parse(Object.keys(process.ExposedPorts ?? {})).odd.map((port) => ({
    field: `config.ExposedPorts ${port}`,
    reason: "is not a port"
  })),
  ...ServiceLimits.unused(process).map((field) => ({
    field: `config.${field}`,
    reason: "has no meaning without a smaller Memory"
  })),
  ...(process.StopTimeout !== undefined && process.StopTimeout < -1
    ? [{ field: "config.StopTimeout", reason: "is less than −1, which means no limit" }]
    : [])
]

/** Whether a value says nothing: Go writes unset fields with their zero values. */
const saysNothing = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  value === "" ||
  value === 0 ||
  value === false ||
  (Array.isArray(value) && value.length === 0) ||
  (typeof value === "object" && Object.keys(value).length === 0)

/** Prints one line for each reason, for the comments of a unit. */
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

/** The most names in a comment; `inspect` prints all. */
const MAX_NAMES = 12
