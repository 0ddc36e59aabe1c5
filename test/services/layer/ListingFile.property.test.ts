/** A listing holds what was put into it, however large or odd. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { LayerEntry, type Metadata } from "../../../src/domain/archive/LayerEntry.ts"
import { maySpeak } from "../../../src/domain/layer/LayerPath.ts"
import type { ByteString } from "../../../src/domain/text/ByteString.ts"
import * as ListingFile from "../../../src/services/layer/ListingFile.ts"
import { runs } from "../../support/layerArbitraries.ts"

const bytes = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((array) => String.fromCharCode(...array) as ByteString)
const name = fc.oneof(
  { weight: 9, arbitrary: bytes(40) },
  bytes(9).map((text) => `a/.wh.${text}` as ByteString)
)
const metadata: fc.Arbitrary<Metadata> = fc.record({
  mode: fc.nat(0o7777),
  uid: fc.nat(2 ** 32 - 2),
  gid: fc.nat(2 ** 32 - 2),
  mtime: fc.record({
    seconds: fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }),
    nanoseconds: fc.nat(999_999_999)
  }),
  xattrs: fc
    .array(fc.tuple(name, fc.uint8Array({ maxLength: 100 })), { maxLength: 3 })
    .map((pairs) => new Map(pairs))
})
const LAYER = 7
const entry: fc.Arbitrary<LayerEntry> = fc.oneof(
  fc
    .record({
      path: name,
      metadata,
      size: fc.nat(Number.MAX_SAFE_INTEGER),
      content: fc.record(
        {
          layer: fc.constant(LAYER),
          offset: fc.nat(Number.MAX_SAFE_INTEGER),
          runs: fc.array(fc.nat(Number.MAX_SAFE_INTEGER), { maxLength: 6 })
        },
        { requiredKeys: ["layer", "offset"] }
      )
    })
    .map(LayerEntry.File),
  fc.record({ path: name, metadata }).map(LayerEntry.Directory),
  fc.record({ path: name, metadata }).map(LayerEntry.Fifo),
  fc.record({ path: name, metadata, target: name }).map(LayerEntry.Symlink),
  fc.record({ path: name, target: name }).map(LayerEntry.Hardlink),
  fc
    .record({ path: name, metadata, major: fc.nat(4095), minor: fc.nat(2 ** 20 - 1) })
    .chain((device) => fc.constantFrom(LayerEntry.CharacterDevice(device), LayerEntry.BlockDevice(device)))
)

const through = (entries: ReadonlyArray<LayerEntry>): ReadonlyArray<LayerEntry> => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "listing-"))
  try {
    const file = `${directory}/listing`
    const writer = new ListingFile.ListingWriter(file)
    for (const one of entries) writer.add(one)
    writer.end(0)
    writer.close()
    const listed = ListingFile.entries(file, LAYER)
    const first = [...listed]
    // It is gone through as often as one likes.
    assert.deepStrictEqual([...listed], first)
    const merged = ListingFile.layer(file, LAYER)
    assert.deepStrictEqual([...merged.entries], first)
    assert.strictEqual(
      merged.mayHide,
      entries.some(({ path }) => maySpeak(path))
    )
    return first
  } finally {
    fs.rmSync(directory, { recursive: true })
  }
}

describe("a listing read back", () => {
  it("is what was written", () =>
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 20 }), (entries) =>
        assert.deepStrictEqual(through(entries), entries)
      ),
      runs
    ))

  it("is so for records that are larger than every buffer, and for many", () => {
    const value = new Uint8Array(300_000).fill(7)
    const huge = LayerEntry.Directory({
      path: "huge" as ByteString,
      metadata: {
        mode: 0o755,
        uid: 0,
        gid: 0,
        mtime: { seconds: 0, nanoseconds: 0 },
        xattrs: new Map([["user.a" as ByteString, value]])
      }
    })
    const many = Array.from({ length: 20_000 }, (_, number) =>
      LayerEntry.Hardlink({ path: `${number}` as ByteString, target: "target" as ByteString })
    )
    const entries = [...many, huge, ...many, huge, huge]
    assert.deepStrictEqual(through(entries), entries)
  })

  it("is an error when it is cut off, or no listing", () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "listing-"))
    try {
      const file = `${directory}/listing`
      const writer = new ListingFile.ListingWriter(file)
      writer.add(LayerEntry.Hardlink({ path: "a" as ByteString, target: "b" as ByteString }))
      writer.end(0)
      writer.close()
      const whole = fs.readFileSync(file)
      for (const part of [
        whole.subarray(0, -1),
        whole.subarray(0, 10),
        whole.subarray(0, 30),
        Buffer.from("x")
      ]) {
        fs.writeFileSync(file, part)
        assert.throws(() => [...ListingFile.entries(file, LAYER)], /the listing is cut off/)
      }
    } finally {
      fs.rmSync(directory, { recursive: true })
    }
  })
})
