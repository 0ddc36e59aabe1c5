/** Programs that provide their own services get what those say, and nothing of this machine's files. */
import { writeFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type { Digest } from "../../src/domain/document/Digest.ts"
import { display } from "../../src/domain/naming/ImageName.ts"
import * as DomainSettings from "../../src/domain/settings/Settings.ts"
import * as ThisMachine from "../../src/program/ThisMachine.ts"
import { Layouts } from "../../src/services/Layouts.ts"
import { ImageRefused } from "../../src/services/layout/ImageResolution.ts"
import { Settings } from "../../src/services/Settings.ts"
import { temporary } from "../support/LayoutWriter.ts"

const DIRECTORY = "/nowhere/layouts"
const SETTINGS = {
  ...DomainSettings.DEFAULTS,
  system: { ...DomainSettings.DEFAULTS.system, imagelayoutdir: DIRECTORY, systemdversion: 257 }
}

const refused = new ImageRefused({ reason: "is kept elsewhere" })
const descriptor = {
  mediaType: "application/vnd.oci.image.manifest.v1+json",
  digest: `sha256:${"0".repeat(64)}` as Digest,
  size: 1
}

const seen: Array<string> = []
const layouts = Layer.succeed(Layouts, {
  find: (root) => {
    seen.push(root)
    return { layouts: [{ layout: "example.org/app", path: `${root}/example.org/app` }], skipped: [] }
  },
  references: (path) => {
    seen.push(path)
    return Either.right([{ ref: "v1", descriptors: [descriptor] }])
  },
  resolve: () => Either.left(refused),
  artifact: () => undefined,
  artifacts: () => [],
  signatures: () => () => []
})

describe("this machine", () => {
  it.effect("has the images that a program's own layouts have", () =>
    Effect.gen(function* () {
      const { catalog, host, settings } = yield* ThisMachine.read()
      assert.strictEqual(settings, SETTINGS)
      assert.strictEqual(host.systemdVersion, 257)
      assert.deepStrictEqual(
        catalog.images.map(({ context }) => display(context.name)),
        ["example.org/app:v1"]
      )
      assert.deepStrictEqual(
        catalog.images.map(({ resolve }) => resolve()),
        [Either.left(refused)]
      )
      assert.deepStrictEqual(seen, [DIRECTORY, `${DIRECTORY}/example.org/app`])
    }).pipe(Effect.provide(Layer.merge(layouts, Settings.layerOf(SETTINGS))))
  )

  it.effect("reads the named file again each time, and says when it is missing", () =>
    Effect.gen(function* () {
      using directory = temporary()
      const file = `${directory.path}/oci.conf`
      const read = Effect.provide(ThisMachine.surroundings(), Layer.merge(layouts, Settings.layer(file)))
      const failure = yield* Effect.flip(read)
      assert.include(failure.message, file)
      writeFileSync(file, "[system]\nextractsdir = /srv/extracts\n")
      assert.strictEqual((yield* read).settings.system.extractsdir, "/srv/extracts")
      assert.strictEqual((yield* read).host.configFile, file)
    })
  )
})
