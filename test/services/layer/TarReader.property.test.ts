import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as fc from "fast-check"
import * as tarStream from "tar-stream"
import * as Pax from "../../../src/domain/archive/PaxRecords.ts"
import { fromText } from "../../../src/domain/text/ByteString.ts"
import { dataIn } from "../../support/LayerFiles.ts"
import { read } from "../../support/TarContents.ts"
import * as Tar from "../../support/TarWriter.ts"

const name = fc.stringMatching(/^[abc]{1,3}(\/[abc]{1,3}){0,2}$/)
const data = fc.oneof(
  fc.string({ unit: fc.constantFrom("x", "y", "\0"), maxLength: 20 }),
  fc.constantFrom(511, 512, 513, 1024, 3000).map((length) => "z".repeat(length))
)

/** What archives are made of, with and without sense. */
const part: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(name, data).map(([path, text]) => Tar.member({ name: path }, text)) },
  name.map((path) => Tar.member({ name: path, type: "5" })),
  fc.tuple(name, name).map(([path, link]) => Tar.member({ name: path, link, type: "2" })),
  name.map((path) =>
    Buffer.concat([
      Tar.pax([
        ["path", path],
        ["mtime", "1.5"]
      ]),
      Tar.member({})
    ])
  ),
  fc.nat(5000).map((length) => Buffer.concat([Tar.longName("n/".repeat(length % 1000)), Tar.member({})])),
  data.map((text) => Tar.pax(text, "g")),
  fc.tuple(fc.nat(2000), fc.nat(2000)).map(([hole, length]) =>
    Tar.member(
      {
        type: "S",
        magic: Tar.GNU,
        tail: Tar.oldGnuTail([hole, length, hole + length + 9, 0], hole + length + 9)
      },
      "s".repeat(length)
    )
  ),
  {
    weight: 1,
    arbitrary: fc.constantFrom(Tar.ZEROS, Tar.header({ type: "D" }), Tar.header({ checksum: "1" }))
  }
)
const archive = fc.array(part, { maxLength: 6 }).map((parts) => Tar.archive(...parts))
const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 500, max: 1100 })), {
  minLength: 1,
  maxLength: 8
})

describe("TarReader laws", () => {
  it("how the bytes are cut into pieces changes nothing", () => {
    fc.assert(
      fc.property(archive, cuts, (bytes, sizes) => {
        assert.deepStrictEqual(read(bytes, sizes), read(bytes))
      }),
      { numRuns: 300 }
    )
  })

  it("an entry says where in the archive its data is", () => {
    fc.assert(
      fc.property(archive, (bytes) => {
        const found = read(bytes)
        fc.pre(Either.isRight(found))
        for (const [index, entry] of found.right.entries.entries()) {
          if (entry._tag !== "File") continue
          assert.strictEqual(dataIn(bytes, entry).toString("latin1"), found.right.data.get(index))
        }
      }),
      { numRuns: 300 }
    )
  })

  it("what tar-stream packs is read back", async () => {
    const time = fc.integer({ min: 0, max: 2 ** 31 - 1 })
    // tar-stream writes six digits, and 0o777777 for what is larger
    const id = fc.nat(0o777777)
    const path = fc.oneof(
      name,
      fc.string({ unit: fc.constantFrom("a", "é", "\n"), minLength: 1, maxLength: 200 })
    )
    const entry = fc.record({
      name: path,
      data,
      mode: fc.integer({ min: 1, max: 0o7777 }),
      uid: id,
      gid: id,
      seconds: time
    })
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 5 }), async (entries) => {
        const pack = tarStream.pack()
        for (const { name, data, mode, uid, gid, seconds } of entries) {
          pack.entry({ name, mode, uid, gid, mtime: new Date(seconds * 1000), type: "file" }, data)
        }
        pack.finalize()
        const chunks: Array<Uint8Array> = []
        for await (const chunk of pack) chunks.push(chunk as Uint8Array)
        const found = Either.getOrThrow(read(Buffer.concat(chunks)))
        assert.deepStrictEqual(
          found.entries.map((entry, index) => ({ ...entry, content: 0, data: found.data.get(index) })),
          entries.map(({ name, data, mode, uid, gid, seconds }) => ({
            _tag: "File" as const,
            path: fromText(name),
            metadata: { mode, uid, gid, mtime: { seconds, nanoseconds: 0 }, xattrs: new Map() },
            size: data.length,
            content: 0,
            data
          }))
        )
      }),
      { numRuns: 100 }
    )
  })

  it("no bytes make it throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), cuts, (bytes, sizes) => {
        assert.isTrue(Either.isEither(read(bytes, sizes)))
      })
    )
  })

  it("no change of one byte makes it throw, whether or not the checksum is corrected", () => {
    fc.assert(
      fc.property(archive, fc.nat(), fc.nat(255), fc.boolean(), (bytes, where, value, correct) => {
        const at = where % bytes.length
        bytes[at] = value
        if (correct) {
          const block = bytes.subarray(at - (at % 512), at - (at % 512) + 512)
          block.fill(0x20, 148, 156)
          const sum = block.reduce((total, byte) => total + byte, 0)
          block.write(`${sum.toString(8).padStart(6, "0")}\0`, 148, "latin1")
        }
        assert.isTrue(Either.isEither(read(bytes)))
      }),
      { numRuns: 1000 }
    )
  })

  it("an archive that is cut off is an error, or ends between two members", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(name, data), { minLength: 1, maxLength: 4 }),
        fc.nat(),
        (members, where) => {
          const parts = members.map(([path, text]) => Tar.member({ name: path }, text))
          const bytes = Buffer.concat(parts)
          const at = where % bytes.length
          const ends = parts.map((_, index) => Buffer.concat(parts.slice(0, index)).length)
          assert.strictEqual(Either.isRight(read(bytes.subarray(0, at))), ends.includes(at))
        }
      )
    )
  })
})

describe("PaxRecords laws", () => {
  it("reading what was written gives it back", () => {
    const value = fc.uint8Array({ maxLength: 120 }).map((bytes) => Buffer.from(bytes))
    const key = fc.string({ unit: fc.constantFrom("a", "b", "."), minLength: 1, maxLength: 90 })
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(key, value), { selector: ([key]) => key, maxLength: 8 }),
        (attributes) => {
          const bytes = Tar.records(attributes.map(([key, value]) => [`SCHILY.xattr.${key}`, value]))
          const { xattrs } = Either.getOrThrow(Pax.decode(bytes))
          assert.deepStrictEqual(
            [...xattrs].map(([key, value]) => [key as string, Buffer.from(value)]),
            attributes.map(([key, value]) => [key, value])
          )
        }
      )
    )
  })

  it("no bytes make it throw", () => {
    const text = fc.string({
      unit: fc.constantFrom("1", "9", " ", "=", "\n", "a", "path", "size", "GNU.sparse.map")
    })
    fc.assert(
      fc.property(
        fc.oneof(
          text.map((text) => Buffer.from(text)),
          fc.uint8Array()
        ),
        (bytes) => {
          assert.isTrue(Either.isEither(Pax.decode(bytes)))
        }
      ),
      { numRuns: 500 }
    )
  })
})
