/** Rule 24 of docs/layers.md, for each zstd decoder alike. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { decompress } from "../../../src/services/layer/Decompression.ts"
import * as LayerError from "../../../src/services/layer/LayerError.ts"
import * as ZstdDecoder from "../../../src/services/layer/ZstdDecoder.ts"

const available = await ZstdDecoder.available()

/** Returns a frame of raw blocks of this many bytes: a single segment with its size in four bytes. */
const stored = (bytes: Uint8Array, block = 1 << 17) => {
  const size = Buffer.alloc(4)
  size.writeUInt32LE(bytes.length)
  const parts = [Buffer.from("28b52ffda0", "hex"), size]
  for (let at = 0; at === 0 || at < bytes.length; at += block) {
    const data = bytes.subarray(at, at + block)
    const head = Buffer.alloc(4)
    head.writeUInt32LE((data.length << 3) | (at + data.length >= bytes.length ? 1 : 0))
    parts.push(head.subarray(0, 3), Buffer.from(data))
  }
  return Buffer.concat(parts)
}
const SKIPPABLE = Buffer.from("5a2a4d1802000000abcd", "hex")
const text = Buffer.from("hello\n".repeat(100))
/** Of one RLE block: `x` four thousand times, with a window descriptor. */
const window = (descriptor: number) =>
  Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, descriptor, 0x03, 0x7d, 0x00, 0x78])

const inPieces = (bytes: Uint8Array, sizes: ReadonlyArray<number>) => {
  let at = 0
  let turn = 0
  return async () => {
    if (at >= bytes.length) return undefined
    const size = sizes[turn++ % sizes.length] ?? bytes.length
    const piece = bytes.subarray(at, at + size)
    at += size
    return piece
  }
}
const all = async (bytes: Uint8Array, decoder: ZstdDecoder.ZstdDecoder, sizes = [1 << 20]) => {
  const out: Array<Buffer> = []
  for await (const chunk of decompress("zstd", inPieces(bytes, sizes), { zstd: decoder }))
    out.push(Buffer.from(chunk))
  return Buffer.concat(out)
}
const refused = async (run: Promise<unknown>): Promise<string> =>
  run.then(
    () => assert.fail("it should have failed"),
    (cause: Error) => cause.message
  )

const large = Buffer.alloc(5_000_000, "0123456789abcdef.")
const good: ReadonlyArray<readonly [string, Uint8Array, Uint8Array]> = [
  ["one frame", stored(text), text],
  ["several frames", Buffer.concat([stored(text), stored(text)]), Buffer.concat([text, text])],
  ["skippable frames", Buffer.concat([SKIPPABLE, stored(text), SKIPPABLE]), text],
  ["an empty frame", Buffer.concat([stored(text), stored(new Uint8Array(0))]), text],
  ["zeros after it", Buffer.concat([stored(text), Buffer.alloc(3_000_000)]), text],
  ["more than every buffer", stored(large), large],
  ["a frame a byte", Buffer.concat([...text].map((byte) => stored(Uint8Array.of(byte)))), text],
  ["a window of 128 MiB", window(17 << 3), Buffer.alloc(4000, "x")]
]
const bad: ReadonlyArray<readonly [string, Uint8Array, string]> = [
  ["cut off", stored(text).subarray(0, -1), "cut off"],
  ["cut off in a skippable frame", Buffer.concat([stored(text), SKIPPABLE.subarray(0, -1)]), "cut off"],
  ["garbage after it", Buffer.concat([stored(text), Buffer.from("garbage")]), "garbage"],
  ["garbage after zeros", Buffer.concat([stored(text), Buffer.alloc(50), Buffer.from("x")]), "garbage"],
  [
    "a window over 128 MiB",
    window((17 << 3) | 1),
    "needs a window of 150994944 bytes, over the limit of 134217728"
  ],
  ["a dictionary", Buffer.from("28b52ffd2107010100006100", "hex"), "dictionary 7"],
  ["a reserved bit", Buffer.from("28b52ffd280109000061", "hex"), "reserved"],
  ["a size that is not so", Buffer.from("28b52ffd200209000061", "hex"), "damaged"],
  ["a compressed block of nonsense", Buffer.from("28b52ffd20200d0000ff", "hex"), "damaged"]
]

for (const decoder of ZstdDecoder.DECODERS) {
  describe.skipIf(!available.includes(decoder))(`zstd by the decoder "${decoder}"`, () => {
    for (const [name, bytes, expected] of good) {
      it(`takes ${name}`, async () => {
        assert.isTrue((await all(bytes, decoder)).equals(expected))
      })
    }
    for (const [name, bytes, words] of bad) {
      it(`refuses ${name}`, async () => {
        assert.include(await refused(all(bytes, decoder)), words)
      })
    }
    it("gives back what was put in frames, however it is cut", async () => {
      const frame = fc.tuple(fc.uint8Array({ maxLength: 3000 }), fc.integer({ min: 1, max: 900 }))
      const sizes = fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 5 })
      await fc.assert(
        fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 5 }), sizes, async (frames, cuts) => {
          const bytes = Buffer.concat(frames.map(([data, block]) => stored(data, block)))
          const back = await all(bytes, decoder, cuts)
          assert.isTrue(back.equals(Buffer.concat(frames.map(([data]) => data))))
        }),
        { numRuns: 60 }
      )
    })
    it("stops when nobody wants more", async () => {
      for await (const chunk of decompress("zstd", inPieces(stored(large), [1 << 20]), { zstd: decoder })) {
        assert.isAbove(chunk.length, 0)
        break
      }
    })
  })
}

it("a decoder that is not there is named", async () => {
  for (const decoder of ZstdDecoder.DECODERS) {
    if (available.includes(decoder)) continue
    assert.include(await refused(all(stored(text), decoder)), `"${decoder}" is not available`)
  }
})

it("a machine without any decoder is told what to install, and the layer is not called damaged", () => {
  const error = LayerError.ofData("x", new ZstdDecoder.ZstdDecoderUnavailable({ decoder: undefined }))
  assert.equal(error?._tag, "LayerDecoderMissing")
  assert.match(
    error?.message ?? "",
    /^layer x: nothing here decompresses zstd: Node .* cannot, and libzstd\.so\.1 cannot be loaded; install libzstd/
  )
  assert.isTrue(error !== undefined && LayerError.isOfMachine(error))
})
