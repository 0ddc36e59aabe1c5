/**
 * Which directives the host's systemd knows. A unit never holds a directive that systemd would warn about.
 *
 * Directives missing from the table are known to the oldest supported version. The numbers are those of "Added in
 * version" in the manual pages and of systemd's NEWS; test/services/host/systemdVersion.test.ts compares them with
 * the installed systemd.
 */

import { TaggedError } from "../text/TaggedError.ts"

/** Debian 12's version, the oldest that the tests run on. */
export const OLDEST = 252

const SINCE = {
  /** Whether `UNIT.upholds/` works beside `UNIT.wants/` (systemd's NEWS of 254). `Upholds=` itself is older. */
  UpholdsDirectory: 254,
  /** The journal's sockets inside the root (systemd.exec(5)). */
  BindLogSockets: 257,
  /** The service is process 1 of its own process id namespace (systemd.exec(5)). */
  PrivatePIDs: 257,
  /** `ProtectControlGroups=strict`: the service has its own read-only cgroup namespace (systemd.exec(5)). */
  PrivateControlGroups: 257
} as const

/**
 * Whether a unit with two or more `LogExtraFields=` loses systemd's message about a process that cannot be started
 * ("Failed at step EXEC spawning …"). Seen with 257.13, not with 252 or 262; versions between were not tried. From
 * 255 on these messages come from a separate program, systemd-executor.
 */
export const losesMessagesOfFields = (version: number): boolean => version >= 255 && version < 262

export type Feature = keyof typeof SINCE

export const knows = (version: number, feature: Feature): boolean => version >= SINCE[feature]

/** The configuration asks for something that the host's systemd cannot do. */
export class FeatureMissing extends TaggedError("FeatureMissing")<{
  readonly setting: string
  readonly feature: Feature
  readonly systemdVersion: number
}> {
  override get message(): string {
    const { feature, setting, systemdVersion } = this
    return `${setting} needs systemd ${SINCE[feature]} or later, and this host has ${systemdVersion}: remove the key or change it`
  }
}

/** Reads systemd's version from the name of its private library: `libsystemd-shared-257.9-1.so` is 257. */
export const fromLibraryName = (name: string): number | undefined => {
  const digits = /^libsystemd-shared-([0-9]{3,4})(?:[^0-9].*)?\.so$/.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}
