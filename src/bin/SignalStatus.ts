/** The exit status of a program that a signal ended: 128 plus the signal's number, as in shells. */
import { constants } from "node:os"
import type { Teardown } from "@effect/platform/Runtime"
import * as Exit from "effect/Exit"

/**
 * Sets the status at the end. A command that failed has set its status already; one interrupted without a signal ends
 * with 1.
 */
export const teardown = (): Teardown => {
  let status = 1
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      status = 128 + constants.signals[signal]
    })
  }
  process.stdout.on("error", (cause: NodeJS.ErrnoException) => {
    if (cause.code !== "EPIPE") throw cause
    // The reader is gone, as after `| head`. This ends the program like SIGPIPE, but with cleanup.
    process.emit("SIGTERM")
    status = 128 + constants.signals.SIGPIPE
    process.exitCode = status
  })
  // An error on standard error cannot be reported anywhere. Standard output has its own handler.
  process.stderr.on("error", () => {})
  return (exit, onExit) => onExit(Exit.isSuccess(exit) ? 0 : status)
}
