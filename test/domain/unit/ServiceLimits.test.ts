import { assert, describe, it } from "@effect/vitest"
import type { ProcessConfig } from "../../../src/domain/image/ImageConfig.ts"
import * as ServiceLimits from "../../../src/domain/unit/ServiceLimits.ts"

const lines = (config: ProcessConfig): readonly string[] =>
  ServiceLimits.directives(config).map(({ key, value }) => `${key}=${value}`)

describe("ServiceLimits.directives", () => {
  for (const [config, expected, unused] of [
    [{}, [], []],
    [{ Memory: 0, MemorySwap: 0, CpuShares: 0 }, [], []],
    [{ Memory: 1024 }, ["MemoryMax=1024"], []],
    [{ Memory: 1024, MemorySwap: 1024 }, ["MemoryMax=1024", "MemorySwapMax=0"], []],
    [{ Memory: 1024, MemorySwap: 4096 }, ["MemoryMax=1024", "MemorySwapMax=3072"], []],
    [{ Memory: 1024, MemorySwap: -1 }, ["MemoryMax=1024"], []],
    [{ Memory: 1024, MemorySwap: 512 }, ["MemoryMax=1024"], ["MemorySwap"]],
    [{ MemorySwap: 512 }, [], ["MemorySwap"]],
    [{ Memory: -5 }, [], []],
    [{ CpuShares: 1024 }, ["CPUWeight=100"], []]
  ] as const) {
    it(`${JSON.stringify(config)} is ${expected.join(", ") || "nothing"}`, () => {
      assert.deepStrictEqual(lines(config), expected)
      assert.deepStrictEqual(ServiceLimits.unused(config), unused)
    })
  }
})

describe("ServiceLimits.cpuWeight", () => {
  for (const [shares, weight] of [
    [1, 1],
    [2, 1],
    [1024, 100],
    [262_144, 10_000],
    [10_000_000, 10_000]
  ] as const) {
    it(`${shares} shares weigh ${weight}`, () => assert.strictEqual(ServiceLimits.cpuWeight(shares), weight))
  }

  it("more shares never weigh less, and always something that systemd takes", () => {
    let before = 1
    for (let shares = 1; shares <= 262_144; shares += 97) {
      const weight = ServiceLimits.cpuWeight(shares)
      assert.isTrue(Number.isInteger(weight) && weight >= before && weight <= 10_000)
      before = weight
    }
  })
})

describe("ServiceLimits.stopTimeout", () => {
  for (const [StopTimeout, profile, version, expected] of [
    [undefined, "default", 252, []],
    [undefined, "default", 262, ["TimeoutStopSec=10"]],
    [undefined, "trusted", 262, []],
    [30, "trusted", 252, ["TimeoutStopSec=30"]],
    [0, "default", 262, ["TimeoutStopSec=1ms"]],
    [-1, "default", 262, ["TimeoutStopSec=infinity"]],
    [Number.MAX_SAFE_INTEGER, "default", 262, ["TimeoutStopSec=infinity"]],
    [-2, "default", 262, ["TimeoutStopSec=10"]],
    [-2, "default", 252, []]
  ] as const) {
    it(`${StopTimeout} with ${profile} on ${version} is ${expected.join() || "systemd's own"}`, () =>
      assert.deepStrictEqual(
        ServiceLimits.stopTimeout(StopTimeout === undefined ? {} : { StopTimeout }, profile, version).map(
          ({ key, value }) => `${key}=${value}`
        ),
        [...expected]
      ))
  }
})
