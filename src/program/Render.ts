/** Renders an image's units as the generator writes them: the real ones, or a stub that says why there are none. */
import * as Either from "effect/Either"
import type { Artifact } from "../domain/image/Artifact.ts"
import { ImageConfig } from "../domain/image/ImageConfig.ts"
import * as ResolvedImage from "../domain/image/ResolvedImage.ts"
import * as ImageName from "../domain/naming/ImageName.ts"
import * as RootFacts from "../domain/process/RootFacts.ts"
import * as ImageOverrides from "../domain/settings/ImageOverrides.ts"
import * as Settings from "../domain/settings/Settings.ts"
import { TaggedError } from "../domain/text/TaggedError.ts"
import * as Enabling from "../domain/unit/Enabling.ts"
import * as ImageContext from "../domain/unit/ImageContext.ts"
import * as ImageUnits from "../domain/unit/ImageUnits.ts"
import * as StubUnit from "../domain/unit/StubUnit.ts"
import { printed } from "../domain/unit/UnitFile.ts"
import * as FactsFile from "../services/extracts/FactsFile.ts"
import * as Privileges from "../services/files/Privileges.ts"
import * as Blobs from "../services/layout/Blobs.ts"
import type { ImageError } from "../services/layout/ImageResolution.ts"
import type { CatalogImage } from "./Catalog.ts"

/** Units, and the problem if they are only a stub. */
export interface Rendered extends Omit<ImageUnits.ImageUnits, "template"> {
  /** Why the image cannot run. Its only unit is then the stub. */
  readonly problem: string | undefined
  /** An error from a lack of permission of the caller. The units that root would see may differ. */
  readonly denied: ImageError | undefined
  /** What it is if it is not an image. There are no units then, and no problem. */
  readonly artifact?: Artifact
}

/**
 * Reads the image's documents and the known facts of its root, and renders the units. It never fails: an image that
 * cannot run gets a stub, and so does one for which a line of the configuration cannot be used. What is no image gets nothing.
 */
export const image = ({ artifact, context, resolve }: CatalogImage): Rendered => {
  const [fault] = context.faults
  if (fault !== undefined) {
    const what = artifact()
    return what === undefined ? { ...stub(context, fault.message), denied: undefined } : nothing(what)
  }
  const resolved = resolve()
  if (Either.isLeft(resolved)) {
    const { left } = resolved
    if (left._tag === "ImageRefused" && left.artifact !== undefined) return nothing(left.artifact)
    return { ...stub(context, resolved.left.message), denied: deniedBy(resolved) }
  }
  const { config, configDescriptor } = resolved.right
  const question = ImageOverrides.question(context.settings, config)
  const known = FactsFile.read(context.system.extractsdir, configDescriptor.digest, question)
  const denied = deniedBy(known)
  // Unreadable facts count as missing: the next start finds them again.
  const facts = Either.getOrElse(known, () => RootFacts.NO_FACTS)
  const units = ImageUnits.render(context, resolved.right, facts)
  if (Either.isLeft(units)) return { ...stub(context, units.left.message), denied }
  const { template: _, ...rendered } = units.right
  return { ...rendered, problem: undefined, denied }
}

const deniedBy = (outcome: Either.Either<unknown, ImageError>): ImageError | undefined =>
  Either.isLeft(outcome) && Privileges.isDenied(outcome.left) ? outcome.left : undefined

/** The units of what is no image. */
const nothing = (artifact: Artifact): Rendered => ({
  files: [],
  links: [],
  notes: [],
  walls: [],
  unmapped: [],
  isFinal: true,
  problem: undefined,
  denied: undefined,
  artifact
})

/** The units of an image that cannot run: one that fails and says why. @internal */
export const stub = (context: CatalogImage["context"], reason: string): Omit<Rendered, "denied"> => ({
  files: [StubUnit.render(context, reason), ...Enabling.dropIns(context)].map(printed),
  // Units that want the image then see it fail.
  links: Enabling.links(context),
  notes: [],
  walls: [],
  unmapped: [],
  isFinal: true,
  problem: `${ImageName.display(context.name)}: ${reason}`
})

/** A document that is not a valid image configuration (image-spec config.md). */
export class ConfigInvalid extends TaggedError("ConfigInvalid")<{ readonly reason: string }> {
  override get message(): string {
    return `the image configuration is malformed: ${this.reason}`
  }
}

/** A name that no image can have. */
export class NameInvalid extends TaggedError("NameInvalid")<{ readonly name: ImageName.ImageName }> {
  override get message(): string {
    return `${JSON.stringify(ImageName.display(this.name))} cannot be the name of an image`
  }
}

/**
 * Renders the units of an image without a layout. `config` is an image configuration as JSON; without `rootfs`, units can
 * be looked at, but name a root that no image has. The function is pure:
 * it reads and writes nothing, and `host` describes the machine, whatever the image's platform. Without `facts`,
 * which extraction finds, the service of an image with a bare command or a named user is one that finds them at its
 * first start.
 */
export const fromConfig = (options: {
  readonly name: ImageName.ImageName
  readonly config: unknown
  /** The annotations of the manifest. */
  readonly annotations?: Readonly<Record<string, string>>
  readonly settings?: Settings.Settings
  readonly host: ImageContext.UnitHost
  readonly facts?: RootFacts.RootFacts
}): Either.Either<ImageUnits.ImageUnits, NameInvalid | ConfigInvalid | ImageUnits.UnitsError> =>
  Either.gen(function* () {
    const { annotations, host, name, facts = RootFacts.NO_FACTS, settings = Settings.DEFAULTS } = options
    if (!ImageName.isName(name)) return yield* Either.left(new NameInvalid({ name }))
    const config = yield* Either.mapLeft(
      ImageConfig(withRoot(options.config)),
      (error) => new ConfigInvalid({ reason: Blobs.summary(error) })
    )
    const context = ImageContext.of(name, { settings, host, sha256: Blobs.sha256 })
    const resolved = ResolvedImage.fromConfig(config, Blobs.sha256, annotations)
    return yield* ImageUnits.render(context, ImageOverrides.apply(resolved, context.settings), facts)
  })

/** Completes a configuration that says nothing of layers, as people write one to see its units. */
const withRoot = (config: unknown): unknown =>
  typeof config === "object" && config !== null && !("rootfs" in config)
    ? { ...config, rootfs: { type: "layers", diff_ids: [NO_LAYER] } }
    : config

/** Stands for the layers of an image that has none. */
const NO_LAYER = `sha256:${"0".repeat(64)}`
