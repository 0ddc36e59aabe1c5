/** Every image below the layouts directory, with its unit names and settings, or the reason why it cannot be used. */
import * as Either from "effect/Either"
import type { Digest } from "../domain/document/Digest.ts"
import type { Artifact } from "../domain/image/Artifact.ts"
import * as Platform from "../domain/image/Platform.ts"
import type * as ResolvedImage from "../domain/image/ResolvedImage.ts"
import { display, type ImageName, LATEST } from "../domain/naming/ImageName.ts"
import * as UnitName from "../domain/naming/UnitName.ts"
import * as ImageOverrides from "../domain/settings/ImageOverrides.ts"
import type { ImageSettings } from "../domain/settings/ImageSettings.ts"
import * as Settings from "../domain/settings/Settings.ts"
import * as SignatureSettings from "../domain/settings/SignatureSettings.ts"
import * as Enabling from "../domain/unit/Enabling.ts"
import * as ImageContext from "../domain/unit/ImageContext.ts"
import * as Privileges from "../services/files/Privileges.ts"
import * as HostFacts from "../services/host/HostFacts.ts"
import * as Artifacts from "../services/layout/Artifacts.ts"
import { sha256 } from "../services/layout/Blobs.ts"
import * as Deadline from "../services/layout/Deadline.ts"
import * as ImageResolution from "../services/layout/ImageResolution.ts"
import * as LayoutReader from "../services/layout/LayoutReader.ts"
import type { Reference } from "../services/layout/Layouts.ts"
import * as SignatureCheck from "../services/layout/SignatureCheck.ts"
import type { LayoutSignatures } from "../services/layout/Signatures.ts"

/** An image that a layout names, or an artifact with a name like one. Only its name has been read so far. */
export interface CatalogImage {
  readonly context: ImageContext.ImageContext
  /** Directory of the layout. */
  readonly layoutPath: string
  /**
   * Whether the caller lacks permission to read the layout. The reference is then a guess: the layout may have
   * others, or the path may be a directory of layouts.
   */
  readonly isHidden: boolean
  /**
   * Reads and checks the image's documents and its signature, for this machine or for another. Without the signature that its
   * settings ask for, there is no image to run or to extract.
   */
  readonly resolve: (
    other?: Platform.HostPlatform
  ) => Either.Either<ResolvedImage.ResolvedImage, ImageResolution.ImageError>
  /** Reads and checks the image's documents and no signature: for callers that show the image, or keep what it may need. */
  readonly documents: CatalogImage["resolve"]
  /** Checks the signature of documents that were read, and returns them with the key that has made it. */
  readonly signed: (
    documents: ResolvedImage.ResolvedImage
  ) => Either.Either<ResolvedImage.ResolvedImage, ImageResolution.ImageError>
  /** Reads whether the name stands for an artifact, such as a signature, and for which. It is read once. */
  readonly artifact: () => Artifact | undefined
}

/** Something in a layout that is not an image. */
export interface CatalogArtifact {
  readonly name: ImageName
  readonly layoutPath: string
  /** The digest of its manifest or index. */
  readonly digest: Digest
  readonly artifact: Artifact
}

/** The images below a layouts directory. */
export interface Catalog {
  readonly images: readonly CatalogImage[]
  /** What is ignored or unusual, one sentence each. Hidden images are not among them. */
  readonly warnings: readonly string[]
  /** The same sentences, each with the paths that it is about. */
  readonly remarks: readonly Remark[]
  /** Reads what the layouts hold besides images, in the order of the layouts, also what has no name. */
  readonly artifacts: () => readonly CatalogArtifact[]
}

