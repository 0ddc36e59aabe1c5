import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as HealthSettings from "../../../src/domain/settings/HealthSettings.ts"
import * as TimeSpan from "../../../src/domain/systemd/TimeSpan.ts"
import { refuse } from "../../../src/domain/text/ValueRefused.ts"

const { KEYS } = HealthSettings
const NOTHING: HealthSettings.HealthSettings = {
  healthcmd: undefined,
  healthinterval: undefined,
  healthtimeout: undefined,
  healthretries: undefined,
  healthstartperiod: undefined,
  healthstartinterval: undefined
}

describe("healthcmd", () => {
  for (const [text, test] of [
    ["", undefined],
    ["none", ["NONE"]],
    ["NONE", ["NONE"]],
    ['["NONE"]', ["NONE"]],
    ["None", ["NONE"]],
    ["NONE at all", ["NONE"]],
    ["nonesuch", ["CMD-SHELL", "nonesuch"]],
    ["CMD-SHELL curl -f http://localhost/ || exit 1", ["CMD-SHELL", "curl -f http://localhost/ || exit 1"]],
    ["cmd-shell  test -e '/a  b'", ["CMD-SHELL", "test -e '/a  b'"]],
    ["CMD-SHELLS", ["CMD-SHELL", "CMD-SHELLS"]],
    ["CMD pg_isready  -q", ["CMD", "pg_isready", "-q"]],
    ['Cmd ["pg_isready", "-d", "a b"]', ["CMD", "pg_isready", "-d", "a b"]],
    ["cmdline --check", ["CMD-SHELL", "cmdline --check"]],
    ['["cmd", "check"]', ["CMD", "check"]],
    ['["none", "x"]', ["NONE"]],
    ["curl -f http://localhost/ || exit 1", ["CMD-SHELL", "curl -f http://localhost/ || exit 1"]],
    ['a "b"; c # d', ["CMD-SHELL", 'a "b"; c # d']],
    ["[ -e /ready ]", ["CMD-SHELL", "[ -e /ready ]"]],
    ['[ "$(cat /ready)" = yes ]', ["CMD-SHELL", '[ "$(cat /ready)" = yes ]']],
    ["true", ["CMD-SHELL", "true"]],
    ['["pg_isready", "-q", ""]', ["CMD", "pg_isready", "-q", ""]],
    [' [ "a" ]'.trim(), ["CMD", "a"]],
    ['["CMD", "check", "%n $X"]', ["CMD", "check", "%n $X"]],
    ['["CMD-SHELL", "none"]', ["CMD-SHELL", "none"]]
  ] as const) {
    it(`${text} is ${JSON.stringify(test)}, and so when it is printed`, () => {
      assert.deepStrictEqual(KEYS.healthcmd.parse(text), Either.right(test))
      assert.deepStrictEqual(KEYS.healthcmd.parse(KEYS.healthcmd.print(test)), Either.right(test))
    })
  }

  for (const text of [
    "[]",
    '["a", 1]',
    '["a",',
    '[""]',
    '["CMD"]',
    "CMD",
    "CMD ",
    "CMD-SHELL",
    "cmd []",
    'CMD ["a", 1]',
    '["CMD-SHELL", ""]',
    "[1]",
    '["a\\u0000"]',
    "a\0"
  ])
    it(`${JSON.stringify(text)} is refused`, () => assert.isTrue(Either.isLeft(KEYS.healthcmd.parse(text))))
})

describe("TimeSpan", () => {
  for (const [text, milliseconds] of [
    ["30", 30_000],
    ["0", 0],
    ["1.5", 1500],
    ["30s", 30_000],
    ["500ms", 500],
    ["1m30s", 90_000],
    ["1min 30s", 90_000],
    ["1h 2m 3s 4ms", 3_723_004],
    ["1.1s", 1100],
    ["8760h", TimeSpan.LONGEST]
  ] as const) {
    it(`${text} is ${milliseconds} ms, and so when it is printed`, () => {
      assert.deepStrictEqual(TimeSpan.parse(text), Either.right(milliseconds))
      assert.deepStrictEqual(TimeSpan.parse(TimeSpan.print(milliseconds)), Either.right(milliseconds))
    })
  }

  for (const text of [
    "",
    " ",
    "-1s",
    "s",
    "1 s",
    "1d",
    "1m30",
    "1e3s",
    ".5s",
    "1,5s",
    "1s\n",
    "8761h",
    "1s;",
    "disable"
  ])
    it(`${JSON.stringify(text)} is none`, () => assert.isTrue(Either.isLeft(TimeSpan.parse(text))))

  it("of checks is more than 0, but for the start period", () => {
    for (const key of ["healthinterval", "healthtimeout", "healthstartinterval"] as const)
      assert.deepStrictEqual(KEYS[key].parse("0s"), refuse("a time of more than 0 is expected"))
    assert.deepStrictEqual(KEYS.healthstartperiod.parse("0"), Either.right(0))
  })
})

describe("HealthSettings.over", () => {
  const image = { Test: ["CMD", "check"], Interval: 5e9, StartPeriod: 60e9, Retries: 2 }

  it("leaves the image's as it is where nothing is said", () => {
    assert.strictEqual(HealthSettings.over(image, NOTHING), image)
    assert.isUndefined(HealthSettings.over(undefined, NOTHING))
  })

  it("puts each key in the place of one field", () =>
    assert.deepStrictEqual(
      HealthSettings.over(image, {
        ...NOTHING,
        healthcmd: ["CMD-SHELL", "true"],
        healthtimeout: 1500,
        healthretries: 1,
        healthstartperiod: 0
      }),
      { Test: ["CMD-SHELL", "true"], Interval: 5e9, Timeout: 1.5e9, StartPeriod: 0, Retries: 1 }
    ))

  it("an image is not checked more than once a second, unless the configuration says so", () => {
    const hectic = { Test: ["CMD", "check"], Interval: 1, StartInterval: 999_999_999 }
    assert.deepStrictEqual(HealthSettings.over(hectic, NOTHING), {
      ...hectic,
      Interval: 1e9,
      StartInterval: 1e9
    })
    assert.deepStrictEqual(HealthSettings.over(hectic, { ...NOTHING, healthinterval: 200 }), {
      ...hectic,
      Interval: 2e8,
      StartInterval: 1e9
    })
  })

  it("gives one to an image that has none", () =>
    assert.deepStrictEqual(
      HealthSettings.over(undefined, { ...NOTHING, healthcmd: ["CMD", "x"], healthinterval: 10_000 }),
      { Test: ["CMD", "x"], Interval: 10e9 }
    ))
})
