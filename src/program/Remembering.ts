/** Remembers a run of the generator, from its first read to its last message. */
import * as Either from "effect/Either"
import type { SystemSettings } from "../domain/settings/SystemSettings.ts"
import * as MemoryUnits from "../domain/unit/MemoryUnits.ts"
import { InputRecord } from "../services/files/InputRecord.ts"
import * as RecordedFiles from "../services/files/RecordedFiles.ts"
import * as GeneratorEnvironment from "../services/host/GeneratorEnvironment.ts"
import type { Log } from "../services/host/GeneratorLog.ts"
import * as Memory from "../services/memory/Memory.ts"
import * as MemoryUse from "../services/memory/MemoryUse.ts"
import * as ProgramFiles from "../services/memory/ProgramFiles.ts"
import * as RunAhead from "../services/memory/RunAhead.ts"
import type { WrittenUnit } from "../services/memory/UnitArchive.ts"

export interface Remembering {
  /** Tells where the memory for the next boot is. */
  readonly system: (system: Pick<SystemSettings, "extractsdir">) => void
  readonly unit: (unit: WrittenUnit, isWritten: boolean) => void
  /** Reports why the next run must not reuse the units of this run. */
  readonly distrust: (reason: string) => void
  /** Writes the memory, and ends the log. */
  readonly end: (log: Log) => void
}

/**
 * Begins to record. Without a request nothing is remembered: a run by hand, for debugging, only tells whether
 * systemd's last memory is still valid.
 */
export const begin = (
  request: GeneratorEnvironment.MemoryRequest | undefined,
  isDebug: boolean
): Remembering => {
  if (request === undefined && !isDebug) return NOTHING
  const record = new InputRecord()
  RecordedFiles.recordIn(record)
  if (request !== undefined) ProgramFiles.note(record, request.script, GeneratorEnvironment.of().PATH)
  const units: WrittenUnit[] = []
  let extractsdir: string | undefined
  return {
    system: (system) => {
      extractsdir = system.extractsdir
    },
    unit: (unit, isWritten) => {
      units.push(unit)
      if (!isWritten) record.distrust(`${unit.name} could not be written`)
    },
    distrust: (reason) => record.distrust(reason),
    end: (log) => {
      const directory = request?.directory ?? MemoryUnits.DIRECTORY
      const difference = Memory.difference(`${directory}/${Memory.LAST}`, record)
      log.debug(
        difference === undefined
          ? "the inputs of the remembered run are unchanged"
          : `the last run's units cannot be restored: ${difference}`
      )
      const said = log.end()
      if (request === undefined) return
      if (said.isOfThisRun !== undefined) record.distrust(said.isOfThisRun)
      const written = Memory.write({ request, record, units, said })
      if (extractsdir !== undefined) RunAhead.write(request, extractsdir)
      if (!request.isAhead)
        MemoryUse.noteRun(directory, {
          difference,
          notRemembered: Either.isLeft(written) ? written.left.message : undefined
        })
    }
  }
}

const NOTHING: Remembering = {
  system: () => {},
  unit: () => {},
  distrust: () => {},
  end: (log) => {
    log.end()
  }
}
