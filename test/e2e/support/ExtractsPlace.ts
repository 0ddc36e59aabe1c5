/** The built program on an extracts directory of its own, and what it leaves there. */
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import * as LockFiles from "../../support/LockFiles.ts"
import { cleanEnvironment } from "./Command.ts"

const CLI = join(dirname(fileURLToPath(import.meta.url)), "../../../dist/oci-systemd.cjs")

export type RootsKind = "directories" | "mounted"

export interface Outcome {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Outcome>
  /** What earlier ones had left in `tmp`. */
  readonly before: ReadonlySet<string>
}

export interface StartOptions {
  /** The user and group to run as; our own unless told. */
  readonly user?: number
  /** The program, where that user cannot read ours. */
  readonly program?: string
  /** A command line that is given ours to run. */
  readonly under?: readonly string[]
  /** All there are, unless told. */
  readonly images?: readonly string[]
}

const list = (directory: string): readonly string[] => (existsSync(directory) ? readdirSync(directory) : [])

const live = new Set<Running>()

/** Ends what a failed test has left, stopped or waiting: it would keep a file system mounted. */
export const endAll = async (): Promise<void> => {
  const running = [...live]
  for (const { child } of running) child.kill("SIGKILL")
  await Promise.allSettled(running.map(({ ended }) => ended))
}

const until = async ({ child }: Running, condition: () => boolean): Promise<void> => {
  while (!condition() && child.exitCode === null && child.signalCode === null) await sleep(1)
}

export class ExtractsPlace {
  readonly extracts: string
  private readonly config: string

  /** `directory` exists; the configuration and the extracts directory go there. `roots` is the key of the configuration. */
  constructor(
    directory: string,
    layouts: string,
    extracts = join(directory, "extracts"),
    roots: RootsKind = "directories"
  ) {
    this.extracts = extracts
    this.config = join(directory, "oci-generator.conf")
    writeFileSync(
      this.config,
      `[system]\nimagelayoutdir = ${layouts}\nextractsdir = ${extracts}\nroots = ${roots}\n`
    )
  }

  start({ user, program = CLI, under = [], images = [] }: StartOptions = {}): Running {
    const before = new Set(this.temporary())
    const [command = "", ...argv] = [
      ...under,
      process.execPath,
      program,
      "extract",
      "--config",
      this.config,
      ...images
    ]
    const child = spawn(command, argv, {
      env: cleanEnvironment,
      stdio: ["ignore", "pipe", "pipe"],
      ...(user === undefined ? {} : { uid: user, gid: user })
    })
    const text = { stdout: "", stderr: "" }
    child.stdout.on("data", (chunk) => {
      text.stdout += chunk
    })
    child.stderr.on("data", (chunk) => {
      text.stderr += chunk
    })
    const ended = new Promise<Outcome>((resolve, reject) => {
      child.on("error", reject)
      child.on("close", (code, signal) => resolve({ code, signal, ...text }))
    })
    const running = { child, ended, before }
    live.add(running)
    const forget = () => live.delete(running)
    ended.then(forget, forget)
    return running
  }

  run(options?: StartOptions): Promise<Outcome> {
    return this.start(options).ended
  }

  /** What is said to be complete. */
  roots(): readonly string[] {
    const found: string[] = []
    const chains = join(this.extracts, "roots")
    for (const algorithm of list(chains)) {
      for (const shard of list(join(chains, algorithm))) {
        for (const root of list(join(chains, algorithm, shard)))
          found.push(join(chains, algorithm, shard, root))
      }
    }
    return found
  }

  /** What belongs to extractions under way. */
  leftovers(): readonly string[] {
    return ["tmp", "locks"].flatMap((name) =>
      list(join(this.extracts, name)).map((entry) => `${name}/${entry}`)
    )
  }

  /** Where the image's name leads. */
  named(): string {
    return realpathSync(join(this.extracts, "names/example.org/small/v1/rootfs"))
  }

  /** When the extraction works, in a directory of its own and with its lock held; or has ended. */
  begun(running: Running): Promise<void> {
    return until(running, () => this.temporary().some((name) => !running.before.has(name)))
  }

  /** When the extraction waits for a lock of `path`, with a directory of its own; or has ended. */
  async blocked(running: Running, path: string): Promise<void> {
    await this.begun(running)
    await until(running, () => LockFiles.openedBy(running.child.pid ?? 0, path) > 0)
  }

  /** When there is a root, or the extraction has ended. */
  published(running: Running): Promise<void> {
    return until(running, () => this.roots().length > 0)
  }

  /** The lock of the chain at whose root an extraction works, the only one at the time. */
  chainLock(): string {
    const locks = join(this.extracts, "locks")
    const [lock = ""] = list(locks).filter((name) => !name.startsWith("layer-"))
    return join(locks, lock)
  }

  private temporary(): readonly string[] {
    return list(join(this.extracts, "tmp"))
  }

  clear(): void {
    rmSync(this.extracts, { recursive: true, force: true })
  }
}
