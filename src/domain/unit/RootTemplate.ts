/**
 * What is copied at every start of an image's service, and made only once: its scratch as it is before anybody has
 * written to it, and records of the users that the host does not know.
 *
 *     templates/NAME/DIGEST/scratch/{upper,work,run,…,output}   see RootPaths, OutputUnit
 *                           scratch/units/…                     what a service needs to be stopped, see RunningUnits
 *                           users/…                             see UserRecord; missing where none are needed
 *
 * `oci-systemd prepare` makes it, `oci-prepare` copies it. DIGEST is of all that it follows from, so that one that was
 * made for an older image, configuration or version is never taken for it.
 */
import * as ExtractsTree from "../extracts/ExtractsTree.ts"
import { helper, type ImageContext } from "./ImageContext.ts"
import type { ImageProcess } from "../process/ImageProcess.ts"
import type { ResolvedImage } from "../image/ResolvedImage.ts"
import type { RootPaths } from "./RootPaths.ts"
import { directive, render, type UnitFile } from "./UnitFile.ts"
import * as UnitName from "../naming/UnitName.ts"
import { join, literal } from "../systemd/UnitValue.ts"
import type { Volume } from "./ImageVolumes.ts"

export interface RootTemplate {
  readonly path: string
  /** Of `oci-prepare`, which mounts a root from it. */
  readonly argv: readonly string[]
  /** Made when they are asked for: prepare writes them, and the generator does not. */
  readonly units: readonly UnitFile[]
}

/** `units` are the image's but for the one that names the template. */
export const of = (
  context: ImageContext,
  image: ResolvedImage,
  process: ImageProcess,
  place: { readonly roots: RootPaths; readonly volumes: readonly Volume[] },
  units: readonly UnitFile[]
): RootTemplate => {
  const { sha256, settings, system } = context
  const { lower, overlay, root } = place.roots
  const texts = units.map(render)
  const digest = sha256(
    JSON.stringify([
      FORMAT,
      image.chainId,
      image.configDescriptor.digest,
      process.workingDirectory,
      place.volumes,
      texts.map((text) => text.length)
    ]) + texts.join("")
  )
  const service = UnitName.service(context.stem)
  const path = `${system.extractsdir}/${ExtractsTree.templateOf(overlay.name, digest, sha256)}`
  // The slash has it ask for a directory; what the configuration names may be a file as well.
  const asked = place.volumes.map(({ directory, kind }) => (kind === "own" ? `${directory}/` : directory))
  return {
    path,
    argv: [
      ...[helper(context, "oci-prepare"), service, settings.root, path],
      ...[lower, overlay.scratch, root, ...asked]
    ],
    get units() {
      return units.map((unit) => kept(unit, service))
    }
  }
}

/** What stays for as long as the service runs after its image was removed: it ends as it should, and is not started again. */
const kept = (unit: UnitFile, service: string): UnitFile => ({
  ...unit,
  comments: [...unit.comments, "Its image is gone: this is here until the service has stopped."],
  sections: unit.sections.map(({ name, directives }) => ({
    name,
    directives: [
      ...directives
        .filter(({ key }) => key !== "SourcePath" && (key !== "Restart" || unit.name !== service))
        // systemd says why it refuses a start, but not what for.
        .map((each) =>
          each.key === "Description" && unit.name === service
            ? directive("Description", join([each.value, literal("(its image is gone)")]))
            : each
        ),
      ...(name === "Unit" && unit.name === service ? [directive("RefuseManualStart", literal("yes"))] : [])
    ]
  }))
})

/** To be counted up where what is made of the same image changes. */
const FORMAT = 3
