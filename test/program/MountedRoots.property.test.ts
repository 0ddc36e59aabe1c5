/** Of random layers, a root that is mounted and one that is a directory are the same, node by node, link counts included. */
import * as fs from "node:fs"
import * as Either from "effect/Either"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import * as LayerMerge from "../../src/domain/layer/LayerMerge.ts"
import * as ErofsPlace from "../support/ErofsPlace.ts"
import { changed, changes } from "../support/entryChanges.ts"
import * as LayerArchive from "../support/LayerArchive.ts"
import { layers } from "../support/layerArbitraries.ts"
import { withPlace } from "../support/MountedPlace.ts"

const reason = await ErofsPlace.whyNoMounts()
if (reason !== undefined) console.error(`skipped: ${reason}`)

/** Each extracts an image twice: forty while one works, and no more than some thousands in `npm run test:long`. */
const RUNS = { numRuns: Math.min(Number(process.env.PROPERTY_RUNS ?? 40), 3000) }

describe("a root that is mounted and one that is a directory", () => {
  it.skipIf(reason !== undefined)(
    "are the same for random layers",
    async () => {
      await fc.assert(
        fc.asyncProperty(layers(), changes, async (drafts, changes) => {
          fc.pre(drafts.length > 0 && Either.isRight(LayerMerge.merge(drafts)))
          let count = 0
          const archives = drafts.map(({ entries }) =>
            LayerArchive.write(entries.map((entry) => changed(entry, changes, count++)))
          )
          await withPlace(archives, async ({ start }) => {
            const mounted = ErofsPlace.pictureAt(fs.realpathSync(await start("mounted")))
            const written = ErofsPlace.pictureAt(await start("directories"))
            assert.deepStrictEqual(written, ErofsPlace.inRange(mounted))
            const tree = ErofsPlace.merged(archives)
            assert.deepStrictEqual(mounted, ErofsPlace.pictureOf(tree, archives))
          })
        }),
        RUNS
      )
    },
    60 * 60_000
  )
})
