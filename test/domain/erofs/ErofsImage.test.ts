/** What an image holds, by the word of the kernel: mounted, it is the tree that it was made of, node by node. */

import { createHash } from "node:crypto"
import * as fs from "node:fs"
import * as Either from "effect/Either"
import { assert, describe, it } from "vitest"
import { IMPLIED_PARENT, LayerEntry } from "../../../src/domain/archive/LayerEntry.ts"
import { crc32c } from "../../../src/domain/erofs/Crc32c.ts"
import * as ErofsImage from "../../../src/domain/erofs/ErofsImage.ts"
import * as LayerMerge from "../../../src/domain/layer/LayerMerge.ts"
import { fromText } from "../../../src/domain/text/ByteString.ts"
import { ACL, CAPABILITY, file, layouts, letters, xattr } from "../../support/ErofsLayouts.ts"
import * as Place from "../../support/ErofsPlace.ts"
import * as Tar from "../../support/TarWriter.ts"

const reason = await Place.whyNoMounts()
if (reason !== undefined) console.error(`skipped: ${reason}`)
const mountIt = it.skipIf(reason !== undefined)

const metadata = { ...IMPLIED_PARENT, mode: 0o644 }
const emptyFile = (path: string) =>
  LayerEntry.File({ path: fromText(path), metadata, size: 0, content: { layer: 0, offset: 512 } })
const treeOf = (entries: ReadonlyArray<LayerEntry>) => Either.getOrThrow(LayerMerge.merge([{ entries }])).tree

