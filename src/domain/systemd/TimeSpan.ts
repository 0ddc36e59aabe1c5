/**
 * A span of time in a line of the configuration.
 *
 *     SPAN = NUMBER                     seconds
 *          | ( NUMBER UNIT [ " " ] ) …    added up
 *     UNIT = "ms" | "s" | "m" | "min" | "h"
 *
 * This is what systemd.time(7) and Go's durations have in common: Podman's `1m30s` means the same here.
 */
import * as Either from "effect/Either"
import { refuse, type ValueRefused } from "../text/ValueRefused.ts"

/** Parses a span to milliseconds. */
export const parse = (text: string): Either.Either<number, ValueRefused> => {
  const parts = ALONE.test(text) ? [[text, text, "s"]] : SPAN.test(text) ? [...text.matchAll(PART)] : []
  if (parts.length === 0) return refuse(WANTED)
  const sum = parts.reduce(
    (total, [, number, unit]) => total + Number(number) * (MILLISECONDS[unit ?? ""] ?? 0),
    0
  )
  return sum > LONGEST ? refuse("at most 365 days are allowed") : Either.right(Math.round(sum))
}

export const print = (milliseconds: number): string =>
  milliseconds % 1000 === 0 ? `${milliseconds / 1000}s` : `${milliseconds}ms`

/**
 * The longest span, a year in milliseconds. systemd's own limit is far higher, but a check that is less frequent is
 * useless.
 */
export const LONGEST = 365 * 24 * 3600 * 1000

const MILLISECONDS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000
}
const WANTED = "a time is expected, for example 30s, 1m30s or 500ms"
const ALONE = /^\d{1,12}(?:\.\d{1,6})?$/
const SPAN = /^(?:\d{1,12}(?:\.\d{1,6})?(?:ms|s|min|m|h) ?)+$/
const PART = /(\d+(?:\.\d+)?)(ms|s|min|m|h)/g
