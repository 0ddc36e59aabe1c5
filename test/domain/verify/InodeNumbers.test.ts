import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { InodeNumbers } from "../../../src/domain/verify/InodeNumbers.ts"
import { runs } from "../../support/layerArbitraries.ts"

describe("InodeNumbers", () => {
  it("answers as a map does, whatever the numbers", () => {
    const number = fc.oneof(fc.bigInt(1n, 20n), fc.bigInt(1n, 2n ** 64n - 1n))
    fc.assert(
      fc.property(fc.array(number, { maxLength: 1000 }), fc.nat(1000), (numbers, expected) => {
        const table = new InodeNumbers(expected)
        const oracle = new Map<bigint, number>()
        numbers.forEach((number, node) => {
          if (!oracle.has(number)) oracle.set(number, node)
          assert.strictEqual(table.claim(number, node), oracle.get(number))
        })
      }),
      runs
    )
  })

  it("takes a million in a row, as file systems give them", () => {
    const table = new InodeNumbers()
    for (let node = 0; node < 1_000_000; node++)
      assert.strictEqual(table.claim(BigInt(node + 11), node), node)
    for (let node = 0; node < 1_000_000; node += 1000) {
      assert.strictEqual(table.claim(BigInt(node + 11), -1), node)
    }
  })
})
