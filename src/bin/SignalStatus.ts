/** The exit status of a program that a signal ended: 128 and the signal's number, as shells have it. */
import { constants } from "node:os"
import type { Teardown } from "@effect/platform/Runtime"
import * as Exit from "effect/Exit"

/** What failed otherwise has set its status; what was interrupted, and by no signal, ends with 1. */
export const teardown = (): Teardown => {
  let status = 1
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      status = 128 + constants.signals[signal]
    })
  }
  process.stdout.on("error", (cause: NodeJS.ErrnoException) => {
    if (cause.code !== "EPIPE") throw cause
    // Nobody reads any more, as after `| head`: the end that SIGPIPE is, but tidily.
    process.emit("SIGTERM")
    status = 128 + constants.signals.SIGPIPE
    process.exitCode = status
  })
  // Nowhere left to say anything; standard output has its own end.
  process.stderr.on("error", () => {})
  return (exit, onExit) => onExit(Exit.isSuccess(exit) ? 0 : status)
}
