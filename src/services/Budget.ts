/** How long the generator may go on: PID 1 waits for it, at each boot. */
export interface Budget {
  readonly seconds: number
  readonly isSpent: () => boolean
}

/** From now on. */
export const of = (seconds: number): Budget => {
  // Not `performance`, which takes a millisecond to load.
  const end = process.hrtime.bigint() + BigInt(seconds) * 1_000_000_000n
  return { seconds, isSpent: () => process.hrtime.bigint() > end }
}

/** Whoever asks by hand waits as long as it takes. */
export const UNLIMITED: Budget = { seconds: Number.POSITIVE_INFINITY, isSpent: () => false }

/** Why something is left undone: a clause that follows its name. */
export const spent = ({ seconds }: Budget): string =>
  `was not read, as the generator had no time left (maxseconds = ${seconds}): systemctl daemon-reload tries again`
