import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import * as Resemblance from "../../../src/domain/naming/Resemblance.ts"

const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 8 })

describe("Resemblance", () => {
  it.each([
    ["lst", ["list", "inspect"], ["list"]],
    ["extarct", ["extract", "verify"], ["extract"]],
    ["myapp", ["myorg.com/myapp:stable", "other:v1"], ["myorg.com/myapp:stable"]],
    ["frobnicate", ["list", "inspect"], []],
    ["", ["list"], []]
  ])("%j of %j: %j", (wanted, known, near) => assert.deepEqual(Resemblance.nearest(wanted, known), near))

  it("a word is at no distance from itself alone, and as far from another as that is from it", () =>
    fc.assert(
      fc.property(word, word, (a, b) => {
        assert.equal(Resemblance.distance(a, b) === 0, a === b)
        assert.equal(Resemblance.distance(a, b), Resemblance.distance(b, a))
        assert.isAtMost(Resemblance.distance(a, b), Math.max(a.length, b.length))
      })
    ))
})
