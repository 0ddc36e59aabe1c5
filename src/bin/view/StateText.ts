/** Prints the state of a service for people: `running 3 h, healthy`, `failed 2 min`, `inactive`. */
import type { ServiceState } from "../../domain/unit/ServiceState.ts"

/** `now` is in milliseconds since 1970. */
export const render = ({ active, health, restarts, since, sub }: ServiceState, now: number): string =>
  [
    active === "inactive"
      ? active
      : `${active === "active" ? sub : active}${since === null ? "" : ` ${span(since, now)}`}`,
    ...(health === null ? [] : [health]),
    ...(restarts === 0 ? [] : [`${restarts} ${restarts === 1 ? "restart" : "restarts"}`])
  ].join(", ")

/** Prints the time from `since` to `now` in its largest unit, as "podman ps" does: `59 s`, `3 min`, `47 h`, `12 d`. */
const span = (since: string, now: number): string => {
  // The clock may have been set back.
  const seconds = Math.max(0, Math.floor((now - Date.parse(since)) / 1000))
  const [unit, size] = UNITS.find(([, size]) => seconds >= 2 * size) ?? ["s", 1]
  return `${Math.floor(seconds / size)} ${unit}`
}

const UNITS: ReadonlyArray<readonly [string, number]> = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60]
]
