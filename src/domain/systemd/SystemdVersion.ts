/**
 * Which directives a host's systemd knows: a unit says nothing that it would warn about.
 *
 * Everything that is not in the table is known to the oldest version. The numbers are those of "Added in version" in
 * the manual page and of systemd's NEWS; test/services/systemdVersion.test.ts asks the systemd that is installed.
 */

/** Debian 12's: the oldest that is seen working. */
export const OLDEST = 252

const SINCE = {
  /** `UNIT.upholds/` beside `UNIT.wants/` (systemd's NEWS of 254); `Upholds=` itself is older. */
  UpholdsDirectory: 254,
  /** The journal's sockets inside the root (systemd.exec(5)). */
  BindLogSockets: 257,
  /**
   * The service is process 1 of a namespace of its own. Known from 257 on, where systemd now and then takes the main
   * process for "not our child", and then kills it with SIGKILL the moment it is to be stopped (seen with 257.13: 5 of 30
   * stops of a redis, which lost its data; none of 30 with 262; what is between was not tried).
   */
  PrivatePIDs: 262,
  /** `ProtectControlGroups=strict`: a cgroup namespace of its own, read-only (systemd.exec(5)). */
  PrivateControlGroups: 257
} as const

/**
 * A unit with two `LogExtraFields=` or more loses what systemd says of a process that it cannot start, "Failed at step EXEC
 * spawning …": seen with 257.13, and neither with 252 nor with 262. What is between was not tried; 255 is where these messages come
 * from a program of their own, systemd-executor.
 */
export const losesMessagesOfFields = (version: number): boolean => version >= 255 && version < 262

export type Feature = keyof typeof SINCE

export const knows = (version: number, feature: Feature): boolean => version >= SINCE[feature]

/** systemd names its private library after its version: the version of `libsystemd-shared-257.9-1.so` is 257. */
export const fromLibraryName = (name: string): number | undefined => {
  const digits = /^libsystemd-shared-([0-9]{3,4})(?:[^0-9].*)?\.so$/.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}
