/**
 * Units of services that run though no image is there for them any more: its layout was removed, or is broken.
 *
 * Each scratch holds the units that stop its service and clear up behind it (`RootTemplate`). Without them systemd would
 * stop it by SIGTERM, whatever signal its image wants, and nobody would take its root away.
 */
import * as Either from "effect/Either"
import * as ExtractsTree from "../../domain/extracts/ExtractsTree.ts"
import * as RootPaths from "../../domain/unit/RootPaths.ts"
import * as UnitName from "../../domain/naming/UnitName.ts"
import * as BoundedFile from "../files/BoundedFile.ts"
import { namesIn } from "../files/DirectoryNames.ts"

export interface RunningUnit {
  readonly name: string
  readonly text: Uint8Array
}

/** Of all services with a root in this boot, but for those of `images`, the names of whose scratches are given. */
export const of = (
  extractsdir: string,
  images: ReadonlySet<string>,
  mounts: string = RootPaths.MOUNT_DIRECTORY
): readonly RunningUnit[] =>
  namesIn(mounts)
    .filter((name) => !images.has(name))
    .flatMap((name) => {
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

/** Far above what `ExecStart` renders. */
const MAX_UNIT = 8 * 1024 * 1024
