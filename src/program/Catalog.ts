/** Every image below the layouts directory, with its unit names and settings, or the reason why it cannot be used. */
import * as Either from "effect/Either"
import * as Platform from "../domain/image/Platform.ts"
import type * as ResolvedImage from "../domain/image/ResolvedImage.ts"
import { display, type ImageName, LATEST } from "../domain/naming/ImageName.ts"
import * as UnitName from "../domain/naming/UnitName.ts"
import * as ImageOverrides from "../domain/settings/ImageOverrides.ts"
import type { ImageSettings } from "../domain/settings/ImageSettings.ts"
import type * as Settings from "../domain/settings/Settings.ts"
import * as Enabling from "../domain/unit/Enabling.ts"
import * as ImageContext from "../domain/unit/ImageContext.ts"
import * as Privileges from "../services/files/Privileges.ts"
import * as HostFacts from "../services/host/HostFacts.ts"
import { sha256 } from "../services/layout/Blobs.ts"
import * as Deadline from "../services/layout/Deadline.ts"
import * as ImageResolution from "../services/layout/ImageResolution.ts"
import * as LayoutReader from "../services/layout/LayoutReader.ts"
import type { Reference } from "../services/layout/Layouts.ts"

/** An image that a layout names. Only its name has been read so far. */
export interface CatalogImage {
  readonly context: ImageContext.ImageContext
  /** Directory of the layout. */
  readonly layoutPath: string
  /**
   * Whether the caller lacks permission to read the layout. The reference is then a guess: the layout may have
   * others, or the path may be a directory of layouts.
   */
  readonly isHidden: boolean
  /** Reads and checks the image's documents, for this machine or for another. */
  readonly resolve: (
    other?: Platform.HostPlatform
  ) => Either.Either<ResolvedImage.ResolvedImage, ImageResolution.ImageError>
}

/** The images below a layouts directory. */
export interface Catalog {
  readonly images: readonly CatalogImage[]
  /** What is ignored or unusual, one sentence each. Hidden images are not among them. */
  readonly warnings: readonly string[]
  /** The same sentences, each with the paths that it is about. */
  readonly remarks: readonly Remark[]
}

/** A sentence about a layout, for commands that only work on some layouts. */
export interface Remark {
  readonly text: string
  /** Paths of the layouts, or of directories that are not layouts. */
  readonly paths: readonly string[]
}

/** Loads the catalog. It never fails: an image that cannot be used says so when it is resolved. */
export const load = (
  settings: Settings.Settings,
  host: ImageContext.UnitHost = HostFacts.unitHost(settings.system),
  platform: Platform.HostPlatform = HostFacts.platform(),
  budget: Deadline.Deadline = Deadline.UNLIMITED,
  reader: LayoutReader.LayoutReader = LayoutReader.ON_DISK
): Catalog => {
  const { layouts, skipped } = reader.find(settings.system.imagelayoutdir, budget)
  const remarks: Remark[] = skipped
    .filter(({ refused }) => refused === undefined || !Privileges.isDenied(refused))
    .map(({ path, reason }) => ({ text: `${path} ${reason}: skipped`, paths: [path] }))
  const found = layouts.flatMap(({ layout, path }) =>
    Either.match(budget.isSpent() ? left(budget) : reader.references(path), {
      onRight: (references) => {
        if (references.length === 0)
          remarks.push({ text: `${layout}: the layout lists no images: skipped`, paths: [path] })
        return references.map((reference): FoundImage => ({ layout, path, reference, isHidden: false }))
      },
      onLeft: (error) => {
        const isHidden = Privileges.isDenied(error)
        if (!isHidden) remarks.push({ text: `${layout}: ${error.message}`, paths: [path] })
        return [{ layout, path, reference: { ref: LATEST, error }, isHidden }]
      }
    })
  )
  for (const { path, reason, refused } of skipped) {
    if (refused === undefined || refused.layout === "" || !Privileges.isDenied(refused)) continue
    const { code, layout } = refused
    const error = new ImageResolution.ImageRefused({ reason: `${path} ${reason}`, code })
    found.push({ layout, path, reference: { ref: LATEST, error }, isHidden: true })
  }
  const named = UnitName.assign(
    found.map((each) => ({ ...each, ref: each.reference.ref })),
    sha256
  ).map(({ collidesWith, image, stem }) => {
    const { layout, ref } = image
    const context = ImageContext.of({ layout, ref }, { settings, host, sha256, stem })
    return { found: image, context, collidesWith }
  })
  const clashes = Enabling.clashes(named.map(({ context }) => context))
  for (const [name, text] of clashes) {
    const claimants = named.filter(
      ({ context: { settings, units } }) => settings.alias.includes(name) || units.service === name
    )
    remarks.push({ text, paths: claimants.map(({ found }) => found.path) })
  }
  const images = named.map(({ collidesWith, context, found }): CatalogImage => {
    const { name, settings: own, units } = context
    if (collidesWith.length > 0) {
      const text = `${display(name)} would have the same unit name as ${collidesWith.map(display).join(", ")}, so its unit is ${units.service}`
      remarks.push({ text, paths: [found.path] })
    }
    const alias = own.alias.filter((alias) => !clashes.has(alias))
    return imageOf({ ...context, settings: { ...own, alias } }, found, { platform, budget, reader })
  })
  return { images, warnings: remarks.map(({ text }) => text), remarks }
}

