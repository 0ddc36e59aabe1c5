/** Which directives a host's systemd knows: a unit says nothing that it would warn about. */

/** Debian 12's: the oldest that is seen working. */
export const OLDEST = 252

/** Since when, from systemd.exec(5)'s "Added in version". */
const SINCE = {
  /** The journal's sockets inside the root. */
  BindLogSockets: 257
} as const

export type Feature = keyof typeof SINCE

export const knows = (version: number, feature: Feature): boolean => version >= SINCE[feature]

/** systemd names its private library after its version: the version of `libsystemd-shared-257.9-1.so` is 257. */
export const fromLibraryName = (name: string): number | undefined => {
  const digits = /^libsystemd-shared-([0-9]{3,4})(?:[^0-9].*)?\.so$/.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}
