/**
 * The unit files of one image: its service, the oneshot that mounts its root, and the unit that clears up behind them.
 *
 * Start: scratch, prepare, service. Stop: the reverse. prepare is inactive once it is done, so that it runs at every
 * start; were it to stay active, a start right after a stop would find it still there and skip it.
 */
import * as Either from "effect/Either"
import * as Enabling from "./Enabling.ts"
import type { EnvironmentRefused } from "../systemd/EnvironmentLine.ts"
import * as HealthUnits from "./HealthUnits.ts"
import { type ImageContext, rootPaths, volumes } from "./ImageContext.ts"
import * as ImageProcess from "../process/ImageProcess.ts"
import * as OutputUnit from "./OutputUnit.ts"
import type { ResolvedImage } from "../image/ResolvedImage.ts"
import type { RootFacts } from "../process/RootFacts.ts"
import type { RootPaths } from "./RootPaths.ts"
import * as RootTemplate from "./RootTemplate.ts"
import * as RootUnits from "./RootUnits.ts"
import * as ServiceUnit from "./ServiceUnit.ts"
import type { UnitFile } from "./UnitFile.ts"
import type { Unwritable } from "../systemd/UnitValue.ts"
import * as UnmappedFields from "./UnmappedFields.ts"
import type { Volume } from "./ImageVolumes.ts"

/** All that the generator writes for one image. */
export interface ImageUnits {
  readonly files: readonly UnitFile[]
  readonly links: readonly Enabling.UnitLink[]
  readonly template: RootTemplate.RootTemplate
  /** What the image asks for and does not get, or not as it stands. */
  readonly notes: readonly string[]
  /** What its configuration says and no unit does. */
  readonly unmapped: readonly UnmappedFields.UnmappedField[]
  /** Is all known that they must say of the root? Else the extraction finds it out, and they change once. */
  readonly isFinal: boolean
}

/** Why no units can be made: something that the image says cannot stand in a unit. */
export type UnitsError = Unwritable | EnvironmentRefused | ProcessError
type ProcessError =
  ReturnType<typeof ImageProcess.fromConfig> extends Either.Either<unknown, infer E> ? E : never

/** All units of an image, for one context and machine. Pure: equal arguments give equal units. */
export const render = (
  context: ImageContext,
  image: ResolvedImage,
  facts: RootFacts
): Either.Either<ImageUnits, UnitsError> => {
  const read = ImageProcess.fromConfig(image.config)
  if (Either.isLeft(read)) return Either.left(read.left)
  const process = read.right
  const roots = rootPaths(context, image)
  const own = volumes(context, image, roots)
  const notes = ServiceUnit.notes(context, image, process, facts, own.notes)
  const unmapped = UnmappedFields.of(image)
  const parts = { roots, volumes: own.volumes, notes, unmapped }
  const service = ServiceUnit.render(context, image, process, facts, parts)
  if (Either.isLeft(service)) return Either.left(service.left)
  const health = healthUnits(context, process, facts, service.right, roots)
  if (Either.isLeft(health)) return Either.left(health.left)
  const scratch = RootUnits.scratch(context, roots, health.right.length > 0)
  if (Either.isLeft(scratch)) return Either.left(scratch.left)
  const others = [service.right, scratch.right]
  if (OutputUnit.isPiped(context, facts) !== false) {
    const output = OutputUnit.render(context, roots.overlay)
    if (Either.isLeft(output)) return Either.left(output.left)
    others.push(output.right)
  }
  others.push(...health.right)
  const template = RootTemplate.of(context, image, process, { roots, volumes: own.volumes }, others)
  const prepare = RootUnits.prepare(context, volumeDirectories(context, own.volumes), template)
  if (Either.isLeft(prepare)) return Either.left(prepare.left)
  return Either.right({
    files: [...others, prepare.right, ...Enabling.dropIns(context)],
    links: Enabling.links(context),
    template,
    notes,
    unmapped,
    isFinal:
      ServiceUnit.isPrepared(process, facts) &&
      OutputUnit.isPiped(context, facts) !== undefined &&
      (process.health === undefined || ImageProcess.healthPath(process, facts) !== undefined)
  })
}

/** Disks have to be mounted before volumes on them are made. */
const volumeDirectories = (context: ImageContext, all: readonly Volume[]): readonly string[] =>
  all.map(({ directory, kind }) => (kind === "own" ? context.system.volumesdir : directory))

/** The check's own unit is there once its program and its user are known. */
const healthUnits = (
  context: ImageContext,
  process: ImageProcess.ImageProcess,
  facts: RootFacts,
  service: UnitFile,
  roots: RootPaths
): Either.Either<readonly UnitFile[], Unwritable> => {
  const { health } = process
  if (health === undefined || !HealthUnits.isChecked(context, process, facts)) return Either.right([])
  return Either.gen(function* () {
    const timer = HealthUnits.timer(context, health)
    const path = ImageProcess.healthPath(process, facts)
    if (path === undefined || !ServiceUnit.isPrepared(process, facts)) return [timer]
    return [
      timer,
      yield* HealthUnits.check(context, health, path, service),
      yield* HealthUnits.health(context, health, roots.overlay)
    ]
  })
}
