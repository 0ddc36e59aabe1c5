/**
 * The unit files of one image: its service, the oneshot that mounts its root, and the unit that cleans up after both.
 *
 * The start order is scratch, prepare, service; the stop order is the reverse. prepare is inactive once it is done,
 * so that it runs at every start: if it stayed active, a start right after a stop would find it active and skip it.
 */

import * as Either from "effect/Either"
import type { ResolvedImage } from "../image/ResolvedImage.ts"
import type { CommandError } from "../process/ImageCommand.ts"
import * as ImageProcess from "../process/ImageProcess.ts"
import type { UserError } from "../process/ImageUser.ts"
import type { RootFacts } from "../process/RootFacts.ts"
import type { UnknownSignal } from "../process/StopSignal.ts"
import type { Unwritable } from "../systemd/UnitValue.ts"
import * as CheckUnit from "./CheckUnit.ts"
import * as Enabling from "./Enabling.ts"
import * as HealthUnits from "./HealthUnits.ts"
import { type ImageContext, rootPaths, volumes } from "./ImageContext.ts"
import type { Volume } from "./ImageVolumes.ts"
import * as OutputUnit from "./OutputUnit.ts"
import * as RootMounts from "./RootMounts.ts"
import type { RootPaths } from "./RootPaths.ts"
import * as RootTemplate from "./RootTemplate.ts"
import * as RootUnits from "./RootUnits.ts"
import * as ServiceSecrets from "./ServiceSecrets.ts"
import * as ServiceUnit from "./ServiceUnit.ts"
import * as StopUnit from "./StopUnit.ts"
import { type PrintedUnit, printed, type UnitFile } from "./UnitFile.ts"
import * as UnmappedFields from "./UnmappedFields.ts"

/** Everything that the generator writes for one image. */
export interface ImageUnits {
  readonly files: readonly PrintedUnit[]
  readonly links: readonly Enabling.UnitLink[]
  readonly template: RootTemplate.RootTemplate
  /** What the image asks for and does not get, or not in that form. */
  readonly notes: readonly string[]
  /** What a hostile image could do because this machine lacks a barrier: see `ServiceUnit.walls`. */
  readonly walls: readonly string[]
  /** Fields of the image's configuration that no unit uses. */
  readonly unmapped: readonly UnmappedFields.UnmappedField[]
  /**
   * Whether all facts of the root that the units need are known. If not, extraction finds them, and the units change
   * once.
   */
  readonly isFinal: boolean
}

/** Why no units can be made: a value of the image cannot be written in a unit. */
export type UnitsError = Unwritable | ServiceUnit.ServiceError | ProcessError
/** Why the process of an image cannot run. */
export type ProcessError = CommandError | UnknownSignal | UserError

/**
 * Renders all units of an image for one context and machine. The function is pure: equal arguments give equal units.
 */
export const render = (
  context: ImageContext,
  image: ResolvedImage,
  facts: RootFacts
): Either.Either<ImageUnits, UnitsError> => {
  const process = ImageProcess.fromConfig(image.config)
  return Either.isLeft(process)
    ? Either.left(process.left)
    : renderProcess(context, image, process.right, facts)
}

/** Does the same with the process of the image's configuration, for callers that have read it. @internal */
export const renderProcess = (
  context: ImageContext,
  image: ResolvedImage,
  process: ImageProcess.ImageProcess,
  facts: RootFacts
): Either.Either<ImageUnits, UnitsError> => {
  const roots = rootPaths(context, image)
  const own = volumes(context, image, roots)
  const notes = ServiceUnit.notes(context, image, process, facts, own)
  const unmapped = UnmappedFields.of(image)
  const parts = { roots, volumes: own.volumes, notes, unmapped }
  const service = ServiceUnit.render(context, image, process, facts, parts)
  if (Either.isLeft(service)) return Either.left(service.left)
  const health = healthUnits(context, process, facts, service.right, roots)
  if (Either.isLeft(health)) return Either.left(health.left)
  const scratch = RootUnits.scratch(context, roots, health.right.length > 0)
  if (Either.isLeft(scratch)) return Either.left(scratch.left)
  const stop = StopUnit.render(context)
  if (Either.isLeft(stop)) return Either.left(stop.left)
  const others = [service.right, scratch.right, ...stop.right]
  if (OutputUnit.isPiped(context)) {
    const output = OutputUnit.render(context, image, roots.overlay)
    if (Either.isLeft(output)) return Either.left(output.left)
    others.push(output.right)
  }
  others.push(...health.right)
  const mounts = RootMounts.of(context, image.config.config ?? {}, process, facts, {
    overlay: roots.overlay,
    volumes: own.volumes
  })
  const texts = others.map(printed)
  const template = RootTemplate.of(context, image, process, { roots, volumes: own.volumes, mounts }, texts)
  const prepare = RootUnits.prepare(
    context,
    [...volumeDirectories(context, own.volumes), ...neededFiles(context)],
    template
  )
  if (Either.isLeft(prepare)) return Either.left(prepare.left)
  return Either.right({
    files: [...texts, ...[prepare.right, ...Enabling.dropIns(context)].map(printed)],
    links: Enabling.links(context),
    template,
    notes,
    walls: ServiceUnit.walls(context, process, facts),
    unmapped,
    isFinal:
      ServiceUnit.isPrepared(process, facts) &&
      (process.health === undefined || ImageProcess.healthPath(process, facts) !== undefined)
  })
}

/** Returns the directories whose disks have to be mounted before volumes are made on them. */
const volumeDirectories = (context: ImageContext, all: readonly Volume[]): readonly string[] =>
  all.map(({ directory, kind }) => (kind === "own" ? context.system.volumesdir : directory))

/** Returns files of variables and of secrets without which the service does not start. */
const neededFiles = ({ settings }: ImageContext): readonly string[] => [
  ...settings.envfile.filter(({ isOptional }) => !isOptional).map(({ path }) => path),
  ...ServiceSecrets.hostFiles(settings)
]

/** Returns the units of the health check. The unit that runs the check exists once its program and user are known. */
const healthUnits = (
  context: ImageContext,
  process: ImageProcess.ImageProcess,
  facts: RootFacts,
  service: UnitFile,
  roots: RootPaths
): Either.Either<readonly UnitFile[], UnitsError> => {
  const { health } = process
  if (health === undefined || !HealthUnits.isChecked(context, process, facts)) return Either.right([])
  return Either.gen(function* () {
    const timer = HealthUnits.timer(context, health)
    const path = ImageProcess.healthPath(process, facts)
    const identity = ImageProcess.identity(process, facts)
    if (path === undefined || identity === undefined || !ServiceUnit.isPrepared(process, facts))
      return [timer, HealthUnits.standIn(context)]
    return [
      timer,
      yield* CheckUnit.render(context, { check: health, identity, path, process, roots, service }),
      yield* HealthUnits.health(context, health, roots.overlay)
    ]
  })
}
