/** From images to their units, and back. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { display, type ImageName, isLayout, parse } from "../domain/naming/ImageName.ts"
import * as UnitName from "../domain/naming/UnitName.ts"
import { sha256 } from "../services/layout/Blobs.ts"
import type { ImageError } from "../services/layout/ImageResolution.ts"
import type { Catalog, CatalogImage } from "./Catalog.ts"
import * as Render from "./Render.ts"
import * as Selection from "./Selection.ts"

export interface Names {
  readonly image: string
  /** Its service. */
  readonly unit: string
  /** All its units; of an image that is not there, the service alone. */
  readonly units: readonly string[]
  /** The directory of its layout, or `null` where there is none. */
  readonly layout: string | null
  readonly exists: boolean
}

/**
 * What tools make of a name that is not there, where that is another one: `skopeo copy … oci:DIRECTORY/localhost:5000/app:v1`
 * has the layout `localhost`, since its path ends at the first colon.
 */
export const byTools = ({ exists, image }: Names): ImageName | undefined => {
  const [layout = "", ...rest] = image.split(":")
  return exists || rest.length < 2 ? undefined : { layout, ref: rest.join(":") }
}

/** `what` are names, or one layout and its reference. */
export const of = (
  catalog: Catalog,
  what: readonly string[]
): Effect.Effect<readonly Names[], Selection.NoSuchImage | Selection.LayoutUnread | ImageError> =>
  Effect.map(
    Effect.forEach(words(catalog, what), (word) => ofWord(catalog, word)),
    (names) => names.flat()
  )

/** What was asked by the name of a unit is answered by the image, and the other way round. */
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
    Option.isNone(parse(ref))
    ? [`${layout}:${ref}`]
    : what
}

const ofWord = (catalog: Catalog, word: string) =>
  Effect.gen(function* () {
    const found = Selection.find(catalog, word)
    if (found.length > 0) return yield* Effect.forEach(found, ofImage)
    yield* Selection.requireSeen(catalog, word)
    const name = parse(word)
    if (Option.isSome(name) && !Selection.isDigested(word)) return [future(catalog, name.value)]
    return yield* new Selection.NoSuchImage({
      wanted: word,
      known: catalog.images.map(({ context }) => display(context.name))
    })
  })

const ofImage = (image: CatalogImage): Effect.Effect<Names, ImageError> =>
  Effect.gen(function* () {
    const { denied, files } = yield* Render.image(image)
    if (denied !== undefined) return yield* Effect.fail(denied)
    return {
      image: display(image.context.name),
      unit: UnitName.service(image.context.stem),
      units: files.map(({ name }) => name),
      layout: image.layoutPath,
      exists: true
    }
  })

/** Beside those that are there: with one of them it may come to share a name. */
const future = ({ images }: Catalog, name: ImageName): Names => {
  const assigned = UnitName.assign([...images.map(({ context }) => context.name), name], sha256)
  const unit = UnitName.service(assigned[assigned.length - 1]?.stem ?? UnitName.fromImage(name, sha256))
  return { image: display(name), unit, units: [unit], layout: null, exists: false }
}
