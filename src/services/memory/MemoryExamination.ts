/** Examines whether the generator's memory is useful on this machine. */
import * as Diagnosis from "../../domain/machine/Diagnosis.ts"
import * as MemoryUnits from "../../domain/unit/MemoryUnits.ts"
import * as Privileges from "../files/Privileges.ts"
import * as MemoryUse from "./MemoryUse.ts"

export const examine = (directory: string = MemoryUnits.DIRECTORY): Diagnosis.Diagnosis => {
  if (!Privileges.isRoot()) return Diagnosis.skipped("memory", "only root may read the generator's memory")
  const { difference, hits, notRemembered, wholeRuns } = MemoryUse.read(directory)
  if (hits > 0)
    return Diagnosis.ok("memory", `it restored the units for the last ${hits} runs of the generator`)
  if (wholeRuns === 0)
    return Diagnosis.skipped("memory", "systemd has not run the generator with a memory yet")
  if (wholeRuns < MANY) {
    return Diagnosis.ok(
      "memory",
      notRemembered === null
        ? "the last run is remembered"
        : `the last run is not remembered: ${notRemembered}`
    )
  }
  return Diagnosis.warning(
    "memory",
    `the last ${wholeRuns} runs of the generator read everything: ${notRemembered ?? difference ?? "nothing had changed"}`,
    "find out what changes it: until then each boot and each daemon-reload takes longer"
  )
}

/** The number of whole runs in a row that counts as a problem. A few are normal: one after each change of the machine. */
const MANY = 5
