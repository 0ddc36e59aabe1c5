/** Images into the extracts directory: real layouts, real files, and layers that break every promise. */
import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import tar from "tar-stream"
import { assert, describe, it } from "vitest"
import type { ExtractionEvent } from "../../src/domain/extracts/ExtractionEvent.ts"
import * as SystemSettings from "../../src/domain/settings/SystemSettings.ts"
import * as Catalog from "../../src/program/Catalog.ts"
import * as Extract from "../../src/program/Extract.ts"
import type { ExtractFailed } from "../../src/program/ExtractFailed.ts"
import * as ExtractionServices from "../../src/services/ExtractionServices.ts"
import * as ListingFile from "../../src/services/layer/ListingFile.ts"
import { HOST, PLATFORM } from "../support/Host.ts"
import { LayoutWriter, sha256, temporary } from "../support/LayoutWriter.ts"

const archive = async (
  ...entries: ReadonlyArray<Partial<tar.Header> & { readonly name: string; readonly content?: string }>
): Promise<Buffer> => {
  const pack = tar.pack()
  for (const { content = "", ...header } of entries) {
    pack.entry({ uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, ...header }, content)
  }
  pack.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of pack) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

interface Place {
  readonly extracts: string
  /** Extracts the one image that is there. */
  readonly extract: (
    system?: Partial<SystemSettings.SystemSettings>,
    options?: Extract.ExtractOptions
  ) => Promise<Either.Either<unknown, ExtractFailed>>
}

const withPlace = async (test: (place: Place, layout: LayoutWriter) => Promise<void>): Promise<void> => {
  using directory = temporary()
  const layouts = join(directory.path, "layouts")
  const extracts = join(directory.path, "extracts")
  // What must never be reached.
  writeFileSync(join(directory.path, "canary"), "alive")
  const services = ExtractionServices.layer(extracts)
  const extract = (
    system: Partial<SystemSettings.SystemSettings> = {},
    options: Extract.ExtractOptions = {}
  ) =>
    Effect.runPromise(
      Effect.gen(function* () {
        const settings = {
          system: {
            ...SystemSettings.DEFAULTS,
            imagelayoutdir: layouts,
            extractsdir: extracts,
            roots: "directories" as const,
            ...system
          },
          rules: []
        }
        const catalog = Catalog.load(settings, HOST, PLATFORM)
        const [image] = catalog.images
        if (image === undefined) throw new Error("there is no image")
        return yield* Effect.either(Extract.extract(image, options))
      }).pipe(Effect.provide(services))
    )
  await test({ extracts, extract }, new LayoutWriter(join(layouts, "example.org/app")))
  assert.equal(readFileSync(join(directory.path, "canary"), "utf8"), "alive")
  assert.deepEqual(readdirSync(directory.path).sort(), ["canary", "extracts", "layouts"])
}

const rootsIn = (extracts: string): readonly string[] => {
  const chains = join(extracts, "roots/sha256")
  return existsSync(chains) ? readdirSync(chains).flatMap((shard) => readdirSync(join(chains, shard))) : []
}

