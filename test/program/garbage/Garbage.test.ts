/** What gc removes, what it must not, and that whatever happens meanwhile what images have stays whole. */
import * as fs from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import * as ExtractsTree from "../../../src/domain/extracts/ExtractsTree.ts"
import type { GarbageKind } from "../../../src/domain/extracts/GarbagePiece.ts"
import * as Settings from "../../../src/domain/settings/Settings.ts"
import * as RootPaths from "../../../src/domain/unit/RootPaths.ts"
import * as Extract from "../../../src/program/Extract.ts"
import * as Garbage from "../../../src/program/garbage/Garbage.ts"
import * as ExtractionServices from "../../../src/services/ExtractionServices.ts"
import type { MountUse } from "../../../src/services/extracts/MountUse.ts"
import { sha256 as hash } from "../../../src/services/layout/Blobs.ts"
import { LayoutWriter } from "../../support/LayoutWriter.ts"
import * as Tar from "../../support/TarWriter.ts"
import { image, type Place, withPlace } from "../../support/VerifyPlace.ts"

/** Where images can be mounted, `auto` makes them of roots. */
const KINDS = ["directories", "auto"] as const

const UNUSED: MountUse = { of: () => undefined, mountedBelow: () => undefined, isComplete: true }

const file = (name: string, content: string | Uint8Array) => Tar.archive(Tar.member({ name }, content))
const LAYERS = [file("a", "first"), file("b", "second"), file("c", "third"), file("a", "fourth")]

/** References of the one layout, each with its layers. */
const write = ({ layout }: Place, refs: Readonly<Record<string, readonly number[]>>): void =>
  layout.index(
    ...Object.entries(refs).map(([ref, layers]) =>
      layout.named(
        ref,
        image(
          layout,
          layers.map((layer) => LAYERS[layer] ?? Buffer.alloc(0))
        )
      )
    )
  )

const settings = (place: Place): Settings.Settings => ({
  system: {
    ...Settings.DEFAULTS.system,
    imagelayoutdir: join(place.at, "layouts"),
    extractsdir: place.extracts,
    volumesdir: join(place.at, "volumes")
  },
  rules: []
})

const collecting = (place: Place, options: Garbage.GarbageOptions = {}) =>
  Garbage.collect(settings(place), place.catalog, { look: () => UNUSED, ...options }).pipe(
    Effect.provide(ExtractionServices.layer(place.extracts))
  )

const collect = (place: Place, options?: Garbage.GarbageOptions) =>
  Effect.runPromise(collecting(place, options))

/** All files and links, without what is under way. */
const all = (directory: string): readonly string[] =>
  fs.existsSync(directory)
    ? fs
        .readdirSync(directory, { withFileTypes: true })
        .flatMap((entry) => {
          const path = join(directory, entry.name)
          return entry.isDirectory() ? all(path) : [path]
        })
        .sort()
    : []

const count = ({ removed }: Garbage.Outcome, kind: GarbageKind): number =>
  removed.filter((piece) => piece.kind === kind).length

const intact = async (place: Place): Promise<void> => {
  const { lines, verifications } = await place.verify({ deep: true })
  assert.deepEqual(lines, [])
  for (const { root } of verifications) assert.equal(root._tag, "Compared")
}

