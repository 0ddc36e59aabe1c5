/** The units of all images, in the order in which they are made, within the space that is allowed. */
import { display } from "../domain/naming/ImageName.ts"
import type { SystemSettings } from "../domain/settings/SystemSettings.ts"
import { UnitSpace } from "../domain/unit/UnitSpace.ts"
import type { CatalogImage } from "./Catalog.ts"
import * as Render from "./Render.ts"

export interface ImageRendered {
  readonly image: CatalogImage
  /**
   * The units; a stub if the image cannot run or there is no space for them; undefined if there is no space for
   * a stub either.
   */
  readonly units: Render.Rendered | undefined
}

/** Renders one image after another, each only when the next result is requested. Artifacts are left out. */
export function* all(images: readonly CatalogImage[], system: SystemSettings): Generator<ImageRendered> {
  const space = new UnitSpace(system)
  for (const image of inTurns(images)) {
    let units = Render.image(image)
    if (units.artifact !== undefined) continue
    const fault = units.problem === undefined ? space.take(image.layoutPath, units, "units") : undefined
    if (fault !== undefined) units = { ...Render.stub(image.context, fault), denied: undefined }
    const isWritten = units.problem === undefined || space.take(image.layoutPath, units, "stub") === undefined
    yield { image, units: isWritten ? units : undefined }
  }
}

/** Reports how many images have no units at all, and names one of them. */
export const withoutUnits = (images: readonly CatalogImage[]): readonly string[] => {
  const [first] = images
  if (first === undefined) return []
  const others = images.length === 1 ? "" : ` and ${images.length - 1} more`
  return [
    `${display(first.context.name)}${others}: no unit is written, as there is no space for one (maxunitbytes, maxlayoutunitbytes)`
  ]
}

/**
 * Orders images in turns: the first of each layout, the second of each, and so on. A layout that takes all the time or
 * space then delays no other.
 */
const inTurns = (images: readonly CatalogImage[]): readonly CatalogImage[] => {
  const turns: CatalogImage[][] = []
  const taken = new Map<string, number>()
  for (const image of images) {
    const turn = taken.get(image.layoutPath) ?? 0
    taken.set(image.layoutPath, turn + 1)
    const others = turns[turn]
    if (others === undefined) turns.push([image])
    else others.push(image)
  }
  return turns.flat()
}
