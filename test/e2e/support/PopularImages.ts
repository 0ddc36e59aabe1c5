/**
 * Images of popular programs from Debian's packages, configured and started as the makers of their usual images do it: they
 * begin as root and go on as another user, log to their output by its name, keep data in volumes, and find what a container has.
 */
import * as LayeredImages from "./LayeredImages.ts"
import { daemons } from "./popular/Daemons.ts"
import { databases } from "./popular/Databases.ts"
import type { PopularImage } from "./popular/PopularImage.ts"
import { programs } from "./popular/Programs.ts"
import { webServers } from "./popular/WebServers.ts"

const KINDS = [webServers, databases, programs, daemons]

/** The images by their references, in the order of the document's table. */
export const IMAGES: Readonly<Record<string, PopularImage>> = Object.assign(
  {},
  ...KINDS.map(({ images }) => images)
)

const LAYERS = Object.assign({}, ...KINDS.map(({ layers }) => layers))

/** Makes a layout with those of the images whose names are given. */
export const writeLayout = (directory: string, names: readonly string[]): Promise<void> =>
  LayeredImages.writeLayout(
    directory,
    LAYERS,
    Object.fromEntries(
      names.map((name) => {
        const image = IMAGES[name]
        if (image === undefined) throw new Error(`no image ${name}`)
        return [name, image]
      })
    )
  )
