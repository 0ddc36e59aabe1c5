/** An image's root in a plain directory: the same tree as in the extracts, in any state of the directory before. */
import * as fs from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { assert, describe, it } from "vitest"
import * as Platform from "../../src/domain/image/Platform.ts"
import type * as Extract from "../../src/program/Extract.ts"
import * as Unpack from "../../src/program/Unpack.ts"
import * as ExtractionServices from "../../src/services/ExtractionServices.ts"
import * as RealTree from "../support/RealTree.ts"
import * as Tar from "../support/TarWriter.ts"
import { image, type Place, withPlace } from "../support/VerifyPlace.ts"

const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
const LAYERS = [
  Tar.archive(
    Tar.member({ ...own, name: "./", type: "5", mode: 0o711, mtime: 77 }),
    Tar.member({ ...own, name: "d/", type: "5", mode: 0o555, mtime: 5 }),
    Tar.member({ ...own, name: "d/file", mode: 0o640, mtime: 6 }, "data"),
    Tar.member({ ...own, name: "d/other", type: "1", link: "d/file" }),
    Tar.member({ ...own, name: "gone" }, "x")
  ),
  Tar.archive(
    Tar.member({ ...own, name: ".wh.gone" }),
    Tar.member({ ...own, name: "big" }, Buffer.alloc(3_000_000, 7))
  )
]

/** Everything but inode numbers. */
const pictureOf = (directory: string) =>
  RealTree.read(directory).map(({ content, kind, path, stat, target }) => [
    path,
    kind,
    Number(stat.mode & 0o7777n),
    stat.mtimeMs,
    kind === "directory" ? undefined : stat.nlink,
    kind === "directory" ? undefined : stat.size,
    target ?? content
  ])

const unpack = (place: Place, directory: string, options: Extract.RootOptions = {}) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const { images } = yield* place.catalog
      const [found] = images
      if (found === undefined) throw new Error("there is no image")
      return yield* Effect.either(Unpack.unpack(found, directory, options))
    }).pipe(Effect.provide(ExtractionServices.layer(place.extracts)))
  )

const messageOf = (outcome: Either.Either<unknown, Error>) =>
  Either.match(outcome, { onLeft: ({ message }) => message, onRight: () => "no error" })

describe("unpack", () => {
  it("writes what an extraction does, to a directory that is empty or to be made, and touches no extracts", () =>
    withPlace(async (place) => {
      place.layout.index(place.layout.named("v1", image(place.layout, LAYERS)))
      const [made, empty] = [join(place.at, "made"), join(place.at, "empty")]
      fs.mkdirSync(empty)
      for (const directory of [made, empty]) {
        const outcome = Either.getOrThrow(await unpack(place, directory))
        assert.deepEqual(outcome.missingPrivileges, [])
        assert.deepEqual(fs.readdirSync(directory).sort(), ["big", "d"])
      }
      assert.isFalse(fs.existsSync(place.extracts))
      const [root = ""] = await place.extract()
      assert.deepEqual(pictureOf(made), pictureOf(root))
      assert.deepEqual(pictureOf(empty), pictureOf(root))
      assert.equal(fs.statSync(made).mtimeMs, 77_000)
      assert.deepEqual(RealTree.linkedElsewhere(RealTree.read(made)), [])
    }))

  it("refuses a directory that is not empty, and a path that is not a directory", () =>
    withPlace(async (place) => {
      place.layout.index(place.layout.named("v1", image(place.layout, LAYERS)))
      const full = join(place.at, "full")
      fs.mkdirSync(full)
      fs.writeFileSync(join(full, "mine"), "")
      assert.match(
        messageOf(await unpack(place, full)),
        /nothing is unpacked to .*full: it is not empty: "mine" is in it$/
      )
      assert.match(
        messageOf(await unpack(place, join(full, "mine"))),
        /: the system refuses it with ENOTDIR$/
      )
      assert.match(
        messageOf(await unpack(place, join(place.at, "no/parent"))),
        /: the system refuses it with ENOENT$/
      )
      assert.deepEqual(fs.readdirSync(full), ["mine"])
    }))

  it("leaves the directory as it was where a layer is not what it should be, or is refused", () =>
    withPlace(async (place) => {
      place.layout.index(
        place.layout.named(
          "v1",
          place.layout.image(
            { rootfs: { type: "layers", diff_ids: [`sha256:${"0".repeat(64)}`] } },
            {},
            LAYERS[0]
          )
        )
      )
      const [made, empty] = [join(place.at, "made"), join(place.at, "empty")]
      fs.mkdirSync(empty)
      assert.match(messageOf(await unpack(place, made)), /layer sha256:[0-9a-f]{64}: /)
      assert.match(messageOf(await unpack(place, empty)), /layer sha256:[0-9a-f]{64}: /)
      assert.isFalse(fs.existsSync(made))
      assert.deepEqual(fs.readdirSync(empty), [])
    }))

  it("takes an image without a command, and one for another platform when asked", () =>
    withPlace(async (place) => {
      const base = { config: { Entrypoint: null, Cmd: null }, architecture: "riscv64" }
      place.layout.index(place.layout.named("v1", place.layout.image(base, {}, LAYERS[0])))
      const directory = join(place.at, "root")
      assert.match(messageOf(await unpack(place, directory)), /riscv64/)
      const name = Platform.parse("linux/riscv64")
      if (name === undefined) return assert.fail("it is a platform")
      const other = { platform: Platform.machineOf({ os: "linux", architecture: "s390x" }) }
      assert.match(messageOf(await unpack(place, directory, other)), /riscv64, and linux\/s390x is wanted$/)
      const options = { platform: Platform.machineOf(name) }
      assert.equal(messageOf(await unpack(place, directory, options)), "no error")
      assert.deepEqual(fs.readdirSync(directory).sort(), ["d", "gone"])
    }))
})