describe("an EROFS image", () => {
  describe("mounted by the kernel is its tree", () => {
    for (const [name, archives] of Object.entries(layouts)) {
      mountIt(name, async () => {
        const tree = Place.merged(archives)
        using place = Place.write(archives, tree)
        using mounted = await Place.mount(place)
        assert.deepStrictEqual(Place.pictureAt(mounted.path), Place.pictureOf(tree, archives))
      })
    }
  })

  // A change of these digests is a change of the format: images that were made before it must be made again.
  it("has the same bytes for the same layers", () => {
    const digests = Object.entries(layouts).map(([name, archives]) => {
      const { data, image } = Place.bytesOf(archives)
      return [name, createHash("sha256").update(image).update(data).digest("hex").slice(0, 16)]
    })
    assert.deepStrictEqual(digests, [
      ["no layer", "aff84b992b219b0a"],
      ["an empty layer", "b60615de553f9f6b"],
      ["one of each type", "172015a237c7ede7"],
      ["owners and times", "a20d0a9cf7db8b2d"],
      ["attributes, most of them shared", "fa932b43ffcbaead"],
      ["names and targets of every length", "11b01a09e13f97d3"],
      ["directories of all sizes", "dc9e5a26f1bf1494"],
      ["several layers, with what they take away", "bf9089968c999b86"],
      ["sparse files", "19e7ec280ebd8f67"],
      ["large files", "b158610aa10897c8"]
    ])
  })

  it("names its layers, and has the length that it says", () => {
    const archives = layouts["several layers, with what they take away"] ?? []
    const { image } = Place.bytesOf(archives)
    const made = Either.getOrThrow(ErofsImage.of(Place.merged(archives), Place.devicesOf(archives)))
    assert.strictEqual(image.length, made.size)
    assert.strictEqual(image.readUInt32LE(1024 + 36) * 512, made.size)
    assert.strictEqual(image.readUInt16LE(1024 + 86), 3)
    assert.deepStrictEqual(
      [0, 1, 2].map((device) => image.toString("latin1", 1152 + 128 * device, 1152 + 128 * device + 64)),
      Place.devicesOf(archives).map(({ diffId }) => diffId)
    )
  })

  it("holds an attribute once, however many files have it", () => {
    const { image } = Place.bytesOf(layouts["attributes, most of them shared"] ?? [])
    assert.strictEqual(image.indexOf(CAPABILITY), image.lastIndexOf(CAPABILITY))
  })

  describe("holds what is large", () => {
    mountIt("a directory of 100,000 names, found by their names", async () => {
      const entries = Array.from({ length: 100_000 }, (_, index) => emptyFile(`d/name ${index * 7919}`))
      using place = Place.write([], treeOf(entries))
      using mounted = await Place.mount(place)
      const names = fs.readdirSync(`${mounted.path}/d`)
      assert.lengthOf(names, 100_000)
      assert.deepStrictEqual(new Set(names), new Set(entries.map(({ path }) => path.slice(2))))
      for (const name of names.filter((_, index) => index % 7 === 0))
        assert.isTrue(fs.lstatSync(`${mounted.path}/d/${name}`).isFile())
      assert.isFalse(fs.existsSync(`${mounted.path}/d/name 1`))
    })

    mountIt("link counts of more than 16 bits", async () => {
      const many = Array.from({ length: 65_540 }, (_, index) => index)
      using place = Place.write(
        [],
        treeOf([
          emptyFile("first"),
          ...many.map((index) => LayerEntry.Directory({ path: fromText(`d/${index}`), metadata })),
          ...many.map((index) =>
            LayerEntry.Hardlink({ path: fromText(`f/${index}`), target: fromText("first") })
          )
        ])
      )
      using mounted = await Place.mount(place)
      assert.deepStrictEqual(
        ["d", "d/7", "first", "f/65539"].map((name) => fs.lstatSync(`${mounted.path}/${name}`).nlink),
        [65_542, 2, 65_541, 65_541]
      )
    })

    mountIt("directories 300 deep", async () => {
      const path = Array.from({ length: 300 }, (_, index) => `d${index}`)
      using place = Place.write([], treeOf([emptyFile(`${path.join("/")}/f`)]))
      using mounted = await Place.mount(place)
      let [at, depth] = [mounted.path, 0]
      for (const name of path) {
        assert.deepStrictEqual(fs.readdirSync(at), [name])
        // A path may have 4096 bytes.
        at = depth++ % 100 === 99 ? fs.realpathSync(`${at}/${name}`) : `${at}/${name}`
      }
      assert.deepStrictEqual(fs.readdirSync(at), ["f"])
    })

    mountIt("128 layers", async () => {
      const archives = Array.from({ length: 128 }, (_, layer) =>
        Tar.archive(
          file("shared", `${layer}`),
          file(`of ${layer}`, letters(layer * 40)),
          file(`.wh.of ${layer - 2}`)
        )
      )
      const tree = Place.merged(archives)
      using place = Place.write(archives, tree)
      using mounted = await Place.mount(place)
      assert.deepStrictEqual(Place.pictureAt(mounted.path), Place.pictureOf(tree, archives))
      assert.strictEqual(fs.readFileSync(`${mounted.path}/shared`, "latin1"), "127")
    })

    mountIt("a file of six gibibytes, and one after it", async () => {
      const size = 6 * 2 ** 30 + 3
      const offset = 512 + 6 * 2 ** 30 + 1024
      const tree = treeOf([
        LayerEntry.File({ path: fromText("huge"), metadata, size, content: { layer: 0, offset: 512 } }),
        LayerEntry.File({ path: fromText("after"), metadata, size: 5, content: { layer: 0, offset } })
      ])
      using place = Place.write([new Uint8Array(0)], tree, [{ diffId: "", size: offset + 512 }])
      const layer = fs.openSync(`${place.directory}/0`, "w")
      fs.ftruncateSync(layer, offset + 512)
      fs.writeSync(layer, "end", 512 + size - 3)
      fs.writeSync(layer, "after", offset)
      fs.closeSync(layer)
      using mounted = await Place.mount(place)
      assert.strictEqual(fs.statSync(`${mounted.path}/huge`).size, size)
      const huge = fs.openSync(`${mounted.path}/huge`, "r")
      const tail = Buffer.alloc(10)
      assert.strictEqual(fs.readSync(huge, tail, 0, 10, size - 5), 5)
      fs.closeSync(huge)
      assert.strictEqual(tail.toString("latin1", 0, 5), "\0\0end")
      assert.strictEqual(fs.readFileSync(`${mounted.path}/after`, "latin1"), "after")
    })

    mountIt("files of some megabytes, to their last byte", async () => {
      const archives = layouts["large files"] ?? []
      using place = Place.write(archives)
      using mounted = await Place.mount(place)
      assert.isTrue(letters(3_000_000).equals(fs.readFileSync(`${mounted.path}/whole`)))
    })

    it("many names, in pieces of a bounded length", () => {
      const count = 50_000
      const tree = treeOf(Array.from({ length: count }, (_, index) => emptyFile(`${index % 1000}/${index}`)))
      const made = Either.getOrThrow(ErofsImage.of(tree, []))
      let length = 0
      for (const piece of made.pieces()) {
        assert.isAtMost(piece.length, 2 ** 18)
        length += piece.length
      }
      assert.strictEqual(length, made.size)
      assert.isBelow(length, count * 120)
    })
  })

  describe("is refused", () => {
    const attribute = (name: string, value: string | Uint8Array, member: Uint8Array) =>
      Tar.archive(Tar.pax([xattr(name, value)]), member)
    it.each([
      ["too long", attribute("user.a", letters(65_536), file("f"))],
      ["a malformed list", attribute("system.posix_acl_access", "x", file("f"))],
      ["a list of a later version", attribute("system.posix_acl_access", "\x03\0\0\0", file("f"))],
      ["a default list of a file", attribute("system.posix_acl_default", ACL, file("f"))],
      [
        "a list of a symlink",
        attribute("system.posix_acl_access", ACL, Tar.member({ name: "f", type: "2", link: "x" }))
      ],
      ["capabilities that are none", attribute("security.capability", "x", file("f"))],
      [
        "too many",
        Tar.archive(Tar.pax(Array.from({ length: 256 }, (_, n) => xattr(`user.${n}`, ""))), file("f"))
      ]
    ])("for an attribute %s", (_, archive) => {
      const made = ErofsImage.of(Place.merged([archive]), Place.devicesOf([archive]))
      assert.isTrue(Either.isLeft(made))
      if (Either.isLeft(made)) assert.match(made.left.message, /^\/f cannot be in an EROFS image: it/)
    })

    it("for a layer that its blocks cannot count", () => {
      const made = ErofsImage.of(Place.merged([]), [{ diffId: "0".repeat(64), size: 2 ** 42 }])
      assert.isTrue(Either.isLeft(made))
    })
  })

  it("has the checksum of iSCSI over its superblock", () => {
    // RFC 3720, B.4: the checksum of 32 zeros, which there is inverted.
    assert.strictEqual(~crc32c(new Uint8Array(32)) >>> 0, 0x8a9136aa)
  })
})
