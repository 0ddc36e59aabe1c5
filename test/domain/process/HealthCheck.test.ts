import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import type { ProcessConfig } from "../../../src/domain/image/ImageConfig.ts"
import * as HealthCheck from "../../../src/domain/process/HealthCheck.ts"

const check = (config: Pick<ProcessConfig, "Healthcheck" | "Shell">) =>
  HealthCheck.fromConfig(config, "/work", [{ name: "PATH", value: "/opt:/bin" }])
const found = (config: Pick<ProcessConfig, "Healthcheck" | "Shell">) => Either.getOrThrow(check(config))

const SECOND = 1_000_000_000

describe("HealthCheck.fromConfig", () => {
  it("none where the image has none, inherits one, or wants none", () => {
    for (const config of [
      {},
      { Healthcheck: {} },
      { Healthcheck: { Test: [] } },
      { Healthcheck: { Test: ["NONE"] } }
    ]) {
      assert.isUndefined(found(config))
    }
  })

  it("a command as it is, with Docker's defaults", () =>
    assert.deepStrictEqual(found({ Healthcheck: { Test: ["CMD", "check", ""] } }), {
      command: { argv: ["check", ""], path: undefined, searchPath: ["/opt", "/bin"] },
      interval: 30_000,
      timeout: 30_000,
      startPeriod: 0,
      startInterval: 5_000,
      retries: 3,
      declared: { Test: ["CMD", "check", ""] }
    }))

  it("a relative program from the working directory", () =>
    assert.strictEqual(found({ Healthcheck: { Test: ["CMD", "./check"] } })?.command.path, "/work/check"))

  it("a script for the image's shell", () => {
    const Healthcheck = { Test: ["CMD-SHELL", "true || exit 1"] }
    assert.deepStrictEqual(found({ Healthcheck })?.command.argv, ["/bin/sh", "-c", "true || exit 1"])
    assert.deepStrictEqual(found({ Healthcheck, Shell: ["/bin/bash", "-euc"] })?.command.argv, [
      "/bin/bash",
      "-euc",
      "true || exit 1"
    ])
  })

  it("retries are a number that a shell can count to", () => {
    for (const [Retries, retries] of [
      [1.5, 2],
      [1e30, 1_000_000],
      [-1, 3]
    ] as const) {
      assert.strictEqual(found({ Healthcheck: { Test: ["CMD", "x"], Retries } })?.retries, retries)
    }
  })

  it("times in milliseconds, never none", () => {
    const times = found({
      Healthcheck: {
        Test: ["CMD", "x"],
        Interval: 1,
        Timeout: 2.5 * SECOND,
        StartPeriod: 60 * SECOND,
        StartInterval: SECOND,
        Retries: 7
      }
    })
    assert.deepInclude(times, {
      interval: 1,
      timeout: 2500,
      startPeriod: 60_000,
      startInterval: 1000,
      retries: 7
    })
    const odd = found({ Healthcheck: { Test: ["CMD", "x"], Interval: -1, Timeout: 0, Retries: -2 } })
    assert.deepInclude(odd, { interval: 30_000, timeout: 30_000, retries: 3 })
  })

  for (const Test of [["CMD"], ["CMD", ""], ["CMD-SHELL"], ["EXEC", "x"]]) {
    it(`tells that ${JSON.stringify(Test)} is none`, () =>
      assert.match(Either.isLeft(check({ Healthcheck: { Test } })) ? "refused" : "taken", /refused/))
  }
})
