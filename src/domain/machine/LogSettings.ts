/**
 * What a generator logs and where, by the same rules as systemd's own generators (systemd(1), "ENVIRONMENT";
 * log_setup_generator() in its sources): to the kernel's log when systemd runs it, since no other log exists at boot;
 * to standard error when it is run by hand.
 *
 *     SYSTEMD_LOG_LEVEL     emerg | alert | crit | err | warning | notice | info | debug | 0 … 7
 *     SYSTEMD_LOG_TARGET    console | console-prefixed | kmsg | journal | journal-or-kmsg | auto | null | …
 *     SYSTEMD_LOG_COLOR, SYSTEMD_LOG_TIME, SYSTEMD_LOG_TID, SYSTEMD_LOG_RATELIMIT_KMSG    booleans
 *
 * Generators must not talk to the journal or syslog, so those targets mean the kernel's log. `SYSTEMD_LOG_LOCATION`
 * is ignored, since messages have no location in the source.
 */

export type Target = "console" | "console-prefixed" | "kmsg" | "null"

export interface LogSettings {
  /** The least important level that is logged, numbered as in syslog(3). */
  readonly level: number
  readonly target: Target
  /** Undefined means: if the output is a terminal. */
  readonly color: boolean | undefined
  readonly time: boolean
  readonly tid: boolean
  readonly isRateLimited: boolean
}

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads the settings. `pid` is the id of this process; `kernelCommandLine` is the content of /proc/cmdline, which the
 * environment overrides.
 */
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

/** Whether systemd started this process: systemd passes each child its own process id. */
export const isInvokedBySystemd = (environment: Environment, pid: number): boolean =>
  environment.SYSTEMD_EXEC_PID === String(pid)

/** Whether this machine is a container, which sees the kernel command line of its host. */
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
