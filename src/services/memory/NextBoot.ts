/** Makes systemd record the generator's memory for the next boot after an extraction that changed units. */
import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import * as UnitName from "../../domain/naming/UnitName.ts"
import * as Privileges from "../files/Privileges.ts"
import * as HostProgram from "../host/HostProgram.ts"
import { GENERATOR_DIRECTORY } from "../unit/ServiceManager.ts"

/** Starts that unit. It never fails: without a memory the next boot takes slightly longer. */
export const remember: Effect.Effect<void> = Effect.suspend(() =>
  Privileges.isRoot() && fs.existsSync(`${GENERATOR_DIRECTORY}/${UnitName.REMEMBER_TIMER}`)
    ? Effect.ignore(HostProgram.run("systemctl", "--no-block", "start", UnitName.REMEMBER_TIMER))
    : Effect.void
)
