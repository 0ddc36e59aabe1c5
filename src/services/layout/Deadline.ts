/** How long the generator may work, since PID 1 waits for it at each boot. */
export interface Deadline {
  readonly seconds: number
  /** Whether the time is over. */
  readonly isSpent: () => boolean
}

/** Returns a deadline this number of seconds from now. */
export const of = (seconds: number): Deadline => {
  // This clock is used because `performance` takes a millisecond to load.
  const end = process.hrtime.bigint() + BigInt(seconds) * 1_000_000_000n
  return { seconds, isSpent: () => process.hrtime.bigint() > end }
}

/** The absence of a deadline, for commands run by hand. */
export const UNLIMITED: Deadline = { seconds: Number.POSITIVE_INFINITY, isSpent: () => false }

/** Returns why something was left undone, as a clause that follows its name. */
export const spent = ({ seconds }: Deadline): string =>
  `was not read, as the generator had no time left (maxseconds = ${seconds}): systemctl daemon-reload tries again`
