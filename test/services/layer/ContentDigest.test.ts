import { createHash } from "node:crypto"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { ContentDigest } from "../../../src/services/layer/ContentDigest.ts"
import { runs } from "../../support/layerArbitraries.ts"

const BLOCK = 1 << 16

/** Runs of one byte, in eighths of a block: most of what can go wrong is at the ends of blocks. */
type Runs = ReadonlyArray<readonly [byte: number, length: number]>

const bytesOf = (content: Runs): Buffer =>
  Buffer.concat(content.map(([byte, length]) => Buffer.alloc(length, byte)))

/** In pieces; with `holes`, zeros are left out. */
const digestOf = (content: Runs, piece: number, holes: boolean, digest = new ContentDigest()): string => {
  let position = 0
  for (const [byte, length] of content) {
    const bytes = Buffer.alloc(length, byte)
    for (let at = 0; at < length && !(holes && byte === 0); at += piece) {
      digest.write(bytes, at, Math.min(piece, length - at), position + at)
    }
    position += length
  }
  return digest.end(position).toString("hex")
}

const content: fc.Arbitrary<Runs> = fc.array(
  fc.tuple(
    fc.constantFrom(0, 1, 2),
    fc.oneof(fc.constantFrom(1, BLOCK / 8, BLOCK, BLOCK + 1, 3 * BLOCK), fc.nat(BLOCK))
  ),
  { maxLength: 5 }
)
const piece = fc.constantFrom(1000, BLOCK / 2, BLOCK, 2 * BLOCK + 7, 2 ** 24)

describe("ContentDigest", () => {
  it("is the same however the data comes, and for holes as for zeros", () =>
    fc.assert(
      fc.property(content, piece, piece, (content, one, other) => {
        const digest = new ContentDigest()
        const first = digestOf(content, one, false, digest)
        assert.strictEqual(digestOf(content, other, true, digest), first)
      }),
      runs
    ))

  it("tells contents of one size apart", () =>
    fc.assert(
      fc.property(content, fc.nat(), fc.constantFrom(0, 1), (content, place, byte) => {
        const bytes = bytesOf(content)
        fc.pre(bytes.length > 0)
        const at = place % bytes.length
        const changed = bytes[at] === byte ? 3 : byte
        const before = digestOf([...content], BLOCK, false)
        const digest = new ContentDigest()
        digest.write(bytes, 0, at, 0)
        digest.write(Buffer.of(changed), 0, 1, at)
        digest.write(bytes, at + 1, bytes.length - at - 1, at + 1)
        assert.notStrictEqual(digest.end(bytes.length).toString("hex"), before)
      }),
      runs
    ))

  it("is the plain SHA-256 where no block is all zeros", () => {
    const bytes = Buffer.alloc(3 * BLOCK + 5, 7)
    const digest = new ContentDigest()
    digest.write(bytes, 0, bytes.length, 0)
    assert.strictEqual(
      digest.end(bytes.length).toString("hex"),
      createHash("sha256").update(bytes).digest("hex")
    )
    assert.strictEqual(digest.end(0).toString("hex"), createHash("sha256").digest("hex"))
  })

  it("tells where the zeros are, even between blocks that look like the list of them", () => {
    const zeros = [0, BLOCK] as const
    const ones = [1, BLOCK] as const
    const orders: ReadonlyArray<Runs> = [
      [zeros, ones, ones],
      [ones, zeros, ones],
      [ones, ones, zeros],
      [zeros, zeros, ones]
    ]
    assert.lengthOf(new Set(orders.map((content) => digestOf(content, BLOCK, false))), orders.length)
  })

  it("is done at once with a hole of a terabyte", () => {
    const digest = new ContentDigest()
    digest.write(Buffer.from("x"), 0, 1, 2 ** 40)
    const end = digest.end(2 ** 41)
    digest.write(Buffer.from("y"), 0, 1, 2 ** 40)
    assert.notDeepEqual(digest.end(2 ** 41), end)
  })
})
