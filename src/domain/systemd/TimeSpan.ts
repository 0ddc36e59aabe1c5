/**
 * A span of time as a line of the configuration says it.
 *
 *     SPAN = NUMBER                     seconds
 *          | ( NUMBER UNIT [ " " ] ) …    added up
 *     UNIT = "ms" | "s" | "m" | "min" | "h"
 *
 * What systemd.time(7) and Go's durations have in common: Podman's `1m30s` means the same here.
 */
import * as Either from "effect/Either"

/** Milliseconds. */
export const parse = (text: string): Either.Either<number, string> => {
  const parts = ALONE.test(text) ? [[text, text, "s"]] : SPAN.test(text) ? [...text.matchAll(PART)] : []
  if (parts.length === 0) return Either.left(WANTED)
  const sum = parts.reduce(
    (total, [, number, unit]) => total + Number(number) * (MILLISECONDS[unit ?? ""] ?? 0),
    0
  )
  return sum > LONGEST ? Either.left("no more than 365 days are wanted") : Either.right(Math.round(sum))
}

export const print = (milliseconds: number): string =>
  milliseconds % 1000 === 0 ? `${milliseconds / 1000}s` : `${milliseconds}ms`

/** Milliseconds in a year: systemd's own limit is far away, and a check that is rarer is none. */
export const LONGEST = 365 * 24 * 3600 * 1000

const MILLISECONDS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000
}
const WANTED = "a time is wanted, for example 30s, 1m30s or 500ms"
const ALONE = /^\d{1,12}(?:\.\d{1,6})?$/
const SPAN = /^(?:\d{1,12}(?:\.\d{1,6})?(?:ms|s|min|m|h) ?)+$/
const PART = /(\d+(?:\.\d+)?)(ms|s|min|m|h)/g
