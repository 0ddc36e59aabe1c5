/** Random layers, merged, made into an image and mounted by the kernel: the same tree, node by node. */
import * as Either from "effect/Either"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import * as LayerMerge from "../../../src/domain/layer/LayerMerge.ts"
import * as Place from "../../support/ErofsPlace.ts"
import { changed, changes } from "../../support/entryChanges.ts"
import * as LayerArchive from "../../support/LayerArchive.ts"
import { layers } from "../../support/layerArbitraries.ts"

const reason = await Place.whyNoMounts()
if (reason !== undefined) console.error(`skipped: ${reason}`)

/** Each mounts: a hundred while one works. */
const RUNS = { numRuns: Number(process.env.PROPERTY_RUNS ?? 100) }

describe("an EROFS image of random layers", () => {
  it.skipIf(reason !== undefined)(
    "is its tree when the kernel mounts it",
    async () => {
      await fc.assert(
        fc.asyncProperty(layers(), changes, async (drafts, changes) => {
          let count = 0
          const archives = drafts.map(({ entries }) =>
            LayerArchive.write(entries.map((entry) => changed(entry, changes, count++)))
          )
          fc.pre(Either.isRight(LayerMerge.merge(drafts)))
          const tree = Place.merged(archives)
          using place = Place.write(archives, tree)
          using mounted = await Place.mount(place)
          assert.deepStrictEqual(Place.pictureAt(mounted.path), Place.pictureOf(tree, archives))
        }),
        RUNS
      )
    },
    30 * 60_000
  )
})
