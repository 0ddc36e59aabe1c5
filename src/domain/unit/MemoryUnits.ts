/**
 * The units that make the generator's memory for the next boot, since a generator itself may not write to a
 * disk (systemd 253 and later). `oci-remember.path` notices that a whole run was made, `oci-remember.timer`
 * waits until no other run follows at once, and `oci-remember.service` repeats the run only to record its
 * memory.
 */
import * as Either from "effect/Either"
import * as ExtractsTree from "../extracts/ExtractsTree.ts"
import * as UnitName from "../naming/UnitName.ts"
import * as ExecStart from "../systemd/ExecStart.ts"
import { literal, path, prose, type Unwritable } from "../systemd/UnitValue.ts"
import type { UnitLink } from "./Enabling.ts"
import { MADE_BY } from "./ImageContext.ts"
import * as SharedDirectives from "./SharedDirectives.ts"
import { directive, type PrintedUnit, printed, type Section } from "./UnitFile.ts"

/** The directory of the memory of this boot. */
export const DIRECTORY = "/run/oci/generator"
/** The file in such a directory that each whole run writes. */
export const STORY = "story"
/** The file in such a directory that is a shell script which repeats the run. */
export const AHEAD = "ahead"

/** Returns the directory of the memory of the next boot, below the extracts directory. */
export const kept = (extractsdir: string): string => `${extractsdir}/${ExtractsTree.MEMORY}`

export interface MemoryUnits {
  readonly files: readonly PrintedUnit[]
  readonly links: readonly UnitLink[]
}

export const units = (extractsdir: string): Either.Either<MemoryUnits, Unwritable> =>
  Either.gen(function* () {
    const scripts = [`${DIRECTORY}/${AHEAD}`, `${kept(extractsdir)}/${AHEAD}`]
    const run = yield* ExecStart.render("/bin/sh", ["sh", "-c", RUN, "sh", ...scripts])
    const story = yield* path("the record of the memory", `${DIRECTORY}/${STORY}`)
    return {
      files: [
        unit(UnitName.REMEMBER_SERVICE, "Remember the units of OCI images for the next boot", {
          name: "Service",
          directives: [
            SharedDirectives.ONESHOT,
            directive("ExecStart", run),
            // Nothing uses the units that this run writes.
            directive("PrivateTmp", literal("yes")),
            directive("Nice", literal("19")),
            directive("IOSchedulingClass", literal("idle")),
            directive("TimeoutStartSec", literal("180s")),
            directive("SyslogIdentifier", literal("oci-remember"))
          ]
        }),
        unit(UnitName.REMEMBER_TIMER, "Remember the units of OCI images, when nothing changes any more", {
          name: "Timer",
          // The timer is not persistent, so that it can be started again after it has elapsed.
          directives: [
            directive("OnActiveSec", literal("3s")),
            // Otherwise the timer may elapse up to a minute later.
            directive("AccuracySec", literal("1s")),
            directive("RemainAfterElapse", literal("no"))
          ]
        }),
        unit(UnitName.REMEMBER_PATH, "See that the units of OCI images have changed", {
          name: "Path",
          directives: [directive("PathChanged", story), directive("Unit", literal(UnitName.REMEMBER_TIMER))]
        })
      ],
      links: [wants("timers.target", UnitName.REMEMBER_TIMER), wants("paths.target", UnitName.REMEMBER_PATH)]
    }
  })

/** Runs the first script that exists. The second is from an earlier boot, for a boot without a whole run. */
const RUN = 'for file; do [ ! -r "$file" ] || exec /bin/sh "$file"; done'

const unit = (name: string, description: string, section: Section): PrintedUnit =>
  printed({
    name,
    comments: [`${MADE_BY}, and made anew at every daemon-reload. See docs/generator.md.`],
    sections: [
      {
        name: "Unit",
        directives: [directive("Description", prose(description)), SharedDirectives.NO_START_LIMIT]
      },
      section
    ]
  })

const wants = (by: string, name: string): UnitLink => ({ path: `${by}.wants/${name}`, target: `../${name}` })
