/** What a log says of an extraction: the first start of a large image is not silent, and that of a small one is short. */
import { assert, it } from "vitest"
import * as ExtractionProgress from "../../../src/bin/view/ExtractionProgress.ts"
import type { Digest } from "../../../src/domain/document/Digest.ts"
import { ExtractionEvent } from "../../../src/domain/extracts/ExtractionEvent.ts"

const image = { layout: "library/big", ref: "v1" }
const MIB = 1 << 20
const digest = `sha256:${"0".repeat(64)}` as Digest

it("tells of the beginning, of layers, and every few seconds of what has been read", () => {
  const lines = ExtractionProgress.lines()
  const sizes = [100 * MIB, 20 * MIB]
  const layers = sizes.map((size) => ({ digest, size }))
  assert.deepEqual(lines(ExtractionEvent.Begun({ image, layers }), 0), ["library/big:v1: 2 layers, 120 MiB"])
  const read = (layer: number, mebibytes: number, now: number) =>
    lines(ExtractionEvent.LayerRead({ image, layer, read: mebibytes * MIB, entries: 1 }), now)
  assert.deepEqual(read(0, 10, 1000), [])
  assert.deepEqual(read(1, 5, 4999), [])
  assert.deepEqual(read(0, 50, 5000), ["library/big:v1: 55.0 MiB of 120 MiB have been read"])
  assert.deepEqual(read(0, 51, 5001), [])
  const ready = ExtractionEvent.LayerReady({ image, layer: 1, entries: 1, bytes: 30 * MIB, found: false })
  assert.deepEqual(lines(ready, 7000), ["library/big:v1: layer 2 of 2: 1 entry, 30.0 MiB unpacked"])
  assert.deepEqual(read(0, 90, 11_999), [])
  assert.deepEqual(read(0, 91, 12_000), ["library/big:v1: 96.0 MiB of 120 MiB have been read"])
})

it("says nothing of what it was not told the beginning of", () => {
  const event = ExtractionEvent.LayerRead({ image, layer: 0, read: MIB, entries: 1 })
  assert.deepEqual(ExtractionProgress.lines()(event, 60_000), [])
})
