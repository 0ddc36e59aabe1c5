/** Runs programs of the host for their effects or their output. */

import { type ExecFileException, execFile } from "node:child_process"
import * as fs from "node:fs"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

export class ProgramFailed extends Data.TaggedError("ProgramFailed")<{
  readonly command: string
  readonly said: string
  /** `EACCES` if the program reported that the caller lacks permission. */
  readonly code?: "EACCES"
}> {
  override get message(): string {
    return `${this.command} failed${this.said === "" ? "" : `: ${this.said}`}`
  }

  /** The lines of the message, if the program printed more than one. */
  get lines(): readonly string[] {
    const said = this.said.split("\n")
    return said.length === 1 ? [this.message] : [`${this.command} failed:`, ...said]
  }
}

/** Runs a program and returns its standard output. */
export const run = (program: string, ...args: readonly string[]): Effect.Effect<string, ProgramFailed> =>
  Effect.flatMap(executed(program, args, { maxBuffer: MAX_OUTPUT }), ({ error, stdout, stderr }) =>
    error === null
      ? Effect.succeed(stdout)
      : failed(
          [program, ...args].join(" "),
          stderr.trim() || (typeof error.code === "number" ? "" : error.message)
        )
  )

export const failed = (command: string, said: string): ProgramFailed =>
  new ProgramFailed({ command, said, ...(REFUSAL.test(said) ? { code: "EACCES" as const } : {}) })

/** Denials of systemd and polkit, which print these words in every language, and of the C library. */
const REFUSAL = /access denied|authentication (?:is )?required|permission denied|operation not permitted/i

/**
 * Runs a program and returns both its outputs, whatever its exit code. It is a failure only if the program cannot be
 * run.
 */
export const said = (program: string, ...args: readonly string[]): Effect.Effect<string, ProgramFailed> =>
  Effect.flatMap(
    executed(program, args, { timeout: 60_000, maxBuffer: MAX_OUTPUT }),
    ({ error, stdout, stderr }) =>
      error !== null && typeof error.code !== "number"
        ? new ProgramFailed({ command: program, said: error.message.split("\n")[0] ?? "" })
        : Effect.succeed(`${stdout}${stderr}`)
  )

/** Room for what systemctl prints of ten thousand units. */
const MAX_OUTPUT = 2 ** 24

interface Outcome {
  readonly error: ExecFileException | null
  readonly stdout: string
  readonly stderr: string
}

const executed = (
  program: string,
  args: readonly string[],
  options: { readonly timeout?: number; readonly maxBuffer?: number }
): Effect.Effect<Outcome> =>
  Effect.async((resume) => {
    const child = execFile(program, args, options, (error, stdout, stderr) =>
      resume(Effect.succeed({ error, stdout: String(stdout), stderr: String(stderr) }))
    )
    return Effect.sync(() => child.kill())
  })

/** Whether this kernel enforces AppArmor's profiles. */
export const hasAppArmor = (): boolean => fs.existsSync("/sys/kernel/security/apparmor/profiles")

/** Whether systemd runs this machine, as by sd_booted(3). */
export const hasSystemd = (): boolean => fs.existsSync("/run/systemd/system")
