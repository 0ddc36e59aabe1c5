/** Every image below the layouts directory, with the names of its units and its settings, or why it cannot be used. */
import * as Either from "effect/Either"
import * as Enabling from "../domain/unit/Enabling.ts"
import * as ImageContext from "../domain/unit/ImageContext.ts"
import { display, type ImageName, LATEST } from "../domain/naming/ImageName.ts"
import type { ImageSettings } from "../domain/settings/ImageSettings.ts"
import * as Platform from "../domain/image/Platform.ts"
import * as ResolvedImage from "../domain/image/ResolvedImage.ts"
import type * as Settings from "../domain/settings/Settings.ts"
import * as UnitName from "../domain/naming/UnitName.ts"
import { sha256 } from "../services/layout/Blobs.ts"
import * as Budget from "../services/Budget.ts"
import * as HostFacts from "../services/host/HostFacts.ts"
import * as ImageResolution from "../services/layout/ImageResolution.ts"
import * as LayoutSearch from "../services/layout/LayoutSearch.ts"
import * as Layouts from "../services/layout/Layouts.ts"
import * as Privileges from "../services/files/Privileges.ts"

/** An image that a layout names; nothing of it but its name was looked at yet. */
export interface CatalogImage {
  readonly context: ImageContext.ImageContext
  /** The layout's directory. */
  readonly layoutPath: string
  /**
   * Who asks may not read the layout, and root may: its reference is a guess, it may have others, and be a directory of
   * layouts instead.
   */
  readonly isHidden: boolean
  /** Reads the image's documents, each checked: those of this machine, or of another. */
  readonly resolve: (
    other?: Platform.HostPlatform
  ) => Either.Either<ResolvedImage.ResolvedImage, ImageResolution.ImageError>
}

/** What is below a layouts directory. */
export interface Catalog {
  readonly images: readonly CatalogImage[]
  /** What was passed over or is odd, one sentence each; what is hidden is among the images. */
  readonly warnings: readonly string[]
  /** The same, each with what it is about. */
  readonly remarks: readonly Remark[]
}

/** What is odd about layouts, for who asks about some of them. */
export interface Remark {
  readonly text: string
  /** Paths of the layouts, or of what was taken for none. */
  readonly paths: readonly string[]
}

/** Never fails: an image that cannot be used says so when it is resolved. It is an Either for those who take it for an Effect. */
export const load = (
  settings: Settings.Settings,
  host: ImageContext.UnitHost = HostFacts.unitHost(settings.system),
  platform: Platform.HostPlatform = HostFacts.platform(),
  budget: Budget.Budget = Budget.UNLIMITED
): Either.Either<Catalog> => {
  const { layouts, skipped } = LayoutSearch.find(settings.system.imagelayoutdir, budget)
  const remarks: Remark[] = skipped
    .filter(({ refused }) => refused === undefined || !Privileges.isDenied(refused))
    .map(({ path, reason }) => ({ text: `${path} ${reason}: skipped`, paths: [path] }))
  const found = layouts.flatMap(({ layout, path }) =>
    Either.match(budget.isSpent() ? left(budget) : Layouts.references(path), {
      onRight: (references) =>
        references.map((reference): FoundImage => ({ layout, path, reference, isHidden: false })),
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
  const names = UnitName.assign(
    found.map(({ layout, reference }) => ({ layout, ref: reference.ref })),
    sha256
  )
  const contexts = names.map(({ image, stem }) => ImageContext.of(image, { settings, host, sha256, stem }))
  const clashes = Enabling.clashes(contexts)
  if (clashes.size > 0) {
    const claimants = new Map(Array.from(clashes.keys(), (alias): [string, string[]] => [alias, []]))
    contexts.forEach(({ settings: { alias }, stem }, index) => {
      const { path = "" } = found[index] ?? {}
      for (const name of [...alias, UnitName.service(stem)]) claimants.get(name)?.push(path)
    })
    for (const [alias, text] of clashes) remarks.push({ text, paths: claimants.get(alias) ?? [] })
  }
  const images = contexts.map((context, index): CatalogImage => {
    const { name, settings: own, stem } = context
    const entry = found[index]
    const { collidesWith = [] } = names[index] ?? {}
    if (entry === undefined) throw new Error("as many names as images")
    if (collidesWith.length > 0) {
      const text = `${display(name)} would have the same unit name as ${collidesWith.map(display).join(", ")}: it is ${UnitName.service(stem)}`
      remarks.push({ text, paths: [entry.path] })
    }
    const alias = own.alias.filter((alias) => !clashes.has(alias))
    return imageOf({ ...context, settings: { ...own, alias } }, entry, platform, budget)
  })
  return Either.right({ images, warnings: remarks.map(({ text }) => text), remarks })
}

/** An image whose unit is known already, without a look at the others: nothing where its layout does not have it. */
export const one = (
  { settings, host, platform }: Surroundings,
  name: ImageName,
  stem: string
): Either.Either<CatalogImage | undefined, ImageResolution.ImageError> =>
  Either.gen(function* () {
    const path = `${settings.system.imagelayoutdir}/${name.layout}`
    const reference = (yield* Layouts.references(path)).find(({ ref }) => ref === name.ref)
    const context = ImageContext.of(name, { settings, host, sha256, stem })
    return reference === undefined
      ? undefined
      : imageOf(context, { path, reference, isHidden: false }, platform, Budget.UNLIMITED)
  })

/** How people call it; a hidden one, whose reference nobody knows, by its layout. */
export const nameOf = ({ context: { name }, isHidden }: CatalogImage): string =>
  isHidden ? name.layout : display(name)

/** What an image is looked at with. */
export interface Surroundings {
  readonly settings: Settings.Settings
  readonly host: ImageContext.UnitHost
  readonly platform: Platform.HostPlatform
}

const imageOf = (
  context: ImageContext.ImageContext,
  { isHidden, path, reference }: Omit<FoundImage, "layout">,
  platform: Platform.HostPlatform,
  budget: Budget.Budget
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
            ImageResolution.resolve(path, reference, other ?? machine(settings, platform), budget),
            (resolved) => ResolvedImage.withSettings(resolved, settings)
          )
  }
}

const left = (budget: Budget.Budget) =>
  Either.left(new ImageResolution.ImageRefused({ reason: `the layout ${Budget.spent(budget)}` }))

interface FoundImage {
  readonly layout: string
  readonly path: string
  readonly reference: Layouts.Reference
  readonly isHidden: boolean
}

/** The machine that an image is chosen for: this one, unless its settings name another. */
const machine = ({ platform }: ImageSettings, host: Platform.HostPlatform): Platform.HostPlatform =>
  platform === undefined ? host : Platform.machineOf(platform)
