/** Which root is compared with which: mounted or not, of each kind, and what the answer says besides the changes. */
import * as fs from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { assert, describe, it } from "vitest"
import * as MountInfo from "../../src/domain/machine/MountInfo.ts"
import type { RootMode } from "../../src/domain/settings/ImageSettings.ts"
import * as Settings from "../../src/domain/settings/Settings.ts"
import type * as RootChange from "../../src/domain/verify/RootChange.ts"
import * as Catalog from "../../src/program/Catalog.ts"
import * as RootDiff from "../../src/program/RootDiff.ts"
import * as ExtractionServices from "../../src/services/ExtractionServices.ts"
import { HOST, PLATFORM } from "../support/Host.ts"
import { LayoutWriter, temporary } from "../support/LayoutWriter.ts"

const NAME = "org.example.app.ref.v1"
const OLD = `roots/sha256/00/${"00".repeat(32)}`

interface Place {
  readonly extracts: string
  /** Writes a file with the directories to it. */
  readonly write: (path: string, content?: string) => void
  readonly diff: (
    root: RootMode,
    mounts?: string
  ) => Promise<readonly [lines: readonly string[], outcome: object | string]>
}

const withPlace = (test: (place: Place) => Promise<void>) => async () => {
  using directory = temporary()
  const layouts = join(directory.path, "layouts")
  const extracts = join(directory.path, "extracts")
  const layout = new LayoutWriter(join(layouts, "example.org/app"))
  layout.index(layout.named("v1", layout.image()))
  await test({
    extracts,
    write: (path, content = "") => {
      fs.mkdirSync(join(extracts, path, ".."), { recursive: true, mode: 0o755 })
      fs.writeFileSync(join(extracts, path), content)
    },
    diff: async (root, mounts = "") => {
      const settings = {
        system: { ...Settings.DEFAULTS.system, imagelayoutdir: layouts, extractsdir: extracts },
        rules: []
      }
      const [image] = Catalog.load(settings, HOST, PLATFORM).images
      if (image === undefined) throw new Error("there is no image")
      const context = { ...image.context, settings: { ...image.context.settings, root } }
      const lines: string[] = []
      const onChange = (change: RootChange.RootChange) => lines.push(`${change.change} ${change.path}`)
      const outcome = await Effect.runPromise(
        Effect.either(RootDiff.diff({ ...image, context }, { onChange }, MountInfo.parse(mounts))).pipe(
          Effect.provide(ExtractionServices.layer(extracts))
        )
      )
      return [lines, Either.match(outcome, { onLeft: ({ message }) => message, onRight: (value) => value })]
    }
  })
}

const mounted = (extracts: string, lower: string, upper = `,upperdir=${extracts}/scratch/${NAME}/upper`) =>
  `30 21 0:40 / /run/oci/roots/${NAME} rw - overlay overlay rw,lowerdir=${extracts}/${lower}${upper}`

describe.skipIf(process.geteuid?.() !== 0)("RootDiff.diff", () => {
  it(
    "compares a mounted root with the lower directory of its mount, and its template",
    withPlace(async ({ diff, extracts, write }) => {
      write(`${OLD}/etc/passwd`)
      write(`scratch/${NAME}/upper/etc/passwd`, "mine")
      write(`scratch/${NAME}/upper/volume/point`)
      write(`templates/${NAME}/0123/scratch/upper/volume/point`)
      for (const root of ["ephemeral", "readonly"] as const)
        assert.deepStrictEqual(await diff(root, mounted(extracts, OLD)), [
          ["changed etc/passwd"],
          { root: "ephemeral", isRunning: true, changes: 1 }
        ])
      assert.deepStrictEqual((await diff("persistent", mounted(extracts, OLD)))[1], {
        root: "persistent",
        isRunning: true,
        changes: 1
      })
    })
  )

  it(
    "also with a root of the form before this one",
    withPlace(async ({ diff, extracts, write }) => {
      const old = OLD.replace("roots", "dirs/chainID")
      write(`${old}/etc/passwd`)
      write(`scratch/${NAME}/upper/etc/passwd`, "mine")
      assert.deepStrictEqual((await diff("ephemeral", mounted(extracts, old)))[0], ["changed etc/passwd"])
    })
  )

  it(
    "lists nothing of a root that is read-only, or discarded",
    withPlace(async ({ diff, extracts, write }) => {
      write(`scratch/${NAME}/upper/etc/passwd`, "mine")
      const fixed = { root: "readonly", changes: 0 }
      assert.deepStrictEqual(await diff("readonly"), [[], { ...fixed, isRunning: false }])
      assert.deepStrictEqual(await diff("ephemeral", mounted(extracts, OLD, "")), [
        [],
        { ...fixed, isRunning: true }
      ])
      assert.deepStrictEqual(await diff("ephemeral"), [
        [],
        { root: "ephemeral", isRunning: false, changes: 0 }
      ])
    })
  )

  it(
    "needs the root of the image for one that is kept and not mounted, once anything is there",
    withPlace(async ({ diff, write }) => {
      assert.deepStrictEqual(await diff("persistent"), [
        [],
        { root: "persistent", isRunning: false, changes: 0 }
      ])
      write(`scratch/${NAME}/upper/etc/passwd`, "mine")
      assert.deepStrictEqual(await diff("persistent"), [
        [],
        "what the service of example.org/app:v1 has written cannot be listed: the image is not extracted"
      ])
    })
  )
})
