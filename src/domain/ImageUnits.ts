/**
 * The unit files of one image: its service, the mount of its root, the oneshot that prepares both, and the unit that
 * clears up behind an ephemeral root.
 *
 * Start: scratch, prepare, mount, service. Stop: the reverse. prepare is inactive once it is done, so that it runs at
 * every start; were it to stay active, a start right after a stop would find it still there and skip it.
 */
import * as Either from "effect/Either"
import type { EnvironmentRefused } from "./EnvironmentLine.ts"
import { clears, type ImageContext, rootPaths } from "./ImageContext.ts"
import * as ImageProcess from "./ImageProcess.ts"
import type { ResolvedImage } from "./ResolvedImage.ts"
import type { RootFacts } from "./RootFacts.ts"
import * as RootUnits from "./RootUnits.ts"
import * as ServiceUnit from "./ServiceUnit.ts"
import type { UnitFile } from "./UnitFile.ts"
import * as UnitName from "./UnitName.ts"
import type { Unwritable } from "./UnitValue.ts"

/** A symbolic link in the generator's directory: `multi-user.target.wants/U.service` → `../U.service`. */
export interface UnitLink {
  readonly path: string
  readonly target: string
}

export interface ImageUnits {
  readonly files: readonly UnitFile[]
  readonly links: readonly UnitLink[]
  /** What the image asks for and does not get. */
  readonly notes: readonly string[]
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
    return { files, links: enablingLinks(context), notes: process.notes }
  })

const enablingLinks = (context: ImageContext): readonly UnitLink[] => {
  const service = UnitName.service(context.stem)
  return context.settings.wantedby.map((unit) => ({
    path: `${unit}.wants/${service}`,
    target: `../${service}`
  }))
}
