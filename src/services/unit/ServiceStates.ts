/** Asks systemd for the states of services. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ServiceState from "../../domain/unit/ServiceState.ts"
import * as BoundedFile from "../files/BoundedFile.ts"
import * as HostProgram from "../host/HostProgram.ts"

/** A service, and the file that its health checks write. */
export interface Asked {
  readonly unit: string
  readonly healthFile: string
}

/** The states by unit; `null` if systemd does not run this machine, or does not answer. */
export type ServiceStates = ReadonlyMap<string, ServiceState.ServiceState> | null

/**
 * Returns the states of services. systemd knows those that it has loaded, and would read the units of all others if it were
 * asked for them.
 */
export const read = (asked: readonly Asked[]): Effect.Effect<ServiceStates> =>
  asked.length === 0 || !HostProgram.hasSystemd()
    ? Effect.succeed(null)
    : Effect.gen(function* () {
        const table = yield* HostProgram.run("systemctl", ...LIST)
        const loaded = new Set(ServiceState.listed(table))
        const wanted = asked.filter(({ unit }) => loaded.has(unit))
        const states = new Map(asked.map(({ unit }) => [unit, ServiceState.NOT_STARTED]))
        for (let start = 0; start < wanted.length; start += AT_ONCE) {
          const some = wanted.slice(start, start + AT_ONCE)
          const shown = yield* HostProgram.run("systemctl", ...SHOW, ...some.map(({ unit }) => unit))
          const parsed = ServiceState.parse(shown)
          for (const { healthFile, unit } of some) {
            const state = parsed.get(unit)
            if (state !== undefined) states.set(unit, { ...state, health: healthOf(state, healthFile) })
          }
        }
        return states
      }).pipe(Effect.orElseSucceed(() => null))

const LIST = ["list-units", "--all", "--plain", "--no-legend", "--no-pager", "--full", "--type=service"]
const SHOW = ["show", "--timestamp=unix", `--property=${ServiceState.PROPERTIES.join(",")}`, "--"]
/** A command line has room for these names, which have up to 255 bytes each. */
const AT_ONCE = 1000

/** The file outlives a service that has failed, until its scratch is removed. */
const healthOf = ({ active }: ServiceState.ServiceState, file: string): ServiceState.Health | null => {
  if (active !== "active" && active !== "reloading") return null
  const text = BoundedFile.read(file, MAX_HEALTH_FILE)
  return Either.isLeft(text) ? null : ServiceState.parseHealth(text.right.toString("latin1"))
}

const MAX_HEALTH_FILE = 256
