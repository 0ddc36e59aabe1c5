import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import fc from "fast-check"
import * as StrictJson from "../../../src/domain/document/StrictJson.ts"
import { numRuns } from "../../support/unitArbitraries.ts"

const nested = (depth: number, open: string, close: string) => open.repeat(depth) + close.repeat(depth)

describe("StrictJson.parse", () => {
  for (const text of [
    "{}",
    "[]",
    "null",
    ' {"a": [1, {"a": 2}, {"a": 3}], "b": {"a": 4}} ',
    '{"a": "a", "b": ["a", "a"]}',
    '{"a": "\\"a\\": 1, {", "b": "[]{}\\\\"}',
    '{"a": {"x": 1}, "b": {"x": 2}, "x": 3}',
    '{"__proto__": 1, "constructor": 2}',
    '{"": 1, " ": 2}',
    '{"A": 1, "a": 2}',
    nested(64, "[", "]")
  ]) {
    it(`reads ${text.slice(0, 60)}`, () =>
      assert.deepStrictEqual(Either.getOrThrow(StrictJson.parse(text)), JSON.parse(text)))
  }

  for (const [text, message] of [
    ["", /^not JSON: /],
    ["{", /^not JSON: /],
    ["{'a': 1}", /^not JSON: /],
    ['{"a": 1,}', /^not JSON: /],
    ["\ufeff{}", /^not JSON: /],
    ["{} {}", /^not JSON: /],
    ["NaN", /^not JSON: /],
    ["{\n\u001b[2J\u009b}", /^not JSON: \P{Control}*$/u],
    ['{"a": 1, "a": 1}', /the key "a" appears twice in one object/],
    ['{"a": 1, "b": [{}, "x"], "a": 2}', /the key "a" appears twice/],
    ['{"a": 1, "\\u0061": 2}', /the key "a" appears twice/],
    ['{"b": [{"x": {}, "y": "}", "x": 0}]}', /the key "x" appears twice/],
    ['{"__proto__": 1, "__proto__": 2}', /the key "__proto__" appears twice/],
    ['{"": 1, "": 2}', /the key "" appears twice/],
    ['{"\\"": 1, "\\u0022": 2}', /appears twice/],
    [nested(65, "[", "]"), /nested more than 64 deep/],
    [nested(200_000, "[", "]"), /nested more than 64 deep|not JSON/]
  ] as const) {
    it(`refuses ${text.slice(0, 60)}`, () => {
      const parsed = StrictJson.parse(text)
      if (Either.isRight(parsed)) assert.fail("parsed")
      assert.match(parsed.left.message, message)
    })
  }

  it("what JSON.stringify wrote is read as JSON.parse reads it", () =>
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), fc.constantFrom("", " ", "\t"), (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        assert.deepStrictEqual(Either.getOrThrow(StrictJson.parse(text)), JSON.parse(text))
      }),
      { numRuns }
    ))

  it("a key written twice is found wherever it is", () =>
    fc.assert(
      fc.property(fc.array(fc.jsonValue({ maxDepth: 2 })), fc.string(), fc.string(), (before, key, other) => {
        fc.pre(key !== other)
        const name = JSON.stringify(key)
        const object = `{${name}: ${JSON.stringify(before)}, ${JSON.stringify(other)}: [], ${name}: 0}`
        assert.isTrue(Either.isLeft(StrictJson.parse(`{"outer": [1, ${object}]}`)))
      }),
      { numRuns }
    ))

  for (const text of [
    '{"Env": ["A=hunter2",]}',
    '{"Env": hunter2}',
    "hunter2",
    '{"Env": ["A=hunter2"',
    '{"a": 1}hunter2'
  ]) {
    it(`does not repeat what is in ${text}`, () => {
      const parsed = StrictJson.parse(text)
      assert.notInclude(Either.isLeft(parsed) ? parsed.left.message : "hunter2", "hunter2")
    })
  }
})
