/**
 * The image's `StopSignal` as `KillSignal=` takes it.
 *
 *     signal = [ "SIG" ] name | number | [ "SIG" ] ( "RTMIN" [ "+" n ] | "RTMAX" [ "-" n ] )
 *
 * Names and numbers are signal(7)'s for x86 and ARM; systemd.kill(5) reads the result.
 */
import * as Either from "effect/Either"
import { TaggedError } from "../text/TaggedError.ts"

export class UnknownSignal extends TaggedError("UnknownSignal")<{ readonly signal: string }> {
  override get message(): string {
    return `the stop signal ${JSON.stringify(this.signal)} is none that Linux knows`
  }
}

/** The name with `SIG`, or the number of a real-time signal. */
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
 * Further ways to end that are a clean stop, as `SuccessExitStatus=` takes them: shells, and programs that catch the signal, exit
 * with 128 and its number. To die of it is clean without a word for some (systemd.service(5)). Nothing for `SIGKILL`, which others
 * send too, and nobody means.
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

/** glibc keeps 32 and 33 for itself. */
const RTMIN = 34
const RTMAX = 64

/** In the order of their numbers, from 1. */
const NAMES: readonly string[] = [
  ..."HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT".split(" "),
  ..."CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS".split(" ")
]
const ALIASES: Readonly<Record<string, string>> = { IOT: "ABRT", CLD: "CHLD", POLL: "IO", UNUSED: "SYS" }
