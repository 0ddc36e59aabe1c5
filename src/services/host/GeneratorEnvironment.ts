/**
 * The variables that the generator reads from its environment. It sees no others, so that these decide whether
 * a memory of a run is valid for another run (src/host/oci-generator.sh has the same names).
 */
import type { Environment } from "../../domain/machine/LogSettings.ts"

/** The variables that decide a run. `PATH` finds Node. */
export const NAMES = [
  "PATH",
  "NO_COLOR",
  "SYSTEMD_IN_INITRD",
  "SYSTEMD_LOG_COLOR",
  "SYSTEMD_LOG_LEVEL",
  "SYSTEMD_LOG_RATELIMIT_KMSG",
  "SYSTEMD_LOG_TARGET",
  "SYSTEMD_LOG_TID",
  "SYSTEMD_LOG_TIME",
  "SYSTEMD_VIRTUALIZATION"
] as const

/** Returns these variables and the process id that systemd passes, which is different in each run. */
export const of = (environment: NodeJS.ProcessEnv = process.env): Environment =>
  Object.fromEntries([...NAMES, "SYSTEMD_EXEC_PID"].map((name) => [name, environment[name]]))

/**
 * The request of `oci-generator`: where a run is remembered, with which arguments it was started, and by which
 * name.
 */
export interface MemoryRequest {
  readonly directory: string
  readonly asked: string
  readonly script: string
  /** The configuration file, if one was named. */
  readonly config: string | undefined
  /** Whether the units are only made for the memory of the next boot. Nothing is logged then. */
  readonly isAhead: boolean
}

export const memoryRequest = (
  config: string | undefined,
  environment: NodeJS.ProcessEnv = process.env
): MemoryRequest | undefined => {
  const { OCI_GENERATOR_AHEAD, OCI_GENERATOR_ASKED, OCI_GENERATOR_MEMORY, OCI_GENERATOR_SCRIPT } = environment
  return OCI_GENERATOR_ASKED === undefined ||
    OCI_GENERATOR_MEMORY === undefined ||
    OCI_GENERATOR_SCRIPT === undefined
    ? undefined
    : {
        directory: OCI_GENERATOR_MEMORY,
        asked: OCI_GENERATOR_ASKED,
        script: OCI_GENERATOR_SCRIPT,
        config,
        isAhead: (OCI_GENERATOR_AHEAD ?? "") !== ""
      }
}
