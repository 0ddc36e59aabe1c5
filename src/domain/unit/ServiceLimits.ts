/**
 * The image's limits on memory, processor time and the time to stop (Docker's fields), for
 * systemd.resource-control(5).
 */

import type { ProcessConfig } from "../image/ImageConfig.ts"
import type { ImageSettings } from "../settings/ImageSettings.ts"
import type { Origins } from "../settings/Settings.ts"
import { literal } from "../systemd/UnitValue.ts"
import * as DirectiveSource from "./DirectiveSource.ts"
import { type Directive, directive } from "./UnitFile.ts"

type Limits = Pick<ProcessConfig, "Memory" | "MemorySwap" | "CpuShares">

export const directives = ({ Memory, MemorySwap, CpuShares }: Limits): readonly Directive[] => [
  ...(isSet(Memory) ? [directive("MemoryMax", literal(`${Memory}`), DirectiveSource.image("Memory"))] : []),
  // Docker counts memory and swap together, systemd counts them separately.
  ...(isSet(Memory) && isSet(MemorySwap) && MemorySwap >= Memory
    ? [
        directive(
          "MemorySwapMax",
          literal(`${MemorySwap - Memory}`),
          DirectiveSource.image("MemorySwap", "Memory")
        )
      ]
    : []),
  ...(isSet(CpuShares)
    ? [
        directive(
          "CPUWeight",
          literal(`${cpuWeight(Math.min(CpuShares, DEFAULT_SHARES))}`),
          DirectiveSource.image("CpuShares")
        )
      ]
    : [])
]

/** Returns fields that are set but have no effect. */
export const unused = ({ Memory, MemorySwap }: Limits): readonly string[] =>
  MemorySwap && !(isSet(MemorySwap) && isSet(Memory) && MemorySwap >= Memory) && MemorySwap !== UNLIMITED
    ? ["MemorySwap"]
    : []

/**
 * Converts shares of 2…262144 around 1024 to a weight of 1…10000 around 100, on the curve of the container engines'
 * cgroup library (opencontainers/cgroups, ConvertCPUSharesToCgroupV2Value), through both ends and both defaults.
 */
export const cpuWeight = (shares: number): number => {
  if (shares <= MIN_SHARES) return 1
  if (shares >= MAX_SHARES) return 10_000
  const log = Math.log2(shares)
  // Rounding errors must not raise the default from 100 to 101.
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34) - 1e-9)
}

/**
 * Returns the time between the stop signal and SIGKILL. The image's own is cut: until then its processes may hold up a
 * shutdown of the host.
 */
export const stopTimeout = (
  { StopTimeout }: Pick<ProcessConfig, "StopTimeout">,
  { stoptimeout }: Pick<ImageSettings, "stoptimeout">,
  origins: Origins,
  /**
   * Why the service is process 1 of a namespace; `undefined` if it is not. Process 1 ignores a signal without a
   * handler, so Docker's time limit applies.
   */
  isProcessOne: DirectiveSource.DirectiveSource | undefined
): readonly Directive[] => {
  if (stoptimeout !== undefined)
    return [timeout(stoptimeout, DirectiveSource.setting(origins, "stoptimeout"))]
  if (StopTimeout !== undefined && StopTimeout >= UNLIMITED)
    return [timeout(Math.min(asked(StopTimeout), LONGEST_STOP) * 1000, DirectiveSource.image("StopTimeout"))]
  return isProcessOne === undefined ? [] : [timeout(DOCKER_TIMEOUT * 1000, isProcessOne)]
}

const timeout = (milliseconds: number, source: DirectiveSource.DirectiveSource): Directive =>
  directive("TimeoutStopSec", literal(milliseconds === 0 ? AT_ONCE : `${milliseconds / 1000}`), source)

/** Returns what is cut of what the image asks for, a sentence for each. */
export const notes = (
  { CpuShares, StopTimeout }: ProcessConfig,
  { stoptimeout }: Pick<ImageSettings, "stoptimeout">
): readonly string[] => [
  ...(StopTimeout !== undefined && asked(StopTimeout) > LONGEST_STOP && stoptimeout === undefined
    ? [
        `the image asks for ${StopTimeout === UNLIMITED ? "any time" : `${StopTimeout} seconds`} to stop and gets ${LONGEST_STOP} seconds: the key stoptimeout gives it more`
      ]
    : []),
  ...(isSet(CpuShares) && CpuShares > DEFAULT_SHARES
    ? [
        `the image asks for ${CpuShares} CPU shares and gets ${DEFAULT_SHARES}, as much as others: CPUWeight= in a drop-in gives it more`
      ]
    : [])
]

const asked = (stopTimeout: number): number =>
  stopTimeout === UNLIMITED ? Number.POSITIVE_INFINITY : stopTimeout

const isSet = (value: number | undefined): value is number => value !== undefined && value > 0

/** A minimal time, since systemd takes 0 for no limit. */
const AT_ONCE = "1ms"
const DOCKER_TIMEOUT = 10
const UNLIMITED = -1
/** The most seconds that an image can ask for. Databases that write out their memory ask for some minutes. */
const LONGEST_STOP = 600
/** The CPU shares of a process that requests none, and the limits of CPU shares. */
const DEFAULT_SHARES = 1024
const MIN_SHARES = 2
const MAX_SHARES = 262_144
