/** Child processes of the tests' shell: a program, its arguments, what it said, and a bound on its time. */
import { spawn } from "node:child_process"

export interface CommandResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface CommandOptions {
  /** Throw `CommandFailed` when the exit code is not 0; `true` unless told otherwise. */
  readonly check?: boolean
  /** Milliseconds until the process and its process group are killed. */
  readonly timeout?: number
  readonly stdin?: string | Uint8Array
  readonly cwd?: string
  /** Added to `cleanEnvironment`; nothing else is inherited. */
  readonly env?: Readonly<Record<string, string>>
}

/** Long enough for slow machines, short enough for a test to say what hung. */
const DEFAULT_TIMEOUT = 120_000

/** How long output may still arrive after the process itself ended: a daemon it left behind can hold the pipe. */
const PIPE_GRACE = 500

/** The runner's own variables (NODE_OPTIONS, VITEST…, proxies) must not reach what is tested. */
export const cleanEnvironment: Readonly<Record<string, string>> = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/root",
  LANG: "C.UTF-8",
  TERM: "dumb",
  SYSTEMD_COLORS: "0",
  SYSTEMD_PAGER: "",
  SYSTEMD_URLIFY: "0"
}

export class CommandFailed extends Error {
  readonly argv: readonly string[]
  readonly result: CommandResult
  readonly reason: string

  constructor(argv: readonly string[], result: CommandResult, reason: string) {
    super(`${argv.join(" ")}: ${reason}\n${result.stdout}${result.stderr}`)
    this.name = "CommandFailed"
    this.argv = argv
    this.result = result
    this.reason = reason
  }
}

/** Runs `argv` to its end. A death by signal is exit code 128: not 0, and no code of a program's own. */
export const run = (argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> => {
  const { check = true, timeout = DEFAULT_TIMEOUT } = options
  const [program = "", ...rest] = argv
  return new Promise((resolve, reject) => {
    // A process group of its own, so that a timeout reaches what the program forked (nsenter does fork).
    const child = spawn(program, rest, {
      cwd: options.cwd,
      env: { ...cleanEnvironment, ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
      detached: true
    })
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      killGroup(child.pid)
    }, timeout)

    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk))
    // A program may end without reading its input: its exit code says enough.
    child.stdin.on("error", () => {})
    child.stdin.end(options.stdin)

    child.on("error", (cause) => {
      clearTimeout(timer)
      reject(cause)
    })
    child.on("exit", () => {
      setTimeout(() => {
        child.stdout.destroy()
        child.stderr.destroy()
      }, PIPE_GRACE).unref()
    })
    child.on("close", (code, signal) => {
      clearTimeout(timer)
      const result: CommandResult = {
        code: code ?? 128,
        stdout: Buffer.concat(stdout).toString("utf8"),
        stderr: Buffer.concat(stderr).toString("utf8")
      }
      if (timedOut) reject(new CommandFailed(argv, result, `killed after ${timeout} ms`))
      else if (check && result.code !== 0) {
        reject(new CommandFailed(argv, result, signal ? `died of ${signal}` : `exit code ${result.code}`))
      } else resolve(result)
    })
  })
}

const killGroup = (pid: number | undefined): void => {
  if (pid === undefined) return
  try {
    process.kill(-pid, "SIGKILL")
  } catch {
    // It ended on its own in the meantime.
  }
}
