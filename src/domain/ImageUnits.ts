/**
 * The unit files of one image: its service, the mount of its root, the oneshot that prepares both, and the unit that
 * clears up behind an ephemeral root.
 *
 * Start: scratch, prepare, mount, service. Stop: the reverse. prepare is inactive once it is done, so that it runs at
 * every start; were it to stay active, a start right after a stop would find it still there and skip it.
 */
import * as Either from "effect/Either"
import * as Enabling from "./Enabling.ts"
import type { EnvironmentRefused } from "./EnvironmentLine.ts"
import { clears, type ImageContext, rootPaths } from "./ImageContext.ts"
import * as ImageProcess from "./ImageProcess.ts"
import type { ResolvedImage } from "./ResolvedImage.ts"
import type { RootFacts } from "./RootFacts.ts"
import * as RootUnits from "./RootUnits.ts"
import * as ServiceUnit from "./ServiceUnit.ts"
import type { UnitFile } from "./UnitFile.ts"
import type { Unwritable } from "./UnitValue.ts"
import * as UnmappedFields from "./UnmappedFields.ts"

export interface ImageUnits {
  readonly files: readonly UnitFile[]
  readonly links: readonly Enabling.UnitLink[]
  /** What the image asks for and does not get, or not as it stands. */
  readonly notes: readonly string[]
  /** What its configuration says and no unit does. */
  readonly unmapped: readonly UnmappedFields.UnmappedField[]
}

export type UnitsError = Unwritable | EnvironmentRefused | ProcessError
type ProcessError =
  ReturnType<typeof ImageProcess.fromConfig> extends Either.Either<unknown, infer E> ? E : never

export const render = (
  context: ImageContext,
  image: ResolvedImage,
  facts: RootFacts
): Either.Either<ImageUnits, UnitsError> =>
  Either.gen(function* () {
    const process = yield* ImageProcess.fromConfig(image.config)
    const roots = rootPaths(context, image)
    const service = yield* ServiceUnit.render(context, image, process, facts, roots)
    const files = [
      service,
      RootUnits.mount(context, roots),
      yield* RootUnits.prepare(context),
      ...(clears(context) ? [yield* RootUnits.scratch(context, roots.overlay.scratch)] : [])
    ]
    return {
      files: [...files, ...Enabling.dropIns(context)],
      links: Enabling.links(context),
      notes: ServiceUnit.notes(context, image, process, facts),
      unmapped: UnmappedFields.of(image)
    }
  })
