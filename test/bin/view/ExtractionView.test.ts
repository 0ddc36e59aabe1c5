/** What is shown while images are extracted: how far each layer is, how fast, and how long it will take. */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import * as DisplayWidth from "../../../src/bin/text/DisplayWidth.ts"
import * as Style from "../../../src/bin/text/Style.ts"
import * as ExtractionView from "../../../src/bin/view/ExtractionView.ts"
import type { Digest } from "../../../src/domain/document/Digest.ts"
import { ExtractionEvent } from "../../../src/domain/extracts/ExtractionEvent.ts"

const MIB = 2 ** 20
const image = { layout: "example.org/app", ref: "v1" }
const digest = (digit: string) => `sha256:${digit.repeat(64)}` as Digest
const begun = ExtractionEvent.Begun({
  image,
  layers: [
    { digest: digest("a"), size: 100 * MIB },
    { digest: digest("b"), size: 50 * MIB }
  ]
})
const read = (layer: number, mebibytes: number) =>
  ExtractionEvent.LayerRead({ image, layer, read: mebibytes * MIB, entries: 7 })
const ready = (layer: number) =>
  ExtractionEvent.LayerReady({ image, layer, entries: 9, bytes: 300 * MIB, found: false })

const shown = (events: ReadonlyArray<readonly [ExtractionEvent, number]>, now: number, width = 100) =>
  ExtractionView.render(
    events.reduce((view, [event, at]) => ExtractionView.after(view, event, at), ExtractionView.EMPTY),
    now,
    width,
    20
  ).map(Style.strip)

describe("ExtractionView", () => {
  it("shows each layer that is read, with bytes, rate and the time that is left", () =>
    assert.deepEqual(
      shown(
        [
          [begun, 0],
          [read(0, 0), 0],
          [read(0, 20), 2000]
        ],
        2000
      ),
      [
        "example.org/app:v1  0 of 2 layers  ━━──────────────  13%  20.0 MiB of 150 MiB, 10.0 MiB/s, 13 s left",
        "  aaaaaaaaaaaa  ━━━─────────────  20%  20.0 MiB of 100 MiB, 10.0 MiB/s, 8 s left"
      ]
    ))

  it("a layer that is ready is counted, and shown no more", () =>
    assert.deepEqual(
      shown(
        [
          [begun, 0],
          [read(0, 50), 100],
          [ready(0), 200],
          [read(1, 25), 300]
        ],
        400
      ),
      [
        "example.org/app:v1  1 of 2 layers  ━━━━━━━━━━━━━───  83%  125 MiB of 150 MiB",
        "  bbbbbbbbbbbb  ━━━━━━━━────────  50%  25.0 MiB of 50.0 MiB"
      ]
    ))

  it("then the root is written, and then there is nothing more", () => {
    const events: ReadonlyArray<readonly [ExtractionEvent, number]> = [
      [begun, 0],
      [ready(0), 1],
      [ready(1), 2],
      [ExtractionEvent.RootWritten({ image, done: 4096, total: 8192 }), 3]
    ]
    assert.deepEqual(shown(events, 4), ["example.org/app:v1  writing the root  ━━━━━━━━────────  50%"])
    assert.deepEqual(
      shown([...events, [ExtractionEvent.Published({ image, root: "/", found: false }), 5]], 5),
      []
    )
  })

  it("no line is wider than the terminal, whatever the image is called", () =>
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", minLength: 1 }),
        fc.integer({ min: 1, max: 120 }),
        (ref, width) => {
          const events = [begun, read(0, 20), read(1, 3)].map(
            (event, at) => [{ ...event, image: { ...image, ref } } as ExtractionEvent, at * 900] as const
          )
          for (const line of shown(events, 3000, width)) assert.isAtMost(DisplayWidth.of(line), width)
        }
      )
    ))
})
