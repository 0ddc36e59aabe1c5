/**
 * Prepares the start of an image's service if that takes more than copying what is ready: makes the root, the volumes
 * and everything else that a start needs, and makes systemd reload if its units differ from those that the facts of
 * the root give. `oci-prepare` then does the rest, as at every other start.
 */
import * as Effect from "effect/Effect"
import * as ImageProcess from "../domain/process/ImageProcess.ts"
import * as ImageUser from "../domain/process/ImageUser.ts"
import * as ImageContext from "../domain/unit/ImageContext.ts"
import * as ImageUnits from "../domain/unit/ImageUnits.ts"
import type { Volume } from "../domain/unit/ImageVolumes.ts"
import * as MountTable from "../domain/unit/MountTable.ts"
import * as RootMounts from "../domain/unit/RootMounts.ts"
import * as RootPaths from "../domain/unit/RootPaths.ts"
import type { RootTemplate } from "../domain/unit/RootTemplate.ts"
import * as ServiceSecrets from "../domain/unit/ServiceSecrets.ts"
import type { Records } from "../domain/unit/UserRecord.ts"
import { ExtractStore } from "../services/extracts/ExtractStore.ts"
import { attempt } from "../services/extracts/ExtractsError.ts"
import { NativeCalls } from "../services/files/NativeCalls.ts"
import * as DeviceNodes from "../services/root/DeviceNodes.ts"
import { MountedRoots } from "../services/root/MountedRoots.ts"
import * as MountPoints from "../services/root/MountPoints.ts"
import * as MountProgram from "../services/root/MountProgram.ts"
import * as RootLookup from "../services/root/RootLookup.ts"
import { RootStarter } from "../services/root/RootStarter.ts"
import * as ScratchTemplate from "../services/root/ScratchTemplate.ts"
import * as SecretPlaces from "../services/root/SecretPlaces.ts"
import { UserDatabase } from "../services/root/UserDatabase.ts"
import * as VolumeDirectories from "../services/root/VolumeDirectories.ts"
import * as ServiceManager from "../services/unit/ServiceManager.ts"
import * as UnitDirectory from "../services/unit/UnitDirectory.ts"
import type { CatalogImage } from "./Catalog.ts"
import * as Extract from "./Extract.ts"

export const prepare = (image: CatalogImage, options: Extract.ExtractOptions = {}) =>
  Effect.gen(function* () {
    const { context } = image
    // The units may be older than the configuration. The generator writes a failing unit for such a line.
    const [fault] = context.faults
    if (fault !== undefined) return yield* Effect.fail(fault)
    yield* DeviceNodes.require(context.settings.devices)
    const { facts, process, resolved } = yield* Extract.extract(image, options)
    yield* (yield* MountedRoots).ensure(resolved.chainId)
    const roots = ImageContext.rootPaths(context, resolved)
    const { volumes } = ImageContext.volumes(context, resolved, roots)
    yield* ensureVolumes(volumes, roots.lower)
    const units = yield* ImageUnits.renderProcess(context, resolved, process, facts)
    const points = yield* mountPoints(context, roots.lower, process, units.template.mounts)
    const identity = ImageUser.isUnset(process.user) ? undefined : ImageProcess.identity(process, facts)
    const database = yield* UserDatabase
    const records =
      identity === undefined ? [] : yield* database.lacking(identity, context.host.servesRecords)
    yield* makeTemplate(units.template, { context, points, process, records, roots })
    const manager = yield* ServiceManager.ServiceManager
    yield* manager.reloadUnlessKnown(units.files)
    yield* (yield* RootStarter)(units.template.argv)
    if (identity !== undefined) yield* database.check(identity)
  })

interface TemplateParts {
  readonly context: ImageContext.ImageContext
  readonly points: readonly MountPoints.MountPoint[]
  readonly process: ImageProcess.ImageProcess
  readonly records: readonly Records[]
  readonly roots: RootPaths.RootPaths
}

/**
 * Makes the volumes, outer volumes first. Missing parts of a volume inside another one are made without
 * following links of that volume.
 */
const ensureVolumes = (volumes: readonly Volume[], lower: string) =>
  Effect.gen(function* () {
    const ordered = [...volumes].sort((a, b) => a.directory.length - b.directory.length)
    for (const volume of ordered) {
      const { directory } = volume
      // This is the outermost volume: a process of the image could change the path of one in between.
      const outer = ordered.find((other) => directory.startsWith(`${other.directory}/`))
      if (outer === undefined) {
        yield* (yield* VolumeDirectories.VolumeDirectories).ensure(volume, lower)
        continue
      }
      yield* VolumeDirectories.ensureInside(volume, outer)
    }
  })

