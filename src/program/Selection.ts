/**
 * The images that a command line means by a word:
 *
 *     LAYOUT:REF                 myorg.com/myapp:stable
 *     LAYOUT                     every reference of it
 *     UNIT                       its service, with or without `.service`, another of its units, or an alias
 *     /PATH                      of its layout, or of one of its units
 *     PATTERN                    of LAYOUT:REF, where `*` is any text
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { Sha256 } from "../domain/document/Digest.ts"
import { display, type ImageName } from "../domain/naming/ImageName.ts"
import * as Resemblance from "../domain/naming/Resemblance.ts"
import * as Settings from "../domain/settings/Settings.ts"
import * as UnitName from "../domain/naming/UnitName.ts"
import type { Catalog, CatalogImage } from "./Catalog.ts"

/** No image of the catalogue has this name. */
export class NoSuchImage extends Schema.TaggedError<NoSuchImage>()("NoSuchImage", {
  wanted: Schema.String,
  /** All that there are. */
  known: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `no image is called ${JSON.stringify(this.wanted)}`
  }

  /** What to do about it. */
  get hint(): string {
    const transport = /^[a-z][a-z-]*:\/\/(.*)$/s.exec(this.wanted)
    if (transport !== null)
      return `images are named as below the layouts directory, without a transport: ${transport[1]}`
    if (isDigested(this.wanted))
      return "images are named by a reference, not by a digest: LAYOUT:REF, as oci-systemd list has them"
    const directory = `${this.wanted.replace(/\/+$/, "")}/`
    if (this.known.some((name) => name.startsWith(directory)))
      return `there are layouts below it: ${JSON.stringify(`${directory}*`)} are all of them`
    const near = Resemblance.nearest(this.wanted, this.known)
    if (near.length > 0) return `did you mean ${near.join(" or ")}?`
    if (this.known.length === 0) return "there are no images: copy one below the layouts directory"
    return this.known.length > FEW
      ? `there are ${this.known.length}: oci-systemd list shows them`
      : `there are ${this.known.join(", ")}`
  }
}

/** `NAME@ALGORITHM:HEX`, as registries take it. */
export const isDigested = (wanted: string): boolean => /@[a-z0-9+._-]+:[0-9a-f]{32,}$/i.test(wanted)

/** One is wanted. */
export class SeveralImages extends Schema.TaggedError<SeveralImages>()("SeveralImages", {
  wanted: Schema.String,
  found: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `${JSON.stringify(this.wanted)} are several images`
  }

  get hint(): string {
    const more = this.found.length - FEW
    return `name one: ${this.found.slice(0, FEW).join(", ")}${more > 0 ? ` and ${more} more` : ""}`
  }
}

/** The image may be in a layout, or be one, that who asks may not read and root may. */
export class LayoutUnread extends Schema.TaggedError<LayoutUnread>()("LayoutUnread", {
  path: Schema.String,
  cause: Schema.Defect
}) {
  override get message(): string {
    return this.cause instanceof Error ? this.cause.message : `${this.path} cannot be read`
  }
}

/** No names mean every image; named twice, an image is there once. */
export const select = (
  catalog: Catalog,
  wanted: readonly string[]
): Effect.Effect<readonly CatalogImage[], NoSuchImage | LayoutUnread> =>
  wanted.length === 0
    ? Effect.succeed(catalog.images)
    : Effect.map(
        Effect.forEach(wanted, (name) => some(catalog, name)),
        (found) => [...new Set(found.flat())]
      )

/** The one image of this name; several that it may stand for are an error. */
export const one = (
  catalog: Catalog,
  wanted: string
): Effect.Effect<CatalogImage, NoSuchImage | SeveralImages | LayoutUnread> =>
  Effect.flatMap(some(catalog, wanted), (found) => {
    const [image] = found
    return image !== undefined && found.length === 1
      ? Effect.succeed(image)
      : new SeveralImages({ wanted, found: namesOf(found) })
  })

const some = (
  catalog: Catalog,
  wanted: string
): Effect.Effect<readonly CatalogImage[], NoSuchImage | LayoutUnread> =>
  Effect.gen(function* () {
    const found = find(catalog, wanted)
    if (found.length > 0) return found
    yield* requireSeen(catalog, wanted)
    return yield* new NoSuchImage({
      wanted,
      known: namesOf(catalog.images.filter(({ isHidden }) => !isHidden))
    })
  })

/** Fails where the word means something that who asks may not read: whether it is there is not known. */
export const requireSeen = ({ images }: Catalog, wanted: string): Effect.Effect<void, LayoutUnread> => {
  const hidden = images.find((image) => image.isHidden && mayHold(image, wanted))
  if (hidden === undefined) return Effect.void
  const { layoutPath: path } = hidden
  return Either.match(hidden.resolve(), {
    onLeft: (cause) => Effect.fail(new LayoutUnread({ path, cause })),
    onRight: () => Effect.void
  })
}

/** A layout that nobody has looked into, or a directory of such. */
const mayHold = ({ context: { name, sha256 }, layoutPath }: CatalogImage, wanted: string): boolean => {
  const unit = wanted.slice(wanted.lastIndexOf("/") + 1).replace(INSTANCE, "")
  return (
    [name.layout, layoutPath].some((place) => wanted === place || /^[:/]/.test(after(place, wanted))) ||
    unit.startsWith(stemsOf(name, sha256))
  )
}

const after = (head: string, text: string): string => (text.startsWith(head) ? text.slice(head.length) : "")

/** What the names of all units of a layout, and of the layouts below it, begin with. */
const stemsOf = ({ layout }: ImageName, sha256: Sha256): string =>
  UnitName.fromImage({ layout, ref: "" }, sha256).replace(/ref\.$/, "")

/** `oci-prepare@`, … */
const INSTANCE = /^oci-[a-z]+@/

/** What is exactly it comes before what it may stand for. A pattern matches what is hidden, too. */
export const find = (catalog: Catalog, wanted: string): readonly CatalogImage[] => {
  const images = catalog.images.filter(({ isHidden }) => !isHidden)
  const exact = images.filter(({ context }) => display(context.name) === wanted)
  if (exact.length > 0) return exact
  const layout = wanted.replace(/(.)\/+$/, "$1")
  const ofLayout = images.filter(
    ({ context, layoutPath }) => layoutPath === layout || context.name.layout === layout
  )
  if (ofLayout.length > 0) return ofLayout
  const unit = wanted.startsWith("/") ? wanted.slice(wanted.lastIndexOf("/") + 1) : wanted
  const ofUnit = images.filter((image) => units(image).includes(unit))
  if (ofUnit.length > 0 || !wanted.includes("*")) return ofUnit
  return catalog.images.filter(({ context }) => Settings.matches(wanted, display(context.name)))
}

/** Every name that systemd may know it by. */
const units = ({ context: { settings, sha256, stem } }: CatalogImage): readonly string[] => [
  stem,
  UnitName.service(stem),
  UnitName.prepare(stem, sha256),
  UnitName.scratch(stem, sha256),
  UnitName.output(stem, sha256),
  UnitName.check(stem, sha256),
  UnitName.health(stem, "service", sha256),
  UnitName.health(stem, "timer", sha256),
  ...settings.alias
]

const namesOf = (images: readonly CatalogImage[]): readonly string[] =>
  images.map(({ context }) => display(context.name))

/** More are not read. */
const FEW = 6