/** Whether it is an image, as far as its manifest can be read. */
export const isImage = ({ artifact }: CatalogImage): boolean => artifact() === undefined

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
  // What is asked of artifacts before images are read must not take long.
  const allowed = Artifacts.allowance(budget)
  const { layouts, skipped } = reader.find(settings.system.imagelayoutdir, budget)
  const remarks: Remark[] = skipped
    .filter(({ refused }) => refused === undefined || !Privileges.isDenied(refused))
    .map(({ path, reason }) => ({ text: `${path} ${reason}: skipped`, paths: [path] }))
  const found = layouts.flatMap(({ layout, path }) =>
    Either.match(budget.isSpent() ? left("layout", budget) : reader.references(path, budget), {
      onRight: (references) => {
        if (references.length === 0 && reader.artifacts(path, allowed).length === 0)
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
  const isArtifact = ({ path, reference }: FoundImage): boolean =>
    !("error" in reference) && reader.artifact(path, reference, allowed) !== undefined
  const named = assign(found, isArtifact).map(({ collidesWith, image, stem }) => {
    const { layout, ref } = image
    const context = ImageContext.of({ layout, ref }, { settings, host, sha256, stem })
    return { found: image, context, collidesWith }
  })
  const clashes = clashesOf(named, isArtifact)
  for (const [name, text] of clashes) {
    const claimants = named.filter(
      ({ context: { settings, units } }) => settings.alias.includes(name) || units.service === name
    )
    remarks.push({ text, paths: claimants.map(({ found }) => found.path) })
  }
  const resolving = resolvingWith(reader, platform, budget)
  const images = named.map(({ collidesWith, context, found }): CatalogImage => {
    const { name, settings: own, units } = context
    if (collidesWith.length > 0) {
      const text = `${display(name)} would have the same unit name as ${collidesWith.map(display).join(", ")}, so its unit is ${units.service}`
      remarks.push({ text, paths: [found.path] })
    }
    const alias = own.alias.filter((alias) => !clashes.has(alias))
    return imageOf({ ...context, settings: { ...own, alias } }, found, resolving)
  })
  const artifacts = () =>
    layouts.flatMap(({ layout, path }) =>
      reader.artifacts(path).map(
        ({ artifact, digest, ref }): CatalogArtifact => ({
          name: { layout, ref },
          layoutPath: path,
          digest,
          artifact
        })
      )
    )
  return { images, warnings: remarks.map(({ text }) => text), remarks, artifacts }
}

/** Assigns names of units. Where names collide, an artifact does not count, as it has no units. */
const assign = (
  found: readonly FoundImage[],
  isArtifact: (found: FoundImage) => boolean
): ReadonlyArray<UnitName.Assigned<FoundImage & ImageName>> => {
  const all = UnitName.assign(
    found.map((each) => ({ ...each, ref: each.reference.ref })),
    sha256
  )
  const artifacts = new Set(
    all
      .filter(({ collidesWith, image }) => collidesWith.length > 0 && isArtifact(image))
      .map(({ image }) => image)
  )
  if (artifacts.size === 0) return all
  const images = UnitName.assign(
    all.map(({ image }) => image).filter((image) => !artifacts.has(image)),
    sha256
  )
  const byImage = new Map(images.map((assigned) => [assigned.image, assigned]))
  return all.map((assigned) => byImage.get(assigned.image) ?? { ...assigned, collidesWith: [] })
}

/** Finds aliases that several images have. Where there are some, artifacts do not count. */
const clashesOf = (
  named: ReadonlyArray<{ readonly found: FoundImage; readonly context: ImageContext.ImageContext }>,
  isArtifact: (found: FoundImage) => boolean
): ReadonlyMap<string, string> => {
  const clashes = Enabling.clashes(named.map(({ context }) => context))
  if (clashes.size === 0) return clashes
  const isConcerned = ({ settings, units }: ImageContext.ImageContext): boolean =>
    clashes.has(units.service) || settings.alias.some((alias) => clashes.has(alias))
  const images = named.filter(({ context, found }) => !isConcerned(context) || !isArtifact(found))
  return Enabling.clashes(images.map(({ context }) => context))
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
      : imageOf(context, { path, reference, isHidden: false }, resolvingWith(reader, platform))
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
    resolvingWith(reader, platform)
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
  { budget, check, platform, reader, signatures }: Resolving
): CatalogImage => {
  const { faults, name: image, origins, settings } = context
  let known: { readonly artifact: Artifact | undefined } | undefined
  const documents: CatalogImage["documents"] = (other) =>
    "error" in reference
      ? Either.left(reference.error)
      : Either.map(
          reader.resolve(path, reference, other ?? machine(settings, platform), budget),
          (resolved) => ImageOverrides.apply(resolved, settings)
        )
  const signed: CatalogImage["signed"] = (resolved) => {
    const fault = faults.find(({ key }) => key !== undefined && SignatureSettings.isKey(key))
    if (fault !== undefined) return Either.left(new ImageResolution.ImageRefused({ reason: fault.message }))
    if (settings.signedby.length === 0) return Either.right(resolved)
    const place = (origins.signedby ?? []).map(Settings.displayPlace).join(", ")
    const checked = check(resolved, { ...settings, image, place }, signatures(path))
    return Either.isLeft(checked) && budget.isSpent() ? left("signature of the image", budget) : checked
  }
  return {
    context,
    layoutPath: path,
    isHidden,
    artifact: () => {
      known ??= { artifact: "error" in reference ? undefined : reader.artifact(path, reference) }
      return known.artifact
    },
    resolve: (other) => {
      const read = documents(other)
      return Either.isLeft(read) ? read : signed(read.right)
    },
    documents,
    signed
  }
}

const left = (what: string, budget: Deadline.Deadline) =>
  Either.left(new ImageResolution.ImageRefused({ reason: `the ${what} ${Deadline.spent(budget)}` }))

/** How the documents of an image and its signatures are found. */
interface Resolving {
  readonly platform: Platform.HostPlatform
  readonly budget: Deadline.Deadline
  readonly reader: LayoutReader.LayoutReader
  readonly check: SignatureCheck.SignatureCheck
  /** Returns what finds the signatures of a layout, by the layout's path. */
  readonly signatures: (path: string) => LayoutSignatures
}

const resolvingWith = (
  reader: LayoutReader.LayoutReader,
  platform: Platform.HostPlatform,
  budget: Deadline.Deadline = Deadline.UNLIMITED
): Resolving => {
  const layouts = new Map<string, LayoutSignatures>()
  const signatures = (path: string) => {
    const known = layouts.get(path) ?? reader.signatures(path, budget)
    layouts.set(path, known)
    return known
  }
  return { platform, budget, reader, check: SignatureCheck.make(), signatures }
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
