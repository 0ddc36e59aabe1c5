/**
 * What a generator logs and where, as systemd's own decide it (systemd(1), "ENVIRONMENT"; log_setup_generator() in its
 * sources): run by systemd, to the kernel's log, since at boot there is no other; run by hand, to standard error.
 *
 *     SYSTEMD_LOG_LEVEL     emerg | alert | crit | err | warning | notice | info | debug | 0 … 7
 *     SYSTEMD_LOG_TARGET    console | console-prefixed | kmsg | journal | journal-or-kmsg | auto | null | …
 *     SYSTEMD_LOG_COLOR, SYSTEMD_LOG_TIME, SYSTEMD_LOG_TID, SYSTEMD_LOG_RATELIMIT_KMSG    booleans
 *
 * Generators must not talk to the journal or syslog: those targets mean the kernel's log. `SYSTEMD_LOG_LOCATION` has
 * nothing to show here.
 */

export type Target = "console" | "console-prefixed" | "kmsg" | "null"

export interface LogSettings {
  /** The least important level that is logged, as syslog(3) numbers them. */
  readonly level: number
  readonly target: Target
  /** Undefined: where it is a terminal. */
  readonly color: boolean | undefined
  readonly time: boolean
  readonly tid: boolean
  readonly isRateLimited: boolean
}

export type Environment = Readonly<Record<string, string | undefined>>

/** `pid` is the process's own; `kernelCommandLine` what /proc/cmdline holds, which counts less than the environment. */
export const of = (
  environment: Environment,
  options: { readonly pid: number; readonly isDebug: boolean; readonly kernelCommandLine?: string }
): LogSettings => {
  const isRunBySystemd = isInvokedBySystemd(environment, options.pid)
  const kernel = isRunBySystemd ? words(options.kernelCommandLine ?? "") : new Map<string, string>()
  const said = (name: string): string | undefined =>
    environment[`SYSTEMD_LOG_${name}`] ?? kernel.get(`systemd.log_${name.toLowerCase()}`)
  const level = levelOf(said("LEVEL")) ?? (kernel.has("debug") ? DEBUG : INFO)
  return {
    level: options.isDebug ? DEBUG : level,
    target: TARGETS[said("TARGET") ?? ""] ?? (isRunBySystemd ? "kmsg" : "console"),
    color: booleanOf(said("COLOR")) ?? (environment.NO_COLOR === undefined ? undefined : false),
    time: booleanOf(said("TIME")) ?? false,
    tid: booleanOf(said("TID")) ?? false,
    isRateLimited: booleanOf(said("RATELIMIT_KMSG")) ?? true
  }
}

/** It tells its children their own process id. */
export const isInvokedBySystemd = (environment: Environment, pid: number): boolean =>
  environment.SYSTEMD_EXEC_PID === String(pid)

/** A container sees the command line of its host's kernel. */
export const isContainer = ({ SYSTEMD_VIRTUALIZATION }: Environment): boolean =>
  SYSTEMD_VIRTUALIZATION?.startsWith("container") === true

const words = (line: string): ReadonlyMap<string, string> =>
  new Map(
    line
      .trim()
      .split(/\s+/)
      .map((word) => {
        const [key = "", ...value] = word.split("=")
        return [key.replaceAll("-", "_"), value.join("=")]
      })
  )

const levelOf = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  if (/^[0-7]$/.test(text)) return Number(text)
  const index = LEVELS.indexOf(text)
  return index < 0 ? undefined : index
}

const booleanOf = (text: string | undefined): boolean | undefined => {
  if (text === undefined) return undefined
  if (/^(?:1|yes|y|true|t|on)$/i.test(text)) return true
  return /^(?:0|no|n|false|f|off)$/i.test(text) ? false : undefined
}

const LEVELS: readonly string[] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"]
const INFO = 6
const DEBUG = 7

const TARGETS: Readonly<Record<string, Target | undefined>> = {
  console: "console",
  "console-prefixed": "console-prefixed",
  kmsg: "kmsg",
  journal: "kmsg",
  "journal-or-kmsg": "kmsg",
  syslog: "kmsg",
  "syslog-or-kmsg": "kmsg",
  null: "null"
}
