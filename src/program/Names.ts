/** Converts image names to units, and units to image names. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { display, type ImageName, isLayout, parse } from "../domain/naming/ImageName.ts"
import * as UnitName from "../domain/naming/UnitName.ts"
import { sha256 } from "../services/layout/Blobs.ts"
import type { ImageError } from "../services/layout/ImageResolution.ts"
import { type Catalog, type CatalogImage, isImage } from "./Catalog.ts"
import * as Render from "./Render.ts"
import * as Selection from "./Selection.ts"

export interface Names {
  readonly image: string
  /** The service of the image. */
  readonly unit: string
  /** All units of the image, or only the service if there is no such image. */
  readonly units: readonly string[]
  /** Directory of the layout; `null` if there is none. */
  readonly layout: string | null
  readonly exists: boolean
}

/**
 * Returns how other tools understand the name of a missing image, if they understand it differently: `skopeo copy …
 * oci:DIRECTORY/localhost:5000/app:v1` writes the layout `localhost`, since the path ends at the first colon.
 */
export const byTools = ({ exists, image }: Names): ImageName | undefined => {
  const [layout = "", ...rest] = image.split(":")
  return exists || rest.length < 2 || rest.includes("") ? undefined : { layout, ref: rest.join(":") }
}

/** Returns the names that `what` selects. It consists of names, or of one layout and its reference. */
export const of = (
  catalog: Catalog,
  what: readonly string[]
): Effect.Effect<readonly Names[], Selection.NoImage | ImageError> =>
  Effect.map(
    Effect.forEach(words(catalog, what), (word) => ofWord(catalog, word)),
    (names) => names.flat()
  )

/** Prints the image for each name of a unit, and the units for each name of an image. */
export const lines = (names: readonly Names[], what: readonly string[], all: boolean): readonly string[] => {
  const asked = new Set(what.map((word) => word.slice(word.lastIndexOf("/") + 1)))
  return names.flatMap(({ image, unit, units }) => {
    if (all) return units
    return units.some((each) => asked.has(each)) || asked.has(unit.replace(/\.service$/, ""))
      ? [image]
      : [unit]
  })
}

const words = (catalog: Catalog, what: readonly string[]): readonly string[] => {
  const [layout, ref] = what
  return layout !== undefined &&
    ref !== undefined &&
    what.length === 2 &&
    isLayout(layout) &&
    !ref.includes("/") &&
    Selection.find(catalog, ref).length === 0 &&
    parse(ref) === undefined
    ? [display({ layout, ref })]
    : what
}

const ofWord = (catalog: Catalog, word: string) =>
  Effect.gen(function* () {
    const found = Selection.find(catalog, word).filter(isImage)
    if (found.length > 0) return yield* Effect.forEach(found, ofImage)
    yield* Selection.requireSeen(catalog, word)
    const artifact = Selection.notAnImage(catalog, word)
    if (artifact !== undefined) return yield* Either.left(artifact)
    const name = parse(word)
    if (name !== undefined && !Selection.isOfOtherTools(word)) return [future(catalog, name)]
    const known = catalog.images.filter(isImage).map(({ context }) => display(context.name))
    return yield* Either.left(new Selection.NoSuchImage({ wanted: word, known }))
  })

const ofImage = (image: CatalogImage): Effect.Effect<Names, ImageError> =>
  Effect.gen(function* () {
    const { denied, files } = Render.image(image)
    if (denied !== undefined) return yield* Effect.fail(denied)
    return {
      image: display(image.context.name),
      unit: image.context.units.service,
      units: files.map(({ name }) => name),
      layout: image.layoutPath,
      exists: true
    }
  })

/** Returns the names that an image would have if it were added. It may collide with an existing one. */
const future = ({ images }: Catalog, name: ImageName): Names => {
  const assigned = UnitName.assign([...images.map(({ context }) => context.name), name], sha256)
  const unit = UnitName.service(assigned[assigned.length - 1]?.stem ?? UnitName.fromImage(name, sha256))
  return { image: display(name), unit, units: [unit], layout: null, exists: false }
}