/** Finds one image whose unit is known, without reading other layouts; nothing if its layout does not have it. */
export const one = (
  { settings, host, layouts: reader = LayoutReader.ON_DISK, platform }: Surroundings,
  name: ImageName,
  stem: string
): Either.Either<CatalogImage | undefined, ImageResolution.ImageError> =>
  Either.gen(function* () {
    const path = `${settings.system.imagelayoutdir}/${name.layout}`
    const reference = (yield* reader.references(path)).find(({ ref }) => ref === name.ref)
    const context = ImageContext.of(name, { settings, host, sha256, stem })
    return reference === undefined
      ? undefined
      : imageOf(
          context,
          { path, reference, isHidden: false },
          { platform, budget: Deadline.UNLIMITED, reader }
        )
  })

/** Makes an image of a reference of a layout that need not be in any catalog. @internal */
export const imageAt = (
  { settings, host, layouts: reader = LayoutReader.ON_DISK, platform }: Surroundings,
  path: string,
  layout: string,
  reference: Reference
): CatalogImage =>
  imageOf(
    ImageContext.of({ layout, ref: reference.ref }, { settings, host, sha256 }),
    { path, reference, isHidden: false },
    { platform, budget: Deadline.UNLIMITED, reader }
  )

/** Returns the image's name for people. A hidden image, whose reference is unknown, is named by its layout. */
export const nameOf = ({ context: { name }, isHidden }: CatalogImage): string =>
  isHidden ? name.layout : display(name)

/** What is needed to examine an image. */
export interface Surroundings {
  readonly settings: Settings.Settings
  readonly host: ImageContext.UnitHost
  readonly platform: Platform.HostPlatform
  /** Reads layouts; those of the file system by default. */
  readonly layouts?: LayoutReader.LayoutReader
}

const imageOf = (
  context: ImageContext.ImageContext,
  { isHidden, path, reference }: Omit<FoundImage, "layout">,
  { budget, platform, reader }: Resolving
): CatalogImage => {
  const { settings } = context
  return {
    context,
    layoutPath: path,
    isHidden,
    resolve: (other) =>
      "error" in reference
        ? Either.left(reference.error)
        : Either.map(
            reader.resolve(path, reference, other ?? machine(settings, platform), budget),
            (resolved) => ImageOverrides.apply(resolved, settings)
          )
  }
}

const left = (budget: Deadline.Deadline) =>
  Either.left(new ImageResolution.ImageRefused({ reason: `the layout ${Deadline.spent(budget)}` }))

/** How the documents of an image are found. */
interface Resolving {
  readonly platform: Platform.HostPlatform
  readonly budget: Deadline.Deadline
  readonly reader: LayoutReader.LayoutReader
}

interface FoundImage {
  readonly layout: string
  readonly path: string
  readonly reference: Reference
  readonly isHidden: boolean
}

/** Returns the machine that an image is chosen for: this one, unless the settings name another platform. */
const machine = ({ platform }: ImageSettings, host: Platform.HostPlatform): Platform.HostPlatform =>
  platform === undefined ? host : Platform.machineOf(platform)
