/**
 * Selects the images that a word of a command line names:
 *
 *     LAYOUT:REF                 myorg.com/myapp:stable
 *     LAYOUT                     every reference of it
 *     UNIT                       its service, with or without `.service`, another of its units, or an alias
 *     /PATH                      of its layout, or of one of its units
 *     PATTERN                    of LAYOUT:REF, where `*` is any text within either
 *
 * Artifacts, such as the signatures of an image, are never selected as images. A word that names nothing else is an error.
 */

import * as Either from "effect/Either"
import type { Sha256 } from "../domain/document/Digest.ts"
import * as Artifact from "../domain/image/Artifact.ts"
import * as ImageName from "../domain/naming/ImageName.ts"
import * as ImagePattern from "../domain/naming/ImagePattern.ts"
import * as Resemblance from "../domain/naming/Resemblance.ts"
import * as UnitName from "../domain/naming/UnitName.ts"
import { TaggedError } from "../domain/text/TaggedError.ts"
import { type Catalog, type CatalogArtifact, type CatalogImage, isImage } from "./Catalog.ts"

/** No image of the catalog has this name. */
export class NoSuchImage extends TaggedError("NoSuchImage")<{
  readonly wanted: string
  /** The names of all images. */
  readonly known: ReadonlyArray<string>
}> {
  override get message(): string {
    return `no image is called ${JSON.stringify(this.wanted)}`
  }

  /** What the user can do about it. */
  get hint(): string {
    const transport = TRANSPORT.exec(this.wanted)
    if (transport !== null)
      return `images are named by their path below the layouts directory, without a transport: ${transport[1]}`
    if (ImageName.isDigested(this.wanted))
      return "images are named by a reference, not by a digest: LAYOUT:REF, as oci-systemd list prints them"
    const directory = `${this.wanted.replace(/\/+$/, "")}/`
    if (this.known.some((name) => name.startsWith(directory)))
      return `there are layouts below it: ${JSON.stringify(`${directory}*`)} are all of them`
    const near = Resemblance.nearest(this.wanted, this.known)
    if (near.length > 0) return `did you mean ${near.join(" or ")}?`
    if (this.known.length === 0) return "there are no images: copy one to the layouts directory"
    return this.known.length > FEW
      ? `there are ${this.known.length}: oci-systemd list shows them`
      : `there are ${this.known.join(", ")}`
  }
}

/** A name as skopeo writes it, `docker://example.org/good:v1`. */
const TRANSPORT = /^[a-z][a-z-]*:\/\/(.*)$/s

/** Whether a name is written in the way of other tools, and so can be no image's name here. */
export const isOfOtherTools = (wanted: string): boolean =>
  TRANSPORT.test(wanted) || ImageName.isDigested(wanted)

/** Several images match where one is expected. */
export class SeveralImages extends TaggedError("SeveralImages")<{
  readonly wanted: string
  readonly found: ReadonlyArray<string>
}> {
  override get message(): string {
    return `${JSON.stringify(this.wanted)} matches several images`
  }

  get hint(): string {
    const more = this.found.length - FEW
    return `name one: ${this.found.slice(0, FEW).join(", ")}${more > 0 ? ` and ${more} more` : ""}`
  }
}

/** What has this name is not an image. */
export class NotAnImage extends TaggedError("NotAnImage")<{
  readonly name: string
  readonly artifact: Artifact.Artifact
}> {
  override get message(): string {
    return `${this.name} is ${Artifact.describe(this.artifact)}, not an image`
  }
}

/** The image may be in a layout that the caller lacks permission to read. */
export class LayoutUnread extends TaggedError("LayoutUnread")<{
  readonly path: string
  readonly cause: unknown
}> {
  override get message(): string {
    return this.cause instanceof Error ? this.cause.message : `${this.path} cannot be read`
  }
}

/** Why no image has this name. */
export type NoImage = NoSuchImage | NotAnImage | LayoutUnread

/** Selects images. No names select every image. An image that is named twice is selected once. */
export const select = (
  catalog: Catalog,
  wanted: readonly string[]
): Either.Either<readonly CatalogImage[], NoImage> =>
  wanted.length === 0
    ? Either.right(catalog.images.filter(isImage))
    : Either.map(Either.all(wanted.map((name) => some(catalog, name))), (found) => [...new Set(found.flat())])

/** The images and the artifacts that words select. */
export interface Everything {
  readonly images: readonly CatalogImage[]
  readonly artifacts: readonly CatalogArtifact[]
}

/** Selects images and artifacts. No names select all. */
export const everything = (
  catalog: Catalog,
  wanted: readonly string[]
): Either.Either<Everything, NoImage> => {
  if (wanted.length === 0)
    return Either.right({ images: catalog.images.filter(isImage), artifacts: catalog.artifacts() })
  const words = wanted.map((word) => {
    const artifacts = artifactsOf(catalog, word)
    const images =
      artifacts.length === 0 ? some(catalog, word) : Either.right(find(catalog, word).filter(isImage))
    return Either.map(images, (images): Everything => ({ images, artifacts }))
  })
  return Either.map(Either.all(words), (found) => ({
    images: [...new Set(found.flatMap(({ images }) => images))],
    artifacts: [
      ...new Map(found.flatMap(({ artifacts }) => artifacts).map((each) => [keyOf(each), each])).values()
    ]
  }))
}

