import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as EnvironmentLine from "../../../src/domain/systemd/EnvironmentLine.ts"

describe("EnvironmentLine.render", () => {
  for (const [name, value, expected] of [
    ["A", "b", '"A=b"'],
    ["A", "", '"A="'],
    ["A", "b c=d", '"A=b c=d"'],
    ["A", "$HOME %h", '"A=$HOME %%h"'],
    ["A", '"q" \\n', '"A=\\"q\\" \\\\n"'],
    ["A", "1\n2\t3\u001b", '"A=1\\n2\\t3\\x1b"'],
    ["A", "é", '"A=é"']
  ] as const) {
    it(`${name}=${JSON.stringify(value)} → ${expected}`, () =>
      assert.strictEqual<string>(Either.getOrThrow(EnvironmentLine.render({ name, value })), expected))
  }

  for (const [what, value] of [
    ["a NUL", "SECRET\0"],
    ["half a surrogate pair", "SECRET\udfff"],
    ["an endless value", `SECRET${"x".repeat(256 * 1024)}`]
  ] as const) {
    it(`refuses ${what}, and keeps the value to itself`, () => {
      const rendered = EnvironmentLine.render({ name: "TOKEN", value })
      if (Either.isRight(rendered)) assert.fail("rendered")
      assert.include(rendered.left.message, '"TOKEN"')
      assert.notInclude(rendered.left.message, "SECRET")
    })
  }
})

describe("EnvironmentLine.parse", () => {
  it("takes names and values, and the later of two", () => {
    const { assignments, refused } = EnvironmentLine.parse(["A=1", "_b2=x=y", "EMPTY=", "A=2"])
    assert.deepStrictEqual(assignments, [
      { name: "A", value: "2" },
      { name: "_b2", value: "x=y" },
      { name: "EMPTY", value: "" }
    ])
    assert.deepStrictEqual(refused, [])
  })

  for (const [entry, message] of [
    ["hunter2", "the entry 1 of the environment has no “=”"],
    ["", "the entry 1 of the environment has no “=”"],
    ["=x", /^the entry 1 of the environment has a name that systemd does not take/],
    ["a.b=x", /"a\.b" has a name that systemd does not take/],
    ["1A=x", /^the entry 1 .* has a name/],
    ["a b=x", /^the entry 1 .* has a name/],
    ["é=x", /^the entry 1 .* has a name/],
    ["MIIEvQ/IBADAN+Bg==", /^the entry 1 .* has a name/],
    ["\nExecStart=/x", /^the entry 1 .* has a name/]
  ] as const) {
    it(`tells of ${JSON.stringify(entry)}, and takes the others`, () => {
      const { assignments, refused } = EnvironmentLine.parse([entry, "B=1"])
      assert.deepStrictEqual(assignments, [{ name: "B", value: "1" }])
      assert.strictEqual(refused.length, 1)
      const text = refused[0]?.message ?? ""
      if (typeof message === "string") assert.strictEqual(text, message)
      else assert.match(text, message)
    })
  }
})
