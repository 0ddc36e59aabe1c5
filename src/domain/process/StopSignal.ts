/**
 * The image's `StopSignal` as `KillSignal=` expects it.
 *
 *     signal = [ "SIG" ] name | number | [ "SIG" ] ( "RTMIN" [ "+" n ] | "RTMAX" [ "-" n ] )
 *
 * Names and numbers are those of signal(7) for x86 and ARM. systemd.kill(5) describes `KillSignal=`.
 */
import * as Either from "effect/Either"
import { TaggedError } from "../text/TaggedError.ts"

/** The image names a stop signal that does not exist. */
export class UnknownSignal extends TaggedError("UnknownSignal")<{ readonly signal: string }> {
  override get message(): string {
    return `the stop signal ${JSON.stringify(this.signal)} is not a signal of Linux`
  }
}

/** Returns the name with `SIG`, or the number of a real-time signal. */
export const parse = (signal: string): Either.Either<string, UnknownSignal> => {
  const unknown = Either.left(new UnknownSignal({ signal }))
  if (/^[0-9]{1,2}$/.test(signal)) {
    const number = Number(signal)
    const name = NAMES[number - 1]
    if (name !== undefined) return Either.right(`SIG${name}`)
    return number >= RTMIN && number <= RTMAX ? Either.right(realTime(number)) : unknown
  }
  const name = signal.toUpperCase().replace(/^SIG/, "")
  if (NAMES.includes(name)) return Either.right(`SIG${name}`)
  if (name in ALIASES) return Either.right(`SIG${ALIASES[name]}`)
  const real = /^RT(?:MIN(?:\+([0-9]{1,2}))?|MAX(?:-([0-9]{1,2}))?)$/.exec(name)
  if (real === null) return unknown
  const number = name.startsWith("RTMIN") ? RTMIN + Number(real[1] ?? 0) : RTMAX - Number(real[2] ?? 0)
  return number >= RTMIN && number <= RTMAX ? Either.right(realTime(number)) : unknown
}

/**
 * Returns further exits that count as a clean stop, for `SuccessExitStatus=`: shells, and programs that catch the
 * signal, exit with 128 plus its number. For some signals systemd counts death by the signal itself as clean
 * (systemd.service(5)). Nothing is added for `SIGKILL`, which other processes send too and which no image means.
 */
export const successStatus = (signal: string): string | undefined => {
  if (signal === "SIGKILL") return undefined
  const status = `${128 + numberOf(signal)}`
  return CLEAN.includes(signal) ? status : `${status} ${signal}`
}

const numberOf = (signal: string): number =>
  signal.startsWith("SIGRTMIN+") ? RTMIN + Number(signal.slice(9)) : NAMES.indexOf(signal.slice(3)) + 1

const CLEAN = ["SIGHUP", "SIGINT", "SIGTERM", "SIGPIPE"]

const realTime = (number: number): string => `SIGRTMIN+${number - RTMIN}`

/** The first real-time signal, since glibc reserves 32 and 33. */
const RTMIN = 34
const RTMAX = 64

/** Names in the order of their numbers, from 1. */
const NAMES: readonly string[] = [
  ..."HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT".split(" "),
  ..."CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS".split(" ")
]
const ALIASES: Readonly<Record<string, string>> = { IOT: "ABRT", CLD: "CHLD", POLL: "IO", UNUSED: "SYS" }
