import * as Either from "effect/Either"
import { assert, describe, it } from "vitest"
import * as JsonDecoder from "../../../src/domain/document/JsonDecoder.ts"

const document = JsonDecoder.struct({
  name: JsonDecoder.string,
  count: JsonDecoder.nullish(JsonDecoder.integer(0, 9)),
  tags: JsonDecoder.nullish(JsonDecoder.list(JsonDecoder.string)),
  labels: JsonDecoder.nullish(JsonDecoder.dictionary(JsonDecoder.string)),
  kind: JsonDecoder.nullish(JsonDecoder.literal("a", "b")),
  ids: JsonDecoder.nullish(JsonDecoder.nonEmptyList(JsonDecoder.number)),
  on: JsonDecoder.nullish(JsonDecoder.boolean),
  old: JsonDecoder.absent("is of another kind")
})

describe("a form gives back what has it", () => {
  for (const [value, read] of [
    [{ name: "x" }, { name: "x" }],
    [
      { name: "x", count: 9, tags: [], labels: { a: "b" }, kind: "b", ids: [1.5], on: false },
      { name: "x", count: 9, tags: [], labels: { a: "b" }, kind: "b", ids: [1.5], on: false }
    ],
    [{ name: "x", count: null, old: null, unknown: 1 }, { name: "x" }]
  ] as const) {
    it(JSON.stringify(value), () => assert.deepEqual(Either.getOrThrow(document(value)), read))
  }
})

describe("a form says where the fault is, and not what was there", () => {
  for (const [value, message] of [
    [5, "Expected object, actual number"],
    [null, "Expected object, actual null"],
    [[], "Expected object, actual list"],
    [{}, "name: is missing"],
    [{ name: 5 }, "name: Expected string, actual number"],
    [{ name: null }, "name: Expected string, actual null"],
    [{ name: "x", count: "secret" }, "count: Expected number, actual string"],
    [{ name: "x", count: 1.5 }, "count: Expected an integer, actual 1.5"],
    [{ name: "x", count: 10 }, "count: Expected a number between 0 and 9, actual 10"],
    [{ name: "x", count: 2 ** 53 }, "count: Expected an integer, actual 9007199254740992"],
    [{ name: "x", tags: "secret" }, "tags: Expected list, actual string"],
    [{ name: "x", tags: ["a", ["secret"]] }, "tags.1: Expected string, actual list"],
    [{ name: "x", labels: { a: 1 } }, "labels.a: Expected string, actual number"],
    [{ name: "x", labels: [] }, "labels: Expected object, actual list"],
    [{ name: "x", kind: "c" }, 'kind: Expected "a" or "b", actual "c"'],
    [{ name: "x", kind: {} }, 'kind: Expected "a" or "b", actual object'],
    [{ name: "x", ids: [] }, "ids.0: is missing"],
    [{ name: "x", on: 1 }, "on: Expected boolean, actual number"],
    [{ name: "x", old: 1 }, "old: is of another kind"]
  ] as const) {
    it(JSON.stringify(value), () => {
      const read = document(value)
      assert.equal(Either.isLeft(read) ? JsonDecoder.describe(read.left) : "read", message)
    })
  }
})

it("an open form keeps what it does not know", () => {
  const read: object = Either.getOrThrow(
    JsonDecoder.openStruct({ a: JsonDecoder.string })({ a: "x", b: [1] })
  )
  assert.deepEqual(read, { a: "x", b: [1] })
})

it("a list may be too long", () =>
  assert.deepEqual(
    Either.getOrThrow(Either.flip(JsonDecoder.list(JsonDecoder.number, 2)([1, 2, 3]))).problem,
    "Expected at most 2, actual 3"
  ))

it("a key called __proto__ is a key", () => {
  const value: unknown = JSON.parse('{"__proto__": {"a": "x"}}')
  assert.isTrue(Either.isLeft(JsonDecoder.struct({ a: JsonDecoder.string })(value)))
  const open = Either.getOrThrow(
    JsonDecoder.openStruct({ a: JsonDecoder.nullish(JsonDecoder.string) })(value)
  )
  assert.isTrue(Object.hasOwn(open, "__proto__"))
  assert.isUndefined(open.a)
  const labels = Either.getOrThrow(JsonDecoder.dictionary(JsonDecoder.unknown)(value))
  assert.deepEqual(Object.keys(labels), ["__proto__"])
})
