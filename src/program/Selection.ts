/** The images that a command line means: `LAYOUT:REF`, or the name of the unit, with or without `.service`. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { display } from "../domain/ImageName.ts"
import * as UnitName from "../domain/UnitName.ts"
import type { Catalog, CatalogImage } from "./Catalog.ts"

/** No image of the catalogue has this name. */
export class NoSuchImage extends Schema.TaggedError<NoSuchImage>()("NoSuchImage", {
  wanted: Schema.String,
  known: Schema.Array(Schema.String)
}) {
  override get message(): string {
    const known =
      this.known.length === 0 ? "there are no images" : `there are: ${this.known.slice(0, 20).join(", ")}`
    return `no image is called ${JSON.stringify(this.wanted)}; ${known}`
  }
}

/** No names mean every image. */
export const select = (
  catalog: Catalog,
  wanted: readonly string[]
): Effect.Effect<readonly CatalogImage[], NoSuchImage> =>
  wanted.length === 0 ? Effect.succeed(catalog.images) : Effect.forEach(wanted, (name) => one(catalog, name))

/** The image of this name. */
export const one = (catalog: Catalog, wanted: string): Effect.Effect<CatalogImage, NoSuchImage> => {
  const found = catalog.images.find(
    ({ context: { name, stem } }) =>
      display(name) === wanted || stem === wanted || UnitName.service(stem) === wanted
  )
  return found === undefined
    ? Effect.fail(
        new NoSuchImage({ wanted, known: catalog.images.map(({ context }) => display(context.name)) })
      )
    : Effect.succeed(found)
}
