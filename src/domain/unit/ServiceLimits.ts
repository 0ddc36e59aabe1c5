/** What the image says of memory, processor time and the time to stop (Docker's fields), for systemd.resource-control(5). */
import * as DirectiveSource from "./DirectiveSource.ts"
import type { ProcessConfig } from "../image/ImageConfig.ts"
import type { Profile } from "../settings/ImageSettings.ts"
import { isProcessOne } from "./Profile.ts"
import { type Directive, directive } from "./UnitFile.ts"
import { literal } from "../systemd/UnitValue.ts"

type Limits = Pick<ProcessConfig, "Memory" | "MemorySwap" | "CpuShares">

export const directives = ({ Memory, MemorySwap, CpuShares }: Limits): readonly Directive[] => [
  ...(isSet(Memory) ? [directive("MemoryMax", literal(`${Memory}`), DirectiveSource.image("Memory"))] : []),
  // Docker counts memory and swap together, systemd each.
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
    ? [directive("CPUWeight", literal(`${cpuWeight(CpuShares)}`), DirectiveSource.image("CpuShares"))]
    : [])
]

/** Fields that say something which has no effect. */
export const unused = ({ Memory, MemorySwap }: Limits): readonly string[] =>
  MemorySwap && !(isSet(MemorySwap) && isSet(Memory) && MemorySwap >= Memory) && MemorySwap !== UNLIMITED
    ? ["MemorySwap"]
    : []

/**
 * Shares of 2…262144 around 1024 as a weight of 1…10000 around 100: the curve of the container engines' cgroup
 * library (opencontainers/cgroups, ConvertCPUSharesToCgroupV2Value), through both ends and both defaults.
 */
export const cpuWeight = (shares: number): number => {
  if (shares <= MIN_SHARES) return 1
  if (shares >= MAX_SHARES) return 10_000
  const log = Math.log2(shares)
  // Rounding errors must not lift the default's 100 to 101.
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34) - 1e-9)
}

/** Seconds between the stop signal and SIGKILL. */
export const stopTimeout = (
  { StopTimeout }: Pick<ProcessConfig, "StopTimeout">,
  profile: Profile,
  systemdVersion: number
): readonly Directive[] => {
  if (StopTimeout !== undefined && StopTimeout >= UNLIMITED) {
    const isUnlimited = StopTimeout === UNLIMITED || StopTimeout > LONGEST
    const value = isUnlimited ? "infinity" : StopTimeout === 0 ? AT_ONCE : `${StopTimeout}`
    return [directive("TimeoutStopSec", literal(value), DirectiveSource.image("StopTimeout"))]
  }
  return isProcessOne(profile, systemdVersion)
    ? [directive("TimeoutStopSec", literal(DOCKER_TIMEOUT), DirectiveSource.profile(profile))]
    : []
}

const isSet = (value: number | undefined): value is number => value !== undefined && value > 0

/** systemd takes 0 for no limit. */
const AT_ONCE = "1ms"
const DOCKER_TIMEOUT = "10"
const UNLIMITED = -1
/** Three hundred years in seconds: systemd reads no times that are much longer. */
const LONGEST = 10_000_000_000
const MIN_SHARES = 2
const MAX_SHARES = 262_144