describe("extracting an image", () => {
  it("makes the root, the configuration, the facts, and links by name", () =>
    withPlace(async ({ extracts, extract }, layout) => {
      const layer = await archive({ name: "bin/app", mode: 0o755, content: "program" })
      layout.index(layout.named("v1", layout.image({}, {}, layer)))
      const outcome = await extract()
      assert.isTrue(Either.isRight(outcome), String(outcome))
      assert.lengthOf(rootsIn(extracts), 1)
      const name = join(extracts, "names/example.org/app/v1")
      assert.match(readlinkSync(join(name, "rootfs")), /^\.\.\/.*roots\/sha256\//)
      assert.equal(readFileSync(join(name, "rootfs/bin/app"), "utf8"), "program")
      assert.include(readFileSync(join(name, "config"), "utf8"), "/bin/app")
      assert.isTrue(existsSync(join(extracts, "facts")))
      assert.deepEqual(readdirSync(join(extracts, "tmp")), [])
      assert.equal(lstatSync(join(extracts, "roots")).mode & 0o777, 0o700)
    }))

  it("is done once, however many ask at once", () =>
    withPlace(async ({ extracts, extract }, layout) => {
      layout.index(layout.image({}, {}, await archive({ name: "a", content: "a" })))
      const outcomes = await Promise.all([extract(), extract(), extract()])
      for (const outcome of outcomes) assert.isTrue(Either.isRight(outcome), String(outcome))
      assert.lengthOf(rootsIn(extracts), 1)
      assert.deepEqual(readdirSync(join(extracts, "tmp")), [])
    }))

  it("refuses what is more than the configuration allows, and names the key", () =>
    withPlace(async ({ extracts, extract }, layout) => {
      const layer = await archive({ name: "a", content: "a".repeat(4000) }, { name: "b", content: "b" })
      layout.index(layout.image({}, {}, layer))
      for (const system of [{ maxentries: 1 }, { maxbytes: 4000 }]) {
        const outcome = await extract(system)
        const message = Either.isLeft(outcome) ? outcome.left.message : "no error"
        assert.match(message, new RegExp(`allowed \\(${Object.keys(system)[0]}\\)$`))
        assert.deepEqual(rootsIn(extracts), [])
      }
      assert.isTrue(Either.isRight(await extract({ maxentries: 2 })))
    }))

  it("decompresses a layer once, and each root has files of its own", () =>
    withPlace(async ({ extracts, extract }, layout) => {
      const [base, own] = [
        await archive({ name: "base", content: "base" }),
        await archive({ name: "own", content: "own" })
      ]
      const layer = (bytes: Buffer) => layout.blob("application/vnd.oci.image.layer.v1.tar", bytes)
      const image = (...layers: readonly Buffer[]) =>
        layout.image(
          { rootfs: { type: "layers", diff_ids: layers.map((bytes) => sha256(bytes)) } },
          { layers: layers.map(layer) }
        )
      const root = () => realpathSync(join(extracts, "names/example.org/app/v1/rootfs"))
      layout.index(layout.named("v1", image(base)))
      assert.isTrue(Either.isRight(await extract()))
      const first = root()
      layout.index(layout.named("v1", image(base, own)))
      // What is known of it is enough: its blob need not be there any more.
      rmSync(join(layout.path, layout.blobPath(sha256(base))))
      assert.isTrue(Either.isRight(await extract()))
      assert.notEqual(root(), first)
      assert.deepEqual(readdirSync(root()).sort(), ["base", "own"])
      for (const at of [root(), first]) assert.equal(lstatSync(join(at, "base")).nlink, 1)
      assert.notEqual(lstatSync(join(root(), "base")).ino, lstatSync(join(first, "base")).ino)
      const stored = ["base", "own"].length
      assert.lengthOf(
        readdirSync(join(extracts, "layers"), { recursive: true, encoding: "utf8" }).filter((name) =>
          name.endsWith(".tar")
        ),
        stored
      )
    }))

  it("a file has the names that the image says, and no others, in each root that has it", () =>
    withPlace(async ({ extracts, extract }, layout) => {
      const names = Array.from({ length: 400 }, (_, index) => `name-${index}`)
      const base = await archive(
        { name: "file", content: "x" },
        ...names.map((name) => ({ name, type: "link" as const, linkname: "file" }))
      )
      const layer = (bytes: Buffer) => layout.blob("application/vnd.oci.image.layer.v1.tar", bytes)
      for (const ref of ["v1", "v2", "v3"]) {
        const own = await archive({ name: ref, content: ref })
        layout.index(
          layout.named(
            ref,
            layout.image(
              { rootfs: { type: "layers", diff_ids: [base, own].map((bytes) => sha256(bytes)) } },
              { layers: [base, own].map(layer) }
            )
          )
        )
        assert.isTrue(Either.isRight(await extract()))
        const root = realpathSync(join(extracts, "names/example.org/app", ref, "rootfs"))
        assert.equal(lstatSync(join(root, "name-7")).nlink, 401)
        assert.equal(lstatSync(join(root, ref)).nlink, 1)
      }
    }))

  it("reads a layer again where what is known of it cannot be read", () =>
    withPlace(async ({ extracts, extract }, layout) => {
      const bytes = await archive({ name: "a", content: "a" })
      layout.index(layout.image({}, {}, bytes))
      assert.isTrue(Either.isRight(await extract()))
      const diffId = sha256(bytes).slice("sha256:".length)
      const listing = join(extracts, "layers/sha256", diffId.slice(0, 2), `${diffId}.listing`)
      writeFileSync(listing, "{")
      rmSync(realpathSync(join(extracts, "names/example.org/app/latest/rootfs")), { recursive: true })
      assert.isTrue(Either.isRight(await extract()))
      assert.deepEqual(ListingFile.about(listing), { entries: 1, bytes: bytes.length })
      assert.deepEqual(readdirSync(join(extracts, "tmp")), [])
    }))

  it("tells how far it is, and leaves a record of what it did", () =>
    withPlace(async ({ extracts, extract }, layout) => {
      const bytes = await archive({ name: "a", content: "a" }, { name: "a", content: "b" })
      layout.index(layout.named("v1", layout.image({}, {}, bytes)))
      const events: Array<ExtractionEvent> = []
      assert.isTrue(Either.isRight(await extract({}, { onEvent: (event) => events.push(event) })))
      assert.deepEqual(
        [...new Set(events.map(({ _tag }) => _tag))],
        ["Begun", "LayerRead", "LayerReady", "RootWritten", "Published"]
      )
      const last = events.filter((event) => event._tag === "RootWritten").at(-1)
      assert.isTrue(last?._tag === "RootWritten" && last.done === last.total)
      const ready = events.find((event) => event._tag === "LayerReady")
      assert.deepInclude(ready, { layer: 0, entries: 2, found: false, bytes: bytes.length })
      const chain = realpathSync(join(extracts, "names/example.org/app/v1/rootfs")).split("/").at(-1) ?? ""
      const record = JSON.parse(
        readFileSync(join(extracts, `records/sha256/${chain.slice(0, 2)}/${chain}.json`), "utf8")
      )
      assert.deepInclude(record, { layers: [sha256(bytes)], entries: 2, bytes: bytes.length, shortfalls: [] })
      assert.match(record.notices[0], /^layer 0: 1 entry is replaced by a later one, first "a"$/)
    }))

  it("refuses a layer that brings a thing twice where it is to be strict", () =>
    withPlace(async ({ extracts, extract }, layout) => {
      layout.index(layout.image({}, {}, await archive({ name: "a" }, { name: "a" })))
      const outcome = await extract({}, { strict: true })
      assert.match(
        Either.isLeft(outcome) ? outcome.left.message : "",
        /"a", which strict extraction refuses$/
      )
      assert.deepEqual(rootsIn(extracts), [])
    }))

  it("keeps links inside the root, wherever they point", () =>
    withPlace(async ({ extracts, extract }, layout) => {
      const layer = await archive(
        { name: "out", type: "symlink", linkname: "../../../../../../../.." },
        { name: "out/canary", content: "inside" },
        { name: "up", type: "symlink", linkname: "/../../canary" },
        { name: "../../canary", content: "inside" }
      )
      layout.index(layout.image({}, {}, layer))
      const outcome = await extract()
      assert.isTrue(Either.isRight(outcome), String(outcome))
      const root = realpathSync(join(extracts, "names/example.org/app/latest/rootfs"))
      assert.equal(readFileSync(join(root, "canary"), "utf8"), "inside")
    }))

  const refusals: ReadonlyArray<readonly [string, (layout: LayoutWriter) => Promise<void>, RegExp]> = [
    [
      "a layer that is damaged",
      async (layout) => {
        const image = layout.image({}, {}, await archive({ name: "a", content: "a" }))
        layout.index(image)
        const manifest = JSON.parse(readFileSync(join(layout.path, layout.blobPath(image.digest)), "utf8"))
        const file = layout.blobPath(manifest.layers[0].digest)
        const bytes = readFileSync(join(layout.path, file))
        bytes[20] = ~(bytes[20] ?? 0)
        layout.write(file, bytes)
      },
      /^example\.org\/app:latest: .*sha256:[0-9a-f]{64}/
    ],
    [
      "a layer that is not the one of its diff id",
      async (layout) => {
        layout.index(
          layout.image(
            { rootfs: { type: "layers", diff_ids: [sha256("another")] } },
            {},
            await archive({ name: "a" })
          )
        )
      },
      /layer sha256:[0-9a-f]{64}: .*uncompressed digest sha256:[0-9a-f]{64}, but it is sha256:/
    ],
    [
      "a layer with a whiteout of nothing",
      async (layout) =>
        layout.index(layout.image({}, {}, await archive({ name: "fine" }, { name: "a/.wh." }))),
      /layer sha256:[0-9a-f]{64} cannot be applied: .*a\/\.wh\./
    ],
    [
      "a layer with a link to nothing",
      async (layout) =>
        layout.index(layout.image({}, {}, await archive({ name: "b", type: "link", linkname: "nothing" }))),
      /layer sha256:[0-9a-f]{64} cannot be applied: .*nothing/
    ],
    [
      "a user that the image does not have",
      async (layout) => layout.index(layout.image({ config: { Cmd: ["/a"], User: "somebody" } })),
      /"somebody" is not in the image's \/etc\/passwd/
    ]
  ]
  for (const [what, fill, why] of refusals) {
    it(`names ${what}, and leaves nothing half-made`, () =>
      withPlace(async ({ extracts, extract }, layout) => {
        await fill(layout)
        const outcome = await extract()
        const message = Either.isLeft(outcome) ? outcome.left.message : "no failure"
        assert.isTrue(why.test(message), message)
        assert.deepEqual(readdirSync(join(extracts, "tmp")), [])
        if (!what.includes("user")) assert.deepEqual(rootsIn(extracts), [])
      }))
  }
})