/**
 * Returns the mount points. A mount point that is missing in a volume is made there: the volume's service may
 * have removed it.
 */
const mountPoints = (
  { settings }: ImageContext.ImageContext,
  lower: string,
  process: ImageProcess.ImageProcess,
  mounts: readonly RootMounts.RootMount[]
) =>
  Effect.gen(function* () {
    for (const { kind, path } of mounts) {
      if (kind !== "volume" || MountPoints.placeOf(lower, path) !== undefined) continue
      const reason = "leads to the root itself, to a file system of the kernel, or nowhere"
      yield* new VolumeDirectories.VolumeFailed({ path, reason })
    }
    const points = MountPoints.of(lower, mounts)
    yield* SecretPlaces.require(lower, points, settings)
    const led = MountPoints.throughVolume(lower, points, settings.profile)
    if (led !== undefined) {
      const reason = `is on the way to ${led.place}, where systemd makes files of its own at each start: processes of the image could lead it elsewhere on the host`
      yield* new VolumeDirectories.VolumeFailed({ path: led.volume.path, reason })
    }
    const guarded = points.filter((point) => MountTable.isGuarded(points, point))
    const { addsFlags } = yield* MountProgram.look
    for (const { kind, path, source } of guarded) {
      if (kind !== "volume" || addsFlags || !MountProgram.hasMountsInside(source)) continue
      const reason = `has another volume in it, and other file systems are mounted in ${source}: both at once need util-linux 2.39 and Linux 5.12`
      yield* new VolumeDirectories.VolumeFailed({ path, reason })
    }
    if (settings.root === "persistent" || guarded.length > 0) yield* MountProgram.requireUnfollowedLinks()
    yield* attempt("make mount points", "volumes", () =>
      MountPoints.makeInMounts(points, "volume", ({ source }) => source)
    )
    yield* attempt("make the working directory", process.workingDirectory, () =>
      MountPoints.makeDirectoryIn(points, "volume", workingDirectory(lower, process), ({ source }) => source)
    )
    return points
  })

const makeTemplate = (template: RootTemplate, { context, points, process, records, roots }: TemplateParts) =>
  Effect.gen(function* () {
    const { copy } = yield* VolumeDirectories.VolumeDirectories
    const { root, profile } = context.settings
    const lines = MountTable.lines(
      {
        path: roots.root,
        readonly: root === "readonly",
        flags: RootMounts.flags(profile),
        terminals: RootMounts.hasOwnTerminals(profile)
      },
      points,
      yield* MountProgram.look
    )
    const calls = yield* NativeCalls
    const { lower } = roots
    yield* (yield* ExtractStore).template(template.path, (directory) =>
      Effect.gen(function* () {
        const scratch = ScratchTemplate.scratchIn(directory)
        yield* attempt("make a template", directory, () =>
          ScratchTemplate.write(calls, directory, {
            roots,
            points,
            workingDirectory: process.workingDirectory,
            records,
            lines,
            secrets: ServiceSecrets.lines(context.settings),
            isPersistent: root === "persistent"
          })
        )
        for (const writable of RootPaths.writables(roots.overlay, context.settings)) {
          const target = ScratchTemplate.placeIn(directory, writable.directory)
          yield* copy({ root: lower, path: writable.path, target, mode: writable.mode })
        }
        yield* attempt("make mount points", scratch, () => {
          const directoryOf = ({ source }: MountPoints.MountPoint) =>
            ScratchTemplate.placeIn(directory, source)
          MountPoints.makeInMounts(points, "writable", directoryOf)
          MountPoints.makeDirectoryIn(points, "writable", workingDirectory(lower, process), directoryOf)
        })
        for (const unit of template.units) {
          yield* UnitDirectory.writeFile(`${scratch}/${RootPaths.UNITS}`, unit)
        }
      })
    )
  })

/**
 * Returns the path of the working directory in the root, without links; that of the root itself if it leads nowhere.
 */
const workingDirectory = (lower: string, process: ImageProcess.ImageProcess): string =>
  RootLookup.destination(lower, process.workingDirectory) ?? ""
