/**
 * Where the generator's messages go: to the kernel's log at boot, to standard error when run by hand, never to
 * standard output.
 */
import * as fs from "node:fs"
import * as LogSettings from "../../domain/machine/LogSettings.ts"
import * as Printable from "../../domain/text/Printable.ts"
import * as RecordedFiles from "../files/RecordedFiles.ts"
import * as GeneratorEnvironment from "./GeneratorEnvironment.ts"

export interface Log {
  readonly debug: (message: string) => void
  readonly warn: (message: string) => void
  readonly error: (message: string) => void
  /** Logs how many messages were left out, and returns all messages of the run. */
  readonly end: () => Said
}

/** The messages of a run: the same for the kernel's log and for standard error, of which one got them. */
export interface Said {
  /** Records of the kernel's log, each `<PRIORITY>` and the text; none where it is not the target. */
  readonly kmsg: readonly string[]
  readonly stderr: readonly string[]
  /** Why another run must log these messages itself. */
  readonly isOfThisRun: string | undefined
}

/**
 * Opens the log that the process's environment and the kernel's command line request. With `isSilent`, nothing
 * is written.
 */
export const open = (isDebug: boolean, isSilent = false): Log => {
  const env = GeneratorEnvironment.of()
  const { pid } = process
  const readsKernel = LogSettings.isInvokedBySystemd(env, pid) && !LogSettings.isContainer(env)
  const kernelCommandLine = readsKernel
    ? attempt(() => RecordedFiles.readKernelFile("/proc/cmdline"))
    : undefined
  return write(
    LogSettings.of(env, {
      pid,
      isDebug,
      ...(kernelCommandLine === undefined ? {} : { kernelCommandLine })
    }),
    isSilent
  )
}

const write = (settings: LogSettings.LogSettings, isSilent: boolean): Log => {
  const kernel = new KernelLog(settings.isRateLimited, isSilent)
  const stderr: string[] = []
  const say = (level: Level, message: string): void => {
    if (level > settings.level || settings.target === "null") return
    const line = Printable.line(message.replace(/\s+/g, " "))
    const shown = onConsole(settings, level, line)
    stderr.push(shown)
    if ((settings.target === "kmsg" && kernel.write(level, line)) || isSilent) return
    // Neither a closed standard error nor a full one is a reason to fail.
    attempt(() => fs.writeSync(2, `${shown}\n`))
  }
  return {
    debug: (message) => say(DEBUG, message),
    warn: (message) => say(WARNING, message),
    error: (message) => say(ERROR, message),
    end: () => {
      kernel.end()
      return { kmsg: kernel.records, stderr, isOfThisRun: ofThisRun(settings) }
    }
  }
}

const ofThisRun = ({ level, tid, time }: LogSettings.LogSettings): string | undefined =>
  level >= DEBUG
    ? "it was a run for debugging"
    : tid || time
      ? "its messages have times or process ids"
      : undefined

const onConsole = (
  { color, target, tid, time }: LogSettings.LogSettings,
  level: Level,
  line: string
): string => {
  const [on, off] = (color ?? isTerminal()) ? [COLORS[level], "\x1b[0m"] : ["", ""]
  return [
    target === "console-prefixed" ? `<${FACILITY + level}>` : "",
    time ? `${new Date().toISOString()} ` : "",
    tid ? `(${process.pid}) ` : "",
    `${on}${IDENTIFIER}: ${line}${off}`
  ].join("")
}

/** Whether standard error is a terminal. `process.stderr` would tell as well, but loads modules for networks. */
const isTerminal = (): boolean => {
  const stat = attempt(() => fs.fstatSync(2))
  return stat?.isCharacterDevice() === true && TERMINALS.has((stat.rdev >> 8) & 0xfff)
}

/** Device numbers of consoles, serial lines and pseudo-terminals (Linux, devices.txt). */
const TERMINALS: ReadonlySet<number> = new Set([
  4,
  5,
  204,
  229,
  ...Array.from({ length: 8 }, (_, n) => 136 + n)
])

/** Writes records to /dev/kmsg. */
class KernelLog {
  /** The records, without the name and process id of this program. */
  readonly records: string[] = []
  readonly #isLimited: boolean
  readonly #isSilent: boolean
  #fd: number | undefined
  #isBroken = false
  #written = 0
  /** How many records were left out so that other programs' records stay readable. */
  #leftOut = 0

  constructor(isLimited: boolean, isSilent: boolean) {
    this.#isLimited = isLimited
    this.#isSilent = isSilent
  }

  /** Writes a record. Returns false if the kernel's log is not available, as in most containers. */
  write(level: Level, line: string): boolean {
    if (this.#isLimited && this.#written >= MAX_RECORDS) {
      this.#leftOut++
      return true
    }
    this.#written++
    return this.#put(level, line)
  }

  /** Writes the last record. */
  end(): void {
    if (this.#leftOut > 0)
      this.#put(
        WARNING,
        `${this.#leftOut} more messages are left out here; run by hand, the generator prints them all`
      )
  }

  #put(level: Level, line: string): boolean {
    const text = cut(line)
    this.records.push(`<${FACILITY + level}>${text}`)
    if (this.#isSilent) return true
    if (this.#isBroken) return false
    const record = `<${FACILITY + level}>${IDENTIFIER}[${process.pid}]: ${text}\n`
    const done = attempt(() => {
      this.#fd ??= fs.openSync(KMSG, fs.constants.O_WRONLY | fs.constants.O_NOCTTY | fs.constants.O_NONBLOCK)
      return fs.writeSync(this.#fd, record)
    })
    this.#isBroken = done === undefined
    return !this.#isBroken
  }
}

/** Cuts a line to one record, since a record is one write. */
const cut = (line: string): string => {
  const bytes = Buffer.from(line)
  return bytes.length <= MAX_RECORD
    ? line
    : `${bytes.toString("utf8", 0, MAX_RECORD).replace(/\ufffd+$/, "")}…`
}

const attempt = <A>(action: () => A): A | undefined => {
  try {
    return action()
  } catch {
    return undefined
  }
}

type Level = typeof ERROR | typeof WARNING | typeof DEBUG
/** The level of errors in syslog(3). */
const ERROR = 3
const WARNING = 4
const DEBUG = 7
/** The facility LOG_DAEMON. */
const FACILITY = 3 << 3
/** The colours that systemd uses. */
const COLORS = {
  [ERROR]: "\x1b[0;1;31m",
  [WARNING]: "\x1b[0;1;38;5;185m",
  [DEBUG]: "\x1b[0;38;5;245m"
} as const

const IDENTIFIER = "oci-systemd-generator"
const KMSG = "/dev/kmsg"
/** The longest record: the kernel accepts 976 bytes including its prefix (LOG_LINE_MAX). */
const MAX_RECORD = 900
/** The most records, as many as systemd's own programs write in five seconds. */
const MAX_RECORDS = 200