describe("gc", () => {
  it("removes what no image has, and nothing that any has", () =>
    withPlace(async (place) => {
      write(place, { one: [0, 1], two: [0, 2] })
      await place.extract()
      const before = all(place.extracts)
      assert.deepInclude(await collect(place), { removed: [], kept: [], odd: [], freed: 0 })
      assert.deepEqual(all(place.extracts), before)
      write(place, { two: [0, 2] })
      const dry = await collect(place, { dryRun: true })
      assert.deepEqual(all(place.extracts), before)
      const outcome = await collect(place)
      assert.deepEqual({ ...outcome, dryRun: true }, dry)
      assert.deepEqual(
        ["root", "layer", "record", "config", "facts", "name"].map((kind) =>
          count(outcome, kind as GarbageKind)
        ),
        [1, 1, 1, 1, 1, 2]
      )
      assert.deepEqual(outcome.removed.find(({ kind }) => kind === "root")?.images, ["example.org/app:one"])
      assert.isAbove(outcome.freed, 0)
      assert.isFalse(fs.existsSync(join(place.extracts, "names/example.org/app/one")))
      await intact(place)
    }))

  it("what is freed is what the disk has more afterwards: each root's files, and its own layers", () =>
    withPlace(async (place) => {
      const big = file("big", Buffer.alloc(1 << 20, 1))
      place.layout.index(
        place.layout.named("one", image(place.layout, [big])),
        place.layout.named("two", image(place.layout, [big, LAYERS[1] ?? big]))
      )
      await place.extract()
      place.layout.index(place.layout.named("two", image(place.layout, [big, LAYERS[1] ?? big])))
      const first = await collect(place)
      assert.isAtLeast(first.freed, 1 << 20)
      assert.isBelow(first.freed, 1.5 * (1 << 20))
      place.layout.index(place.layout.named("three", image(place.layout, [LAYERS[2] ?? big])))
      const { freed } = await collect(place)
      assert.isAtLeast(freed, 2 << 20)
      assert.isBelow(freed, 2.5 * (1 << 20))
    }))

  it("removes what an older version extracted, in its own form, once nothing uses it", () =>
    withPlace(async (place) => {
      write(place, { one: [0] })
      const [root = ""] = await place.extract()
      const at = (path: string) => join(place.extracts, path)
      const before = all(place.extracts)
      // the root of this very image, made of hard links, and another one
      const [own, other] = [root.split("/").slice(-2).join("/"), `00/${"0".repeat(64)}`]
      const paths = [`dirs/chainID/sha256/${own}`, `dirs/chainID/sha256/${other}`]
      const staged = at(`layers/sha256/cd/${"cd".repeat(32)}/files/0`)
      fs.mkdirSync(staged, { recursive: true })
      fs.writeFileSync(join(staged, "0"), "first")
      for (const path of paths) {
        fs.mkdirSync(at(path), { recursive: true })
        fs.linkSync(join(staged, "0"), join(at(path), "a"))
      }
      const used = `/${paths[0]}`
      const inUse = { ...UNUSED, of: (path: string) => (path === used ? "a.service" : undefined) }
      const first = await collect(place, { look: () => inUse })
      assert.deepEqual(
        first.kept.map(({ kind, path, reason }) => [kind, path, reason]),
        [["root", at(paths[0] ?? ""), "in use by a.service"]]
      )
      assert.deepEqual([count(first, "root"), count(first, "layer")], [1, 1])
      assert.equal(fs.readFileSync(join(at(paths[0] ?? ""), "a"), "utf8"), "first")
      assert.equal(count(await collect(place), "root"), 1)
      assert.isFalse(fs.existsSync(at("dirs")))
      assert.deepEqual(all(place.extracts), before)
      await intact(place)
    }))

  it("touches nothing that a newer version keeps in a form of its own", () =>
    withPlace(async (place) => {
      write(place, { one: [0], two: [1] })
      await place.extract()
      write(place, { two: [1] })
      fs.writeFileSync(join(place.extracts, "format"), "3\n")
      const before = all(place.extracts)
      const refused = /its format is 3, and this version of the program knows 2/
      for (const attempt of [collect(place), place.extract()]) {
        const thrown = await attempt.then(
          () => "nothing",
          (error: unknown) => String(error)
        )
        assert.match(thrown, refused)
      }
      assert.deepEqual(all(place.extracts), before)
    }))

  it("keeps a root that is in use, with its record, whatever its image is now", () =>
    withPlace(async (place) => {
      write(place, { one: [0], two: [1] })
      const [root = ""] = await place.extract()
      write(place, { one: [1], two: [1] })
      const relative = root.slice(place.extracts.length)
      const inUse = { ...UNUSED, of: (path: string) => (path === relative ? "a.service" : undefined) }
      const outcome = await collect(place, { look: () => inUse })
      assert.deepEqual(
        outcome.kept.map(({ kind, reason }) => [kind, reason]),
        [["root", "in use by a.service"]]
      )
      assert.isTrue(fs.existsSync(join(root, "a")))
      assert.equal(count(outcome, "record"), 0)
      assert.equal(count(await collect(place), "root"), 1)
      assert.isFalse(fs.existsSync(root))
    }))

  it("moves back what is in use, or needed, at the second look", () =>
    withPlace(async (place) => {
      write(place, { one: [0], two: [1] })
      await place.extract()
      const before = all(place.extracts)
      write(place, { two: [1] })
      let looks = 0
      const outcome = await collect(place, {
        look: () => {
          if (looks++ === 1) write(place, { one: [0], two: [1] })
          return looks === 1 ? UNUSED : { ...UNUSED, of: () => "somebody" }
        }
      })
      assert.equal(looks, 2)
      assert.deepEqual(outcome.removed, [])
      assert.deepEqual(all(place.extracts), before)
      await intact(place)
    }))

  it("an image whose documents cannot be read keeps what it had", () =>
    withPlace(async (place) => {
      write(place, { one: [0, 1], two: [2] })
      await place.extract()
      const before = all(place.extracts)
      const { manifests } = JSON.parse(fs.readFileSync(join(place.layout.path, "index.json"), "utf8"))
      fs.writeFileSync(join(place.layout.path, place.layout.blobPath(manifests[0].digest)), "damaged")
      const outcome = await collect(place)
      assert.deepEqual(
        [outcome.removed, outcome.held.map(({ image }) => image)],
        [[], ["example.org/app:one"]]
      )
      fs.writeFileSync(join(place.layout.path, "index.json"), "damaged")
      assert.deepEqual((await collect(place)).removed, [])
      assert.deepEqual(all(place.extracts), before)
    }))

  it.each([
    ["is a link that leads nowhere", (path: string) => fs.symlinkSync("/nonexistent/disk", path)],
    ["is a file", (path: string) => fs.writeFileSync(path, "")]
  ])("a layout that %s may come back", (_, spoil) =>
    withPlace(async (place) => {
      write(place, { one: [0] })
      await place.extract()
      const other = join(place.at, "layouts/example.org/other")
      fs.cpSync(place.layout.path, other, { recursive: true })
      await place.extract()
      const before = all(place.extracts)
      fs.rmSync(place.layout.path, { recursive: true })
      spoil(place.layout.path)
      const outcome = await collect(place)
      assert.deepEqual(outcome.removed, [])
      assert.deepEqual(outcome.held, [{ image: "example.org/app:one", reason: "its layout cannot be seen" }])
      assert.deepEqual(all(place.extracts), before)
      fs.rmSync(place.layout.path)
      assert.equal(count(await collect(place), "name"), 2)
    })
  )

  it("refuses where the layouts directory is missing, or empty, unless that is so", () =>
    withPlace(async (place) => {
      write(place, { one: [0] })
      await place.extract()
      const before = all(place.extracts)
      const refusal = async () =>
        Either.match(await Effect.runPromise(Effect.either(collecting(place))), {
          onLeft: ({ message }) => message,
          onRight: () => "none"
        })
      const layouts = join(place.at, "layouts")
      fs.rmSync(layouts, { recursive: true })
      assert.equal(await refusal(), `nothing is removed: the layouts directory ${layouts} is missing`)
      fs.mkdirSync(layouts)
      assert.equal(
        await refusal(),
        `nothing is removed: there are no images below ${layouts}, but there are extracts of some`
      )
      assert.deepEqual(all(place.extracts), before)
      assert.equal(count(await collect(place, { allowEmpty: true }), "root"), 1)
      assert.deepEqual(all(place.extracts), [join(place.extracts, "format")])
      assert.deepEqual((await collect(place)).removed, [])
    }))

  it("refuses where not every process could be looked at", () =>
    withPlace(async (place) => {
      write(place, { one: [0] })
      await place.extract()
      const result = await Effect.runPromise(
        Effect.either(collecting(place, { look: () => ({ ...UNUSED, isComplete: false }) }))
      )
      assert.equal(Either.isLeft(result) && result.left._tag, "RootNeeded")
    }))

  it("leaves alone what is not ours, and follows no link", () =>
    withPlace(async (place) => {
      write(place, { one: [0] })
      await place.extract()
      const outside = join(place.at, "outside")
      const hex = "ab".repeat(32)
      fs.mkdirSync(join(outside, "ab", hex), { recursive: true })
      fs.writeFileSync(join(outside, "ab", hex, "file"), "")
      const at = (path: string) => join(place.extracts, path)
      fs.symlinkSync(outside, at("roots/sha512"))
      fs.mkdirSync(at("roots/sha256/ab"), { recursive: true })
      fs.symlinkSync(join(outside, "ab", hex), at(`roots/sha256/ab/${hex}`))
      fs.writeFileSync(at("notes.txt"), "mine")
      fs.mkdirSync(at("dirs/mine"), { recursive: true })
      fs.writeFileSync(at("names/README"), "mine")
      fs.mkdirSync(at(`layers/sha256/cd/${hex}`), { recursive: true })
      fs.mkdirSync(at("scratch"), { recursive: true })
      fs.symlinkSync(outside, at("scratch/link"))
      const outcome = await collect(place, { volumes: true })
      assert.deepEqual(outcome.removed, [])
      assert.deepEqual([...outcome.odd].sort(), [
        "dirs/mine",
        `layers/sha256/cd/${hex}`,
        "names/README",
        "notes.txt",
        `roots/sha256/ab/${hex}`,
        "roots/sha512",
        "scratch/link"
      ])
      assert.isTrue(fs.existsSync(join(outside, "ab", hex, "file")))
    }))

  it("data of images that are gone goes only when told: volumes, and what was written to roots", () =>
    withPlace(async (place) => {
      write(place, { one: [0], two: [1], three: [2] })
      await place.extract()
      const scratch = (name: string) => join(place.extracts, ExtractsTree.scratchOf(name, hash))
      const volumes = (name: string) => join(place.at, "volumes", name)
      const [one, two, three] = ["one", "two", "three"].map((ref) => `org.example.app.ref.${ref}`) as [
        string,
        string,
        string
      ]
      for (const name of [one, two, three, "of.nobody.known"]) {
        fs.mkdirSync(join(scratch(name), "upper"), { recursive: true })
        fs.mkdirSync(volumes(name), { recursive: true })
        if (name !== three) fs.writeFileSync(join(scratch(name), "upper/data"), "")
      }
      fs.symlinkSync(place.at, volumes("moved"))
      write(place, { two: [1] })
      const paths = (pieces: ReadonlyArray<{ readonly path: string }>) =>
        pieces.map(({ path }) => path).sort()
      const data = [scratch(one), scratch("of.nobody.known"), ...[one, three, "of.nobody.known"].map(volumes)]
      const first = await collect(place)
      assert.deepEqual(paths(first.removed.filter(({ kind }) => kind === "scratch")), [scratch(three)])
      assert.deepEqual(paths(first.kept), [...data].sort())
      const second = await collect(place, { volumes: true })
      assert.deepEqual(paths(second.removed), [...data].sort())
      assert.deepEqual(fs.readdirSync(join(place.at, "volumes")).sort(), ["moved", two])
      assert.isTrue(fs.existsSync(join(scratch(two), "upper/data")))
    }))

  it("keeps the data of an image where it was before another one came to want its name, and where it is since", () =>
    withPlace(async (place) => {
      write(place, { one: [0] })
      const other = new LayoutWriter(join(place.at, "layouts/app.example.org"))
      const data = async () => {
        const { images } = await Effect.runPromise(place.catalog)
        return images
          .filter(({ context }) => context.name.layout === "example.org/app")
          .map(({ context }) => RootPaths.nameOf(context.stem, hash))
          .flatMap((name) => [
            join(place.at, "volumes", name),
            join(place.extracts, ExtractsTree.scratchOf(name, hash), "upper/data")
          ])
      }
      const alone = await data()
      other.index(other.named("one", image(other, [LAYERS[1] ?? Buffer.alloc(0)])))
      const together = await data()
      assert.notDeepEqual(together, alone)
      for (const path of [...alone, ...together]) fs.mkdirSync(path, { recursive: true })
      assert.deepEqual((await collect(place, { volumes: true })).removed, [])
      fs.rmSync(join(place.at, "layouts/app.example.org"), { recursive: true })
      assert.deepEqual((await collect(place, { volumes: true })).removed, [])
    }))

  it("removes what a killed run left, and not what a living one holds", () =>
    withPlace(async (place) => {
      write(place, { one: [0] })
      await place.extract()
      fs.mkdirSync(join(place.extracts, "tmp/dead/root/deep"), { recursive: true })
      fs.writeFileSync(join(place.extracts, "locks/sha256-dead"), "")
      const outcome = await collect(place)
      assert.equal(count(outcome, "leftover"), 2)
      assert.deepEqual(fs.readdirSync(join(place.extracts, "tmp")), [])
    }))

  it("interrupted at any moment, it leaves whole pieces", () =>
    withPlace(async (place) => {
      for (let round = 0; round < 12; round++) {
        write(place, { one: [0, 1], two: [2, 3], three: [1, 2, 3] })
        await place.extract()
        write(place, { three: [1, 2, 3] })
        await Effect.runPromise(
          Effect.gen(function* () {
            const fiber = yield* Effect.fork(collecting(place))
            for (let turn = 0; turn < round; turn++) yield* Effect.promise(() => new Promise(setImmediate))
            yield* Fiber.interrupt(fiber)
          })
        )
        write(place, { one: [0, 1], two: [2, 3], three: [1, 2, 3] })
        await place.extract()
        await intact(place)
        assert.deepEqual(fs.readdirSync(join(place.extracts, "tmp")), [])
      }
    }))

  it.each(KINDS)("beside extractions, whatever comes first, with roots = %s", (roots) =>
    withPlace(async (place) => {
      for (let round = 0; round < 8; round++) {
        write(place, { one: [0, 1], two: [2, 3] })
        await place.extract()
        write(place, { two: [2, 3] })
        const again = Effect.gen(function* () {
          for (let turn = 0; turn < round * 3; turn++) yield* Effect.promise(() => new Promise(setImmediate))
          write(place, { one: [0, 1], two: [2, 3], three: [0, 3] })
          const { images } = yield* place.catalog
          return yield* Effect.forEach(images, (each) => Extract.extract(each), { concurrency: 3 })
        }).pipe(Effect.provide(ExtractionServices.layer(place.extracts)))
        await Effect.runPromise(Effect.all([collecting(place), again], { concurrency: 2 }))
        // What was there at the one's first look, the other may have taken away by its end: then it is made anew.
        await place.extract()
        await intact(place)
      }
    }, roots)
  )
})

describe.each(KINDS)("gc, whatever images come and go, with roots = %s", (roots) => {
  it("every image that is there verifies, and nothing is left that none needs", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.dictionary(
            fc.constantFrom("a", "b", "c"),
            fc.array(fc.nat(LAYERS.length - 1), { minLength: 1, maxLength: 3 }),
            { minKeys: 1 }
          ),
          { minLength: 1, maxLength: 4 }
        ),
        (history) =>
          withPlace(async (place) => {
            for (const refs of history) {
              write(place, refs)
              await place.extract()
            }
            await collect(place)
            await intact(place)
            const kept = all(place.extracts)
            fs.rmSync(place.extracts, { recursive: true })
            await place.extract()
            assert.deepEqual(kept, all(place.extracts))
          }, roots)
      ),
      { numRuns: Number(process.env.PROPERTY_RUNS ?? 25) }
    ))
})
