/** The space of units: no set of images takes more than there is, and one layout does not take another's. */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { literal } from "../../../src/domain/systemd/UnitValue.ts"
import { directive } from "../../../src/domain/unit/UnitFile.ts"
import { sizeOf, UnitSpace } from "../../../src/domain/unit/UnitSpace.ts"

const units = (length: number) => ({
  files: [
    {
      name: "a.service",
      comments: [],
      sections: [
        { name: "Service" as const, directives: [directive("ExecStart", literal("x".repeat(length)))] }
      ]
    }
  ],
  links: []
})

describe("UnitSpace", () => {
  it("never gives more than there is, of all and of each layout", () => {
    const image = fc.record({
      layout: fc.constantFrom("a", "b", "c"),
      length: fc.integer({ min: 1, max: 50_000 }),
      kind: fc.constantFrom<"units" | "stub">("units", "stub")
    })
    fc.assert(
      fc.property(fc.array(image, { maxLength: 60 }), (images) => {
        const space = new UnitSpace({ maxunitbytes: 300_000, maxlayoutunitbytes: 150_000 })
        const taken = new Map<string, number>()
        for (const { kind, layout, length } of images) {
          if (space.take(layout, units(length), kind) !== undefined) continue
          taken.set(layout, (taken.get(layout) ?? 0) + sizeOf(units(length)))
        }
        for (const size of taken.values()) assert.isAtMost(size, 150_000)
        assert.isAtMost(
          [...taken.values()].reduce((sum, size) => sum + size, 0),
          300_000
        )
      })
    )
  })

  it("keeps a part for stubs, and says which limit was met", () => {
    const space = new UnitSpace({ maxunitbytes: 300_000, maxlayoutunitbytes: 150_000 })
    while (space.take("a", units(10_000), "units") === undefined) {}
    assert.include(space.take("a", units(10_000), "units") ?? "", "maxlayoutunitbytes = 150000")
    assert.isUndefined(space.take("a", units(100), "stub"))
    assert.isUndefined(space.take("b", units(10_000), "units"))
    while (space.take("b", units(10_000), "units") === undefined) {}
    while (space.take("c", units(100), "stub") === undefined) {}
    assert.include(space.take("d", units(100), "units") ?? "", "maxunitbytes = 300000")
  })

  it("counts whole pages, and every character's bytes", () => {
    assert.strictEqual(sizeOf(units(10)), 4096 + 1024)
    assert.strictEqual(sizeOf(units(4096)), 2 * 4096 + 1024)
    const long = { ...units(1), files: [{ name: "a", comments: ["€".repeat(4000)], sections: [] }] }
    assert.strictEqual(sizeOf(long), 3 * 4096 + 1024)
    assert.strictEqual(sizeOf({ files: [], links: [{ path: "a", target: "b" }] }), 1024)
  })
})
