/** How the CLI tells people what went wrong: standard error, one line a message, and an exit code. */
import * as ValidationError from "@effect/cli/ValidationError"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as StatusLine from "./StatusLine.ts"

/** Printed by `@effect/cli` itself; sysexits.h and systemd's own tools use 2 and more, 1 is "it did not work". */
const FAILED = 1
const MISUSED = 2

/** `warning: …`, on standard error: standard output is data. */
export const logger = Logger.make(({ logLevel, message }) => {
  const text = Array.isArray(message) ? message.map(String).join(" ") : String(message)
  StatusLine.clear()
  process.stderr.write(`${LABELS[logLevel._tag] ?? logLevel.label.toLowerCase()}: ${text}\n`)
})

const LABELS: Readonly<Record<string, string>> = {
  Warning: "warning",
  Error: "error",
  Fatal: "error",
  Info: "info"
}

/** Tells a failure and sets the exit code. Interruption is left to the runtime. */
export const report = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<void, never, R> =>
  effect.pipe(
    Effect.asVoid,
    Effect.catchAllCause((cause) =>
      Cause.isInterruptedOnly(cause)
        ? Effect.interrupt
        : Effect.sync(() => {
            const failure = Option.getOrElse(Cause.failureOption(cause), () => Cause.squash(cause))
            if (ValidationError.isValidationError(failure)) {
              process.exitCode = MISUSED
              return
            }
            StatusLine.clear()
            process.stderr.write(`${lines(failure).join("\n")}\n`)
            process.exitCode = FAILED
          })
    )
  )

/** `error: …`, and below it each cause that says more. */
const lines = (failure: unknown): readonly string[] => {
  const said = [messageOf(failure)]
  for (let cause = causeOf(failure); cause !== undefined; cause = causeOf(cause)) {
    const message = messageOf(cause)
    if (!said.some((line) => line.includes(message))) said.push(message)
  }
  return said.map((message, index) => `${index === 0 ? "error: " : "  caused by: "}${message}`)
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const causeOf = (error: unknown): unknown => (error instanceof Error ? error.cause : undefined)
