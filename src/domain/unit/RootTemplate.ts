/**
 * A template for each start of an image's service, made only once: the scratch directory before the service has
 * written to it, and records of the users that the host does not know.
 *
 *     templates/NAME/DIGEST/scratch/{upper,work,run,…,output}   see RootPaths, OutputUnit
 *                           scratch/units/…                     what a service needs to be stopped, see RunningUnits
 *                           users/…                             see UserRecord; missing where none are needed
 *                           mounts                              what is mounted into the root, see MountTable
 *                           secrets                             which secrets the service gets, see ServiceSecrets; missing where none
 *                           places                              where, in a root that is kept, see MountTable
 *
 * `oci-systemd prepare` makes it, and `oci-prepare` copies it. DIGEST covers everything that the template is made
 * from, so that a template of an older image, configuration or version is never used.
 */
import * as ExtractsTree from "../extracts/ExtractsTree.ts"
import type { ResolvedImage } from "../image/ResolvedImage.ts"
import type { ImageProcess } from "../process/ImageProcess.ts"
import { join, literal } from "../systemd/UnitValue.ts"
import { helper, type ImageContext } from "./ImageContext.ts"
import type { Volume } from "./ImageVolumes.ts"
import * as RootMounts from "./RootMounts.ts"
import type { RootPaths } from "./RootPaths.ts"
import * as ServiceDevices from "./ServiceDevices.ts"
import * as ServiceSecrets from "./ServiceSecrets.ts"
import { directive, type PrintedUnit, type UnitFile } from "./UnitFile.ts"

/** What every start of a service copies. */
export interface RootTemplate {
  readonly path: string
  /** The arguments of `oci-prepare`, which mounts a root from the template. */
  readonly argv: readonly string[]
  readonly mounts: readonly RootMounts.RootMount[]
  /** Computed only on access: prepare writes them, and the generator does not. */
  readonly units: readonly UnitFile[]
}

/** Makes a template. `units` are the image's units without the one that names the template. */
export const of = (
  context: ImageContext,
  image: ResolvedImage,
  process: ImageProcess,
  place: {
    readonly roots: RootPaths
    readonly volumes: readonly Volume[]
    readonly mounts: readonly RootMounts.RootMount[]
  },
  units: readonly PrintedUnit[]
): RootTemplate => {
  const { sha256, settings, system } = context
  const { lower, overlay, root } = place.roots
  const texts = units.map(({ text }) => text)
  const secrets = ServiceSecrets.lines(settings)
  const digest = sha256(
    JSON.stringify([
      FORMAT,
      image.chainId,
      image.configDescriptor.digest,
      process.workingDirectory,
      place.volumes,
      place.mounts,
      RootMounts.flags(settings.profile),
      ...(secrets.length === 0 ? [] : [secrets]),
      texts.map((text) => text.length)
    ]) + texts.join("")
  )
  const service = context.units.service
  const path = `${system.extractsdir}/${ExtractsTree.templateOf(overlay.name, digest, sha256)}`
  // The slash at the end demands a directory; a path that the configuration names may also be a file.
  const asked = [
    ...place.volumes.map(({ directory, kind }) => (kind === "own" ? `${directory}/` : directory)),
    ...workingDirectories(process.workingDirectory, place.volumes),
    ...ServiceDevices.needed(context)
  ]
  return {
    path,
    mounts: place.mounts,
    argv: [
      ...[helper(context, "oci-prepare"), service, settings.root, path],
      ...[lower, overlay.scratch, root, ...asked]
    ],
    get units() {
      return units.map((unit) => kept(unit, service))
    }
  }
}

/** Returns the working directory on the host if it lies in a volume: the service or the operator may have removed it. */
const workingDirectories = (workingDirectory: string, volumes: readonly Volume[]): readonly string[] => {
  const outer = volumes
    .filter(({ path }) => workingDirectory.startsWith(`${path}/`))
    .reduce<Volume | undefined>(
      (best, volume) => (best && best.path.length > volume.path.length ? best : volume),
      undefined
    )
  return outer === undefined ? [] : [`${outer.directory}${workingDirectory.slice(outer.path.length)}/`]
}

/**
 * Returns a unit that remains while the service runs after its image was removed: the service can stop, but not start
 * again.
 */
const kept = (unit: UnitFile, service: string): UnitFile => ({
  name: unit.name,
  comments: [...unit.comments, "Its image is gone: this is here until the service has stopped."],
  sections: unit.sections.map(({ name, directives }) => ({
    name,
    directives: [
      ...directives
        .filter(({ key }) => key !== "SourcePath" && (key !== "Restart" || unit.name !== service))
        // systemd says why it refuses a start, but not what is missing.
        .map((each) =>
          each.key === "Description" && unit.name === service
            ? directive("Description", join([each.value, literal("(its image is gone)")]))
            : each
        ),
      ...(name === "Unit" && unit.name === service ? [directive("RefuseManualStart", literal("yes"))] : [])
    ]
  }))
})

/** The version of the template's format. Increase it when a template for the same image changes. */
const FORMAT = 7
