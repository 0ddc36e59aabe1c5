/**
 * Counts how often the generator's memory is used. Beside the memory of this boot, `hits` has a byte for each
 * time that units were restored since the last whole run, and `story` tells about whole runs. `oci-systemd
 * doctor` reads both, and `oci-remember.path` waits for the second.
 */
import * as fs from "node:fs"
import { STORY } from "../../domain/unit/MemoryUnits.ts"
import * as MemoryDirectory from "./MemoryDirectory.ts"

export interface Story {
  /** Number of whole runs in a row, without a restore of units between them. */
  readonly wholeRuns: number
  /** Why the last of them could not use the memory. */
  readonly difference: string | null
  /** Why the last of them is not remembered. */
  readonly notRemembered: string | null
}

/** A story, and how often units were restored since. */
export interface MemoryUse extends Story {
  readonly hits: number
}

/** Records a whole run. Files that cannot be written are left out. */
export const noteRun = (
  directory: string,
  run: { readonly difference: string | undefined; readonly notRemembered: string | undefined }
): void => {
  const before = read(directory)
  const story: Story = {
    wholeRuns: before.hits > 0 ? 1 : before.wholeRuns + 1,
    difference: run.difference ?? null,
    notRemembered: run.notRemembered ?? null
  }
  try {
    MemoryDirectory.make(directory)
    fs.rmSync(`${directory}/${HITS}`, { force: true })
    // The file is written in place: a path unit notices when it is closed.
    fs.writeFileSync(`${directory}/${STORY}`, `${JSON.stringify(story)}\n`, { mode: 0o600 })
  } catch {
    // A full /run has no room for the record.
  }
}

/** Reads the record. A file that cannot be read counts as empty. */
export const read = (directory: string): MemoryUse => {
  const { difference, notRemembered, wholeRuns } = storyIn(directory)
  return {
    wholeRuns: typeof wholeRuns === "number" ? wholeRuns : 0,
    difference: typeof difference === "string" ? difference : null,
    notRemembered: typeof notRemembered === "string" ? notRemembered : null,
    hits: fs.statSync(`${directory}/${HITS}`, { throwIfNoEntry: false })?.size ?? 0
  }
}

const storyIn = (directory: string): Readonly<Record<string, unknown>> => {
  try {
    return Object(JSON.parse(fs.readFileSync(`${directory}/${STORY}`, "utf8")))
  } catch {
    return {}
  }
}

const HITS = "hits"
