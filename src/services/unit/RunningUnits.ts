/**
 * Keeps the units of running services whose image is gone or damaged.
 *
 * Each scratch directory holds the units that stop its service and clean up after it (`RootTemplate`). Without them
 * systemd would stop the service by SIGTERM, whatever signal its image expects, and nothing would remove its root.
 */
import * as Either from "effect/Either"
import * as ExtractsTree from "../../domain/extracts/ExtractsTree.ts"
import * as UnitName from "../../domain/naming/UnitName.ts"
import * as RootPaths from "../../domain/unit/RootPaths.ts"
import * as BoundedFile from "../files/BoundedFile.ts"
import { namesIn } from "../files/DirectoryNames.ts"
import * as RecordedFiles from "../files/RecordedFiles.ts"

export interface RunningUnit {
  readonly name: string
  readonly text: Uint8Array
}

/**
 * Returns the units of all services with a root in this boot, except those of `images`, which are names of scratch
 * directories.
 */
export const of = (
  extractsdir: string,
  images: ReadonlySet<string>,
  mounts: string = RootPaths.MOUNT_DIRECTORY
): readonly RunningUnit[] => {
  // Each start and stop changes the directory, and only what belongs to no image decides anything.
  const foreign = namesIn(mounts, RecordedFiles.readdirUnnoted).filter((name) => !images.has(name))
  RecordedFiles.current()?.noteRoots({ directory: mounts, usable: [...images], foreign })
  return foreign.flatMap((name) => {
    const directory = `${extractsdir}/${ExtractsTree.SCRATCH}/${name}/${RootPaths.UNITS}`
    return namesIn(directory)
      .filter((unit) => UnitName.UNIT_NAME.test(unit))
      .flatMap((unit) =>
        Either.match(BoundedFile.read(`${directory}/${unit}`, MAX_UNIT), {
          onLeft: () => [],
          onRight: (text) => [{ name: unit, text }]
        })
      )
  })
}

/** The largest unit, far above what `ExecStart` renders. */
const MAX_UNIT = 8 * 1024 * 1024
