/**
 * Runs a program of the host that prints its own messages, and returns its exit code; 127 if it cannot be run, as in
 * a shell.
 */
import * as Command from "@effect/platform/Command"
import type { CommandExecutor } from "@effect/platform/CommandExecutor"
import * as Effect from "effect/Effect"

export const status = (
  program: string,
  ...args: readonly string[]
): Effect.Effect<number, never, CommandExecutor> =>
  Command.make(program, ...args).pipe(
    Command.stdout("inherit"),
    Command.stderr("inherit"),
    Command.exitCode,
    Effect.orElseSucceed(() => 127)
  )
