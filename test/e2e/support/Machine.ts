/** A throw-away Debian machine for tests: a root directory, booted with the real systemd of its release. */
import { readFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import type { Release } from "./BaseRoot.ts"
import { CommandFailed, type CommandOptions, type CommandResult, run } from "./Command.ts"
import * as MachineRoot from "./MachineRoot.ts"
import * as Nspawn from "./Nspawn.ts"

export { baseRoot, type Release } from "./BaseRoot.ts"
export { CommandFailed, type CommandOptions, type CommandResult } from "./Command.ts"
export { missingTools, releases, skipReason } from "./Requirements.ts"

export interface MachineOptions {
  /** Paths in the machine, each with the host path that is copied there (a directory with all it holds). */
  readonly files?: Readonly<Record<string, string>>
  /** A network namespace to be booted into, see `Nspawn`. */
  readonly network?: string
  /** More to be done to the root before it is first booted. */
  readonly setup?: (root: string) => Promise<void>
}

/** Boots take about a second; three at once on a busy host may take their time. */
const BOOT_TIMEOUT = 120_000

/** A service that ignores SIGTERM holds a shutdown up for 90 s: that is no reason to wait for it here. */
const POWER_OFF_TIMEOUT = 30_000

/** How much of the console a failed boot quotes. */
const CONSOLE_LINES = 100

/** How much of the journal a failed systemctl quotes. */
const JOURNAL_LINES = 60

/** Below these a running machine has filesystems of its own, which the host's view of the root does not show. */
const NOT_SHARED = /^\/(dev|proc|run|sys|tmp)(\/|$)/

/** `$1` is the path, `$2` the mode or nothing. Done by the machine's own tools, so links resolve inside the root. */
const WRITE = 'mkdir -p "$(dirname "$1")" && cat > "$1" && { [ -z "$2" ] || chmod "$2" "$1"; }'

const live = new Set<Machine>()

export class Machine implements AsyncDisposable {
  readonly release: Release
  private readonly place: MachineRoot.MachineRoot
  private readonly options: MachineOptions
  private current: { readonly nspawn: Nspawn.Nspawn; readonly pid: number } | undefined
  private booting: Nspawn.Nspawn | undefined

  private constructor(release: Release, options: MachineOptions, place: MachineRoot.MachineRoot) {
    this.release = release
    this.options = options
    this.place = place
  }

  /** A new machine, switched off. Nothing of it outlives `dispose()`, nor the test process. */
  static async create(release: Release, options: MachineOptions = {}): Promise<Machine> {
    watchExit()
    const machine = new Machine(release, options, await MachineRoot.make(release))
    live.add(machine)
    try {
      for (const [path, source] of Object.entries(options.files ?? {})) await machine.copyIn(source, path)
      await options.setup?.(machine.root)
      // The host's node may want a newer C library than the release has: say so here, not in the middle of a test.
      await run(["chroot", machine.root, "/usr/bin/node", "--version"])
      return machine
    } catch (cause) {
      await machine.dispose()
      throw cause
    }
  }

  /** The root as the host sees it. It holds all but /run, /tmp, /dev, /proc and /sys of a running machine. */
  get root(): string {
    return this.place.root
  }

  /** The unique name of the machine, of its cgroup, and the end of its directory's. */
  get name(): string {
    return this.place.name
  }

  get isRunning(): boolean {
    return this.current !== undefined && !this.current.nspawn.hasEnded()
  }

  /** The host's number for the machine's systemd. */
  get pid(): number {
    if (this.current === undefined || !this.isRunning) throw new Error(`machine ${this.name} is off`)
    return this.current.pid
  }

  /** Boots and waits until systemd says "running" or "degraded"; an error quotes the console. */
  async boot(timeout: number = BOOT_TIMEOUT): Promise<void> {
    if (this.isRunning || this.booting !== undefined) throw new Error(`machine ${this.name} is already on`)
    const nspawn = Nspawn.start({
      ...this.place,
      hostname: this.release,
      ...(this.options.network === undefined ? {} : { network: this.options.network })
    })
    this.booting = nspawn
    const pid = await Nspawn.booted(nspawn, Date.now() + timeout)
    this.booting = undefined
    if (pid === undefined) {
      const what = nspawn.hasEnded() ? "ended while it booted" : `was not up after ${timeout} ms`
      await this.end(nspawn)
      throw new Error(`machine ${this.name} ${what}; its console:\n${await this.console()}`)
    }
    this.current = { nspawn, pid }
  }

  /**
   * Runs a program, or a line of shell, in the running machine. Throws `CommandFailed` unless `check` is false. systemctl only
   * says that a job failed: the error quotes the journal then.
   */
  async run(command: string | readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const argv = typeof command === "string" ? ["sh", "-c", command] : command
    const pid = this.pid
    try {
      return await run([...Nspawn.inside(pid), ...argv], options)
    } catch (cause) {
      if (!(cause instanceof CommandFailed) || argv[0] !== "systemctl") throw cause
      const journal = ["journalctl", "--boot", `--lines=${JOURNAL_LINES}`, "--output=short-precise"]
      const { stdout } = await run([...Nspawn.inside(pid), ...journal], { check: false })
      throw new CommandFailed(cause.argv, cause.result, `${cause.reason}; the journal:\n${stdout}`)
    }
  }

  /** Writes a file, with its directories, in the running machine or in its root when it is off. */
  async write(path: string, content: string | Uint8Array, mode?: number): Promise<void> {
    const argv = ["sh", "-c", WRITE, "write", path, mode === undefined ? "" : mode.toString(8)]
    await run([...this.enter(), ...argv], { stdin: content })
  }

  /** The text of a file, seen as `write` does. */
  async read(path: string): Promise<string> {
    return (await run([...this.enter(), "cat", "--", path])).stdout
  }

  /** Copies a file or directory of the host, with owners, modes and extended attributes, to exactly `path`. */
  async copyIn(source: string, path: string): Promise<void> {
    if (NOT_SHARED.test(path)) throw new Error(`${path} belongs to the running machine alone`)
    const target = join(this.root, path)
    await run(["mkdir", "-p", dirname(target)])
    await run(["cp", "--archive", "--no-target-directory", source, target])
  }

  /** What a unit wrote to the journal in this boot, without the journal's own columns. */
  async journal(unit: string): Promise<string> {
    await this.run(["journalctl", "--sync"])
    return (await this.run(["journalctl", "--boot", "--no-pager", "--output=cat", `--unit=${unit}`])).stdout
  }

  /** The end of what the machine printed on its console, over all its boots. */
  async console(): Promise<string> {
    const text = await readFile(this.place.console, "utf8").catch(() => "")
    return text.replaceAll("\r", "").split("\n").slice(-CONSOLE_LINES).join("\n")
  }

  /** An orderly shutdown; after `timeout` milliseconds the power is cut, and the answer is false. */
  async powerOff(timeout: number = POWER_OFF_TIMEOUT): Promise<boolean> {
    if (this.current === undefined) return true
    const { nspawn, pid } = this.current
    const cancel = new AbortController()
    // The connection may break before the answer is there: what counts is that the machine ends.
    const request = run([...Nspawn.inside(pid), "systemctl", "exit", "0"], { check: false, timeout })
    const late = sleep(timeout, undefined, { signal: cancel.signal }).catch(() => undefined)
    await Promise.race([nspawn.ended, late])
    cancel.abort()
    const orderly = nspawn.hasEnded()
    await this.end(nspawn)
    await request.catch(() => undefined)
    return orderly
  }

  /** Ends everything in the machine at once, as pulling the plug does. */
  async cutPower(): Promise<void> {
    if (this.current !== undefined) await this.end(this.current.nspawn)
  }

  /** Off and on again, with the same root. */
  async reboot(): Promise<void> {
    await this.powerOff()
    await this.boot()
  }

  /** Cuts the power, unmounts and deletes. Harmless when done twice. */
  async dispose(): Promise<void> {
    const nspawn = this.booting ?? this.current?.nspawn
    if (nspawn !== undefined) await this.end(nspawn)
    await MachineRoot.remove(this.place)
    live.delete(this)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  /** `dispose()` for the exit hook. */
  disposeSync(): void {
    const nspawn = this.booting ?? this.current?.nspawn
    if (nspawn !== undefined) Nspawn.kill(nspawn)
    MachineRoot.removeSync(this.place)
    live.delete(this)
  }

  private async end(nspawn: Nspawn.Nspawn): Promise<void> {
    Nspawn.kill(nspawn)
    await nspawn.ended
    await Nspawn.removeCgroup(this.name)
    this.current = undefined
  }

  private enter(): readonly string[] {
    return this.isRunning ? Nspawn.inside(this.pid) : ["chroot", this.root]
  }
}

let watching = false

/** A test that throws, or a runner that is stopped, must not leave machines behind. */
const watchExit = (): void => {
  if (watching) return
  watching = true
  process.on("exit", disposeAll)
  // Signals are raised again once the machines are gone: vitest's workers have no process.exit() that exits.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => dieOf(signal))
  // The runner died and left its worker, which would go on with the test.
  process.once("disconnect", () => {
    if (live.size > 0) dieOf("SIGKILL")
  })
}

const disposeAll = (): void => {
  for (const machine of live) machine.disposeSync()
}

const dieOf = (signal: NodeJS.Signals): void => {
  disposeAll()
  process.kill(process.pid, signal)
}
