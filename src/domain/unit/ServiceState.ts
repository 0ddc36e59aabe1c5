/** The state of an image's service, as systemd knows it: whether it runs, since when, and how much memory it has. */

export interface ServiceState {
  /** `ActiveState=` of systemd: `active`, `activating`, `deactivating`, `reloading`, `inactive` or `failed`. */
  readonly active: string
  /** `SubState=`, which says more: `running`, `exited`, `auto-restart`, `dead`. */
  readonly sub: string
  /** When it came to this state, in ISO 8601; `null` if it has not been started since the boot. */
  readonly since: string | null
  /** How often systemd has started it again by itself (`Restart=`) since it was last started by somebody. */
  readonly restarts: number
  /** Bytes; `null` if it has no process or systemd does not count them. */
  readonly memory: number | null
  /** The result of the last health checks; `null` without health checks, if the service does not run, or if only root can tell. */
  readonly health: Health | null
}

export type Health = "starting" | "healthy" | "unhealthy"

/** A service that systemd has not loaded, because nobody has started it. */
export const NOT_STARTED: ServiceState = {
  active: "inactive",
  sub: "dead",
  since: null,
  restarts: 0,
  memory: null,
  health: null
}

/** The properties that `parse` needs, printed with `--timestamp=unix`. */
export const PROPERTIES: readonly string[] = [
  "Id",
  "ActiveState",
  "SubState",
  "ActiveEnterTimestamp",
  "InactiveExitTimestamp",
  "InactiveEnterTimestamp",
  "NRestarts",
  "MemoryCurrent"
]

/** Returns the units that `systemctl list-units --plain --no-legend` prints. */
export const listed = (table: string): readonly string[] =>
  table.split("\n").flatMap((line) => /^\S+/.exec(line)?.[0] ?? [])

/** Parses what `systemctl show` prints: a block of properties for each unit. The result has the states by unit. */
export const parse = (shown: string): ReadonlyMap<string, ServiceState> => {
  const states = new Map<string, ServiceState>()
  for (const block of shown.split(/\n\n+/)) {
    const properties = new Map(
      block.split("\n").map((line) => {
        const end = line.indexOf("=")
        return [line.slice(0, end), line.slice(end + 1)] as const
      })
    )
    const id = properties.get("Id")
    if (id !== undefined) states.set(id, stateOf(properties))
  }
  return states
}

const stateOf = (properties: ReadonlyMap<string, string>): ServiceState => {
  const active = properties.get("ActiveState") ?? NOT_STARTED.active
  return {
    active,
    sub: properties.get("SubState") ?? NOT_STARTED.sub,
    since: time(properties.get(ENTERED[active] ?? "InactiveExitTimestamp")),
    restarts: number(properties.get("NRestarts")) ?? 0,
    memory: number(properties.get("MemoryCurrent")),
    health: null
  }
}

/** The time at which a unit came to a state. On the way from one to another it is the time at which it was last inactive. */
const ENTERED: Readonly<Record<string, string>> = {
  active: "ActiveEnterTimestamp",
  reloading: "ActiveEnterTimestamp",
  refreshing: "ActiveEnterTimestamp",
  deactivating: "ActiveEnterTimestamp",
  inactive: "InactiveEnterTimestamp",
  failed: "InactiveEnterTimestamp"
}

/** Parses `@` and seconds since 1970; `null` if there is no time. */
const time = (text = ""): string | null => {
  const seconds = /^@(\d{1,12})$/.exec(text)?.[1]
  return seconds === undefined || seconds === "0" ? null : new Date(Number(seconds) * 1000).toISOString()
}

/** Parses a number; `null` for `[not set]` and for 2⁶⁴−1, which means the same. */
const number = (text = ""): number | null => (/^\d{1,15}$/.test(text) ? Number(text) : null)

/** Parses the file in which `oci-health` keeps what it knows: a time, the failures in a row, and a word. */
export const parseHealth = (text: string): Health | null => {
  const word = /^\d+ \d+ (starting|healthy|unhealthy)$/.exec(text.trim())?.[1]
  return word === undefined ? null : (word as Health)
}
