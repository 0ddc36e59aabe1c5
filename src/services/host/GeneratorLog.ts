/** Where a generator's messages go: the kernel's log at boot, standard error by hand, never standard output. */
import * as fs from "node:fs"
import * as LogSettings from "../../domain/machine/LogSettings.ts"

export interface Log {
  readonly debug: (message: string) => void
  readonly warn: (message: string) => void
  readonly error: (message: string) => void
  /** Says how much was left out. */
  readonly end: () => void
}

/** As the process's environment, and the kernel's command line, want it. */
export const open = (isDebug: boolean): Log => {
  const { env, pid } = process
  const readsKernel = LogSettings.isInvokedBySystemd(env, pid) && !LogSettings.isContainer(env)
  const kernelCommandLine = readsKernel ? attempt(() => fs.readFileSync("/proc/cmdline", "utf8")) : undefined
  return write(
    LogSettings.of(env, {
      pid,
      isDebug,
      ...(kernelCommandLine === undefined ? {} : { kernelCommandLine })
    })
  )
}

const write = (settings: LogSettings.LogSettings): Log => {
  const kernel = new KernelLog(settings.isRateLimited)
  const say = (level: Level, message: string): void => {
    if (level > settings.level || settings.target === "null") return
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not reach a log
    const line = message.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ")
    if (settings.target === "kmsg" && kernel.write(level, line)) return
    // Neither a closed standard error nor a full one is a reason to fail.
    attempt(() => fs.writeSync(2, `${onConsole(settings, level, line)}\n`))
  }
  return {
    debug: (message) => say(DEBUG, message),
    warn: (message) => say(WARNING, message),
    error: (message) => say(ERROR, message),
    end: () => kernel.end()
  }
}

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

/** `process.stderr` would tell as well, and load what networks need. */
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

/** Records of /dev/kmsg. */
class KernelLog {
  readonly #isLimited: boolean
  #fd: number | undefined
  #isBroken = false
  #written = 0
  /** So many were dropped, that others could be read. */
  #leftOut = 0

  constructor(isLimited: boolean) {
    this.#isLimited = isLimited
  }

  /** False where it cannot be had, as in most containers. */
  write(level: Level, line: string): boolean {
    if (this.#isBroken) return false
    if (this.#isLimited && this.#written >= MAX_RECORDS) {
      this.#leftOut++
      return true
    }
    this.#written++
    return this.#put(level, line)
  }

  /** The last one. */
  end(): void {
    if (this.#leftOut > 0)
      this.#put(WARNING, `${this.#leftOut} more messages; run by hand, it tells them all`)
  }

  #put(level: Level, line: string): boolean {
    const record = `<${FACILITY + level}>${IDENTIFIER}[${process.pid}]: ${cut(line)}\n`
    const done = attempt(() => {
      this.#fd ??= fs.openSync(KMSG, fs.constants.O_WRONLY | fs.constants.O_NOCTTY | fs.constants.O_NONBLOCK)
      return fs.writeSync(this.#fd, record)
    })
    this.#isBroken = done === undefined
    return !this.#isBroken
  }
}

/** A record is one write. */
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
/** syslog(3) */
const ERROR = 3
const WARNING = 4
const DEBUG = 7
/** LOG_DAEMON */
const FACILITY = 3 << 3
/** As systemd has them. */
const COLORS = {
  [ERROR]: "\x1b[0;1;31m",
  [WARNING]: "\x1b[0;1;38;5;185m",
  [DEBUG]: "\x1b[0;38;5;245m"
} as const

const IDENTIFIER = "oci-systemd-generator"
const KMSG = "/dev/kmsg"
/** The kernel takes 976 bytes with what stands before (LOG_LINE_MAX). */
const MAX_RECORD = 900
/** As many as systemd's own programs write at most in five seconds. */
const MAX_RECORDS = 200
