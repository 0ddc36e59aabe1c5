import { assert, describe, it } from "@effect/vitest"
import type { ProcessConfig } from "../../../src/domain/image/ImageConfig.ts"
import * as DirectiveSource from "../../../src/domain/unit/DirectiveSource.ts"
import * as ServiceLimits from "../../../src/domain/unit/ServiceLimits.ts"

const lines = (config: ProcessConfig): readonly string[] =>
  ServiceLimits.directives(config).map(({ key, value }) => `${key}=${value}`)

const ALONE = DirectiveSource.profile("default")

const stop = (
  config: ProcessConfig,
  settings: Parameters<typeof ServiceLimits.stopTimeout>[1],
  isProcessOne: DirectiveSource.DirectiveSource | undefined
): readonly string[] =>
  ServiceLimits.stopTimeout(config, settings, {}, isProcessOne).map(({ key, value }) => `${key}=${value}`)

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
    [{ CpuShares: 1024 }, ["CPUWeight=100"], []],
    [{ CpuShares: 512 }, ["CPUWeight=59"], []],
    // An image cannot take processor time from others.
    [{ CpuShares: 262_144 }, ["CPUWeight=100"], []]
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
  for (const [StopTimeout, isolation, expected] of [
    [undefined, undefined, []],
    [undefined, ALONE, ["TimeoutStopSec=10"]],
    [undefined, undefined, []],
    [30, undefined, ["TimeoutStopSec=30"]],
    [600, undefined, ["TimeoutStopSec=600"]],
    // An image cannot hold up a shutdown for longer.
    [601, undefined, ["TimeoutStopSec=600"]],
    [2_147_483_647, undefined, ["TimeoutStopSec=600"]],
    [0, ALONE, ["TimeoutStopSec=1ms"]],
    [-1, ALONE, ["TimeoutStopSec=600"]],
    [Number.MAX_SAFE_INTEGER, ALONE, ["TimeoutStopSec=600"]],
    [-2, ALONE, ["TimeoutStopSec=10"]],
    [-2, undefined, []]
  ] as const) {
    it(`${StopTimeout} ${isolation ? "as process 1" : "with the host's processes"} is ${expected.join() || "systemd's own"}`, () =>
      assert.deepStrictEqual(
        stop(StopTimeout === undefined ? {} : { StopTimeout }, { stoptimeout: undefined }, isolation),
        [...expected]
      ))
  }

  it("the configuration gives more, or less", () => {
    const config = { StopTimeout: 2_147_483_647 }
    for (const [stoptimeout, expected] of [
      [3_600_000, "3600"],
      [500, "0.5"],
      [0, "1ms"]
    ] as const) {
      assert.deepStrictEqual(stop(config, { stoptimeout }, undefined), [`TimeoutStopSec=${expected}`])
      assert.deepStrictEqual(ServiceLimits.notes(config, { stoptimeout }), [])
    }
  })
})

describe("ServiceLimits.notes", () => {
  for (const [config, expected] of [
    [{}, ""],
    [{ StopTimeout: 600, CpuShares: 1024 }, ""],
    [{ StopTimeout: -2, CpuShares: -1 }, ""],
    [{ StopTimeout: 601 }, "asks for 601 seconds to stop and gets 600 seconds"],
    [{ StopTimeout: -1 }, "asks for any time to stop and gets 600 seconds"],
    [{ CpuShares: 262_144 }, "asks for 262144 CPU shares and gets 1024"]
  ] as const) {
    it(`${JSON.stringify(config)} has ${expected === "" ? "none" : `one: ${expected}`}`, () =>
      assert.include(ServiceLimits.notes(config, { stoptimeout: undefined }).join(), expected))
  }
})