const keyOf = ({ digest, name }: CatalogArtifact): string => `${digest} ${ImageName.display(name)}`

/** Finds artifacts by the words that name images, except units, which they do not have. */
const artifactsOf = ({ artifacts }: Catalog, wanted: string): readonly CatalogArtifact[] => {
  const all = artifacts()
  const exact = all.filter(({ name }) => ImageName.display(name) === wanted)
  if (exact.length > 0) return exact
  const layout = wanted.replace(/(.)\/+$/, "$1")
  return all.filter(
    ({ layoutPath, name }) =>
      layoutPath === layout ||
      name.layout === layout ||
      (wanted.includes("*") && ImagePattern.matches(wanted, name))
  )
}

/** Selects the one image with this name. It is an error if several match. */
export const one = (catalog: Catalog, wanted: string): Either.Either<CatalogImage, NoImage | SeveralImages> =>
  Either.flatMap(some(catalog, wanted), (found) => {
    const [image] = found
    return image !== undefined && found.length === 1
      ? Either.right(image)
      : Either.left(new SeveralImages({ wanted, found: namesOf(found) }))
  })

const some = (catalog: Catalog, wanted: string): Either.Either<readonly CatalogImage[], NoImage> =>
  Either.gen(function* () {
    const found = find(catalog, wanted).filter(isImage)
    if (found.length > 0) return found
    yield* requireSeen(catalog, wanted)
    return yield* Either.left(notAnImage(catalog, wanted) ?? noSuchImage(catalog, wanted))
  })

/** Says what has this name, if that is an artifact. */
export const notAnImage = (catalog: Catalog, wanted: string): NotAnImage | undefined => {
  // One that shares its name with an image is called by its digest in the list of artifacts.
  const [named] = find(catalog, wanted).flatMap(({ artifact, context: { name } }) => {
    const what = artifact()
    return what === undefined ? [] : [{ name, artifact: what }]
  })
  const [found = named] = artifactsOf(catalog, wanted)
  return found === undefined
    ? undefined
    : new NotAnImage({ name: ImageName.display(found.name), artifact: found.artifact })
}

const noSuchImage = (catalog: Catalog, wanted: string): NoSuchImage =>
  new NoSuchImage({
    wanted,
    known: namesOf(catalog.images.filter((image) => !image.isHidden && isImage(image)))
  })

/** Fails if the word may name an image that the caller lacks permission to see. */
export const requireSeen = ({ images }: Catalog, wanted: string): Either.Either<void, LayoutUnread> => {
  const hidden = images.find((image) => image.isHidden && mayHold(image, wanted))
  if (hidden === undefined) return Either.void
  const { layoutPath: path } = hidden
  return Either.mapBoth(hidden.resolve(), {
    onLeft: (cause) => new LayoutUnread({ path, cause }),
    onRight: () => undefined
  })
}

/** Whether a layout or a directory of layouts, which could not be read, may hold the image. */
const mayHold = ({ context: { name, sha256 }, layoutPath }: CatalogImage, wanted: string): boolean => {
  const unit = wanted.slice(wanted.lastIndexOf("/") + 1).replace(INSTANCE, "")
  return (
    [name.layout, layoutPath].some((place) => wanted === place || /^[:/]/.test(after(place, wanted))) ||
    unit.startsWith(stemsOf(name, sha256))
  )
}

const after = (head: string, text: string): string => (text.startsWith(head) ? text.slice(head.length) : "")

/** Returns the text with which the names of all units begin that belong to a layout or to layouts below it. */
const stemsOf = ({ layout }: ImageName.ImageName, sha256: Sha256): string =>
  UnitName.fromImage({ layout, ref: "" }, sha256).replace(/ref\.$/, "")

/** The prefix of an instance: `oci-prepare@`, … */
const INSTANCE = /^oci-[a-z]+@/

/**
 * Finds images, and artifacts with names like theirs. An exact match precedes partial ones. A pattern also matches hidden images.
 */
export const find = (catalog: Catalog, wanted: string): readonly CatalogImage[] => {
  const images = catalog.images.filter(({ isHidden }) => !isHidden)
  const exact = images.filter(({ context }) => ImageName.display(context.name) === wanted)
  if (exact.length > 0) return exact
  const layout = wanted.replace(/(.)\/+$/, "$1")
  const ofLayout = images.filter(
    ({ context, layoutPath }) => layoutPath === layout || context.name.layout === layout
  )
  if (ofLayout.length > 0) return ofLayout
  const unit = wanted.startsWith("/") ? wanted.slice(wanted.lastIndexOf("/") + 1) : wanted
  const ofUnit = images.filter((image) => unitsOf(image).includes(unit))
  if (ofUnit.length > 0 || !wanted.includes("*")) return ofUnit
  return catalog.images.filter(({ context }) => ImagePattern.matches(wanted, context.name))
}

/** Returns every name that systemd may use for the image. */
const unitsOf = ({ context: { settings, stem, units } }: CatalogImage): readonly string[] => [
  stem,
  ...Object.values(units),
  ...settings.alias
]

const namesOf = (images: readonly CatalogImage[]): readonly string[] =>
  images.map(({ context }) => ImageName.display(context.name))

/** The most names in a message. */
const FEW = 6
