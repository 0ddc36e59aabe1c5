/**
 * The unit files of one image: its service, the oneshot that mounts its root, and the unit that clears up behind them.
 *
 * Start: scratch, prepare, service. Stop: the reverse. prepare is inactive once it is done, so that it runs at every
 * start; were it to stay active, a start right after a stop would find it still there and skip it.
 */
import * as Either from "effect/Either"
import * as Enabling from "./Enabling.ts"
import type { EnvironmentRefused } from "./EnvironmentLine.ts"
import * as HealthUnits from "./HealthUnits.ts"
import { type ImageContext, rootPaths, volumes } from "./ImageContext.ts"
import * as ImageProcess from "./ImageProcess.ts"
import * as OutputUnit from "./OutputUnit.ts"
import type { ResolvedImage } from "./ResolvedImage.ts"
import type { RootFacts } from "./RootFacts.ts"
import type { RootPaths } from "./RootPaths.ts"
import * as RootTemplate from "./RootTemplate.ts"
import * as RootUnits from "./RootUnits.ts"
import * as ServiceUnit from "./ServiceUnit.ts"
import type { UnitFile } from "./UnitFile.ts"
import type { Unwritable } from "./UnitValue.ts"
import * as UnmappedFields from "./UnmappedFields.ts"
import type { Volume } from "./Volumes.ts"

/** All that the generator writes for one image. */
export interface ImageUnits {
  readonly files: readonly UnitFile[]
  readonly links: readonly Enabling.UnitLink[]
  readonly template: RootTemplate.RootTemplate
  /** What the image asks for and does not get, or not as it stands. */
  readonly notes: readonly string[]
  /** What its configuration says and no unit does. */
  readonly unmapped: readonly UnmappedFields.UnmappedField[]
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
): Either.Either<ImageUnits, UnitsError> =>
  Either.gen(function* () {
    const process = yield* ImageProcess.fromConfig(image.config)
    const roots = rootPaths(context, image)
    const own = volumes(context, image)
    const notes = ServiceUnit.notes(context, image, process, facts, own.notes)
    const unmapped = UnmappedFields.of(image)
    const service = yield* ServiceUnit.render(context, image, process, facts, {
      roots,
      volumes: own.volumes,
      notes,
      unmapped
    })
    const health = yield* healthUnits(context, process, facts, service, roots)
    const others = [
      service,
      yield* RootUnits.scratch(context, roots, health.length > 0),
      ...(OutputUnit.isPiped(context, facts) === false
        ? []
        : [yield* OutputUnit.render(context, roots.overlay)]),
      ...health
    ]
    const template = RootTemplate.of(context, image, process, { roots, volumes: own.volumes }, others)
    const prepare = yield* RootUnits.prepare(context, volumeDirectories(context, own.volumes), template)
    return {
      files: [...others, prepare, ...Enabling.dropIns(context)],
      links: Enabling.links(context),
      template,
      notes,
      unmapped
    }
  })

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
): Either.Either<readonly UnitFile[], Unwritable> =>
  Either.gen(function* () {
    const { health } = process
    if (health === undefined || !HealthUnits.isChecked(context, process, facts)) return []
    const timer = HealthUnits.timer(context, health)
    const path = ImageProcess.healthPath(process, facts)
    if (path === undefined || !ServiceUnit.isPrepared(process, facts)) return [timer]
    return [
      timer,
      yield* HealthUnits.check(context, health, path, service),
      yield* HealthUnits.health(context, health, roots.overlay)
    ]
  })
