/** The whole extraction, from layouts directory to extracts directory, and a canary beside them. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Logger from "effect/Logger"
import { assert } from "vitest"
import * as SystemSettings from "../../src/domain/settings/SystemSettings.ts"
import * as Catalog from "../../src/program/Catalog.ts"
import * as Extract from "../../src/program/Extract.ts"
import * as ExtractionServices from "../../src/services/ExtractionServices.ts"
import { Canary } from "./Canary.ts"
import { HOST, PLATFORM } from "./Host.ts"
import { LayoutWriter, sha256, temporary } from "./LayoutWriter.ts"
import * as RealTree from "./RealTree.ts"

/** The chain id of a root that was there before. */
const NEIGHBOUR = "ab".repeat(32)

export interface ExtractionPlace {
  readonly canary: Canary
  /** Where the image is, for tests that change it. */
  readonly layout: LayoutWriter
  /** `layers` are uncompressed archives, the lowest first. The image is the only one. */
  readonly image: (layers: ReadonlyArray<Uint8Array>, ref?: string) => void
  /** The root's path, or why there is none; of the first image, or of the one with this reference. */
  readonly extract: (ref?: string) => Promise<Either.Either<string, string>>
}

/** Whatever the test does, afterwards nothing beside the root has changed and nothing is left over. */
export const withPlace = async (test: (place: ExtractionPlace) => Promise<void>): Promise<void> => {
  using directory = temporary()
  const layouts = join(directory.path, "layouts")
  const extracts = join(directory.path, "extracts")
  const layout = new LayoutWriter(join(layouts, "example.org/app"))
  const chains = join(extracts, "roots")
  const neighbour = join(chains, "sha256", NEIGHBOUR.slice(0, 2), NEIGHBOUR)
  mkdirSync(neighbour, { recursive: true, mode: 0o700 })
  writeFileSync(join(neighbour, "file"), "of another image")
  const canary = new Canary(join(directory.path, "canary"), {
    watched: [neighbour],
    listed: ["/", directory.path, layouts]
  })
  const below = (directory: string) => readdirSync(directory).map((name) => join(directory, name))
  /** By algorithm and the first two digits. */
  const published = () => below(chains).flatMap(below).flatMap(below)
  const left = (name: string) => (existsSync(join(extracts, name)) ? readdirSync(join(extracts, name)) : [])

  const services = ExtractionServices.layer(extracts)
  const run = (ref: string | undefined) =>
    Effect.gen(function* () {
      const settings = {
        system: {
          ...SystemSettings.DEFAULTS,
          imagelayoutdir: layouts,
          extractsdir: extracts,
          roots: "directories" as const
        },
        rules: []
      }
      const catalog = Catalog.load(settings, HOST, PLATFORM)
      const image = catalog.images.find(({ context }) => ref === undefined || context.name.ref === ref)
      if (image === undefined) throw new Error("there is no image")
      return yield* Extract.extract(image)
    }).pipe(
      Effect.provide(services),
      Effect.provide(Logger.remove(Logger.defaultLogger)),
      Effect.mapBoth({ onSuccess: ({ root }) => root, onFailure: ({ message }) => message }),
      Effect.either,
      Effect.runPromise
    )

  const roots = new Set([neighbour])

  await test({
    canary,
    layout,
    image: (layers, ref) => {
      const descriptors = layers.map((layer) => layout.blob("application/vnd.oci.image.layer.v1.tar", layer))
      const diffIds = layers.map(sha256)
      const image = layout.image({ rootfs: { type: "layers", diff_ids: diffIds } }, { layers: descriptors })
      layout.index(ref === undefined ? image : layout.named(ref, image))
    },
    extract: async (ref) => {
      const outcome = await run(ref)
      if (Either.isRight(outcome)) {
        roots.add(outcome.right)
        assert.deepEqual(RealTree.linkedElsewhere(RealTree.read(outcome.right)), [])
      }
      assert.deepEqual(canary.changes(), [])
      assert.deepEqual([left("tmp"), left("locks")], [[], []])
      assert.deepEqual(published().sort(), [...roots].sort())
      return outcome
    }
  })
}
