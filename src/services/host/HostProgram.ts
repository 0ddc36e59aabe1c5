/** Programs of the host that are run once, for what they do. */
import { type ExecFileException, execFile } from "node:child_process"
import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

export class ProgramFailed extends Schema.TaggedError<ProgramFailed>()("ProgramFailed", {
  command: Schema.String,
  said: Schema.String,
  /** `EACCES` where it said that who runs it may not do this. */
  code: Schema.optional(Schema.Literal("EACCES"))
}) {
  override get message(): string {
    return `${this.command} failed${this.said === "" ? "" : `: ${this.said}`}`
  }

  /** The message, where what the program said is more than a line. */
  get lines(): readonly string[] {
    const said = this.said.split("\n")
    return said.length === 1 ? [this.message] : [`${this.command} failed:`, ...said]
  }
}

/** What it prints. */
export const run = (program: string, ...args: readonly string[]): Effect.Effect<string, ProgramFailed> =>
  Effect.flatMap(executed(program, args, {}), ({ error, stdout, stderr }) =>
    error === null
      ? Effect.succeed(stdout)
      : failed(
          [program, ...args].join(" "),
          stderr.trim() || (typeof error.code === "number" ? "" : error.message)
        )
  )

export const failed = (command: string, said: string): ProgramFailed =>
  new ProgramFailed({ command, said, ...(REFUSAL.test(said) ? { code: "EACCES" as const } : {}) })

/** Of systemd and polkit, whose words these are in every language, and of the C library. */
const REFUSAL = /access denied|authentication (?:is )?required|permission denied|operation not permitted/i

/** What it prints on both streams, however it ends; a failure where it cannot be run at all. */
export const said = (program: string, ...args: readonly string[]): Effect.Effect<string, ProgramFailed> =>
  Effect.flatMap(
    executed(program, args, { timeout: 60_000, maxBuffer: 2 ** 24 }),
    ({ error, stdout, stderr }) =>
      error !== null && typeof error.code !== "number"
        ? new ProgramFailed({ command: program, said: error.message.split("\n")[0] ?? "" })
        : Effect.succeed(`${stdout}${stderr}`)
  )

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

/** Whether systemd runs this machine: sd_booted(3). */
export const hasSystemd = (): boolean => fs.existsSync("/run/systemd/system")
