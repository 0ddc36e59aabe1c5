/** An image's units as the generator writes them: the real ones, or a stub that says why there are none. */
import * as Either from "effect/Either"
import * as Enabling from "../domain/unit/Enabling.ts"
import { ImageConfig } from "../domain/image/ImageConfig.ts"
import * as ImageContext from "../domain/unit/ImageContext.ts"
import { display, type ImageName } from "../domain/naming/ImageName.ts"
import * as ImageUnits from "../domain/unit/ImageUnits.ts"
import * as ResolvedImage from "../domain/image/ResolvedImage.ts"
import * as RootFacts from "../domain/process/RootFacts.ts"
import * as Settings from "../domain/settings/Settings.ts"
import * as StubUnit from "../domain/unit/StubUnit.ts"
import { TaggedError } from "../domain/text/TaggedError.ts"
import * as Blobs from "../services/layout/Blobs.ts"
import * as FactsFile from "../services/extracts/FactsFile.ts"
import type { ImageError } from "../services/layout/ImageResolution.ts"
import * as Privileges from "../services/files/Privileges.ts"
import type { CatalogImage } from "./Catalog.ts"

/** Units, and what is wrong where they are only the stub. */
export interface Rendered extends Omit<ImageUnits.ImageUnits, "template"> {
  /** Why the image cannot run; its only unit is then the stub. */
  readonly problem: string | undefined
  /** What who asks may not read and root may: the units that root would see can be others. */
  readonly denied: ImageError | undefined
}

/** Reads the image's documents and what is known of its root, and renders. Never fails: what cannot run has a stub. */
export const image = ({ context, resolve }: CatalogImage): Either.Either<Rendered> => {
  const resolved = resolve()
  if (Either.isLeft(resolved)) {
    return Either.right({ ...stub(context, resolved.left.message), denied: deniedBy(resolved) })
  }
  const { config, configDescriptor } = resolved.right
  const known = FactsFile.read(context.system.extractsdir, configDescriptor.digest, config.config?.User ?? "")
  const denied = deniedBy(known)
  // They are then found again.
  const facts = Either.getOrElse(known, () => RootFacts.NO_FACTS)
  const units = ImageUnits.render(context, resolved.right, facts)
  if (Either.isLeft(units)) return Either.right({ ...stub(context, units.left.message), denied })
  const { template: _, ...rendered } = units.right
  return Either.right({ ...rendered, problem: undefined, denied })
}

const deniedBy = (outcome: Either.Either<unknown, ImageError>): ImageError | undefined =>
  Either.isLeft(outcome) && Privileges.isDenied(outcome.left) ? outcome.left : undefined

const stub = (context: CatalogImage["context"], reason: string): Omit<Rendered, "denied"> => ({
  files: [StubUnit.render(context, reason), ...Enabling.dropIns(context)],
  // Whoever wants the image sees it fail.
  links: Enabling.links(context),
  notes: [],
  unmapped: [],
  isFinal: true,
  problem: `${display(context.name)}: ${reason}`
})

/** An image configuration that is none (image-spec config.md). */
export class ConfigInvalid extends TaggedError("ConfigInvalid")<{ readonly reason: string }> {
  override get message(): string {
    return `the image configuration is not of its form: ${this.reason}`
  }
}

/**
 * Units of an image that need not be there: `config` is an image configuration as JSON has it. Pure: nothing is read or
 * written, and `host` says what the machine is, whatever the image's platform. Without `facts`, which extraction finds out, the service of an image
 * with a bare command or a named user is the one that has them found out at its first start.
 */
export const fromConfig = (options: {
  readonly name: ImageName
  readonly config: unknown
  /** Of the manifest. */
  readonly annotations?: Readonly<Record<string, string>>
  readonly settings?: Settings.Settings
  readonly host: ImageContext.UnitHost
  readonly facts?: RootFacts.RootFacts
}): Either.Either<ImageUnits.ImageUnits, ConfigInvalid | ImageUnits.UnitsError> =>
  Either.gen(function* () {
    const { annotations, host, name, facts = RootFacts.NO_FACTS, settings = Settings.DEFAULTS } = options
    const config = yield* Either.mapLeft(
      ImageConfig(options.config),
      (error) => new ConfigInvalid({ reason: Blobs.summary(error) })
    )
    const context = ImageContext.of(name, { settings, host, sha256: Blobs.sha256 })
    const resolved = ResolvedImage.fromConfig(config, Blobs.sha256, annotations)
    return yield* ImageUnits.render(context, ResolvedImage.withSettings(resolved, context.settings), facts)
  })
