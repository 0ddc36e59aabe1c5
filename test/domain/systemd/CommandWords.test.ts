import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import fc from "fast-check"
import * as CommandSettings from "../../../src/domain/settings/CommandSettings.ts"
import * as CommandWords from "../../../src/domain/systemd/CommandWords.ts"
import { numRuns } from "../../support/unitArbitraries.ts"

const words = (text: string) => Either.getOrUndefined(CommandWords.parse(text))

describe("CommandWords.parse", () => {
  for (const [text, expected] of [
    ["", []],
    ["  a\tb  ", ["a", "b"]],
    [`"a b" 'c "d"' e'f 'g`, ["a b", 'c "d"', "ef g"]],
    [`"" ''`, ["", ""]],
    ["a\\ b", undefined],
    ["a\\sb \\x41\\101\\u00e9\\U0001f600", ["a b", "AAé😀"]],
    [`\\"a\\" '\\'' "\\n\\t\\\\"`, ['"a"', "'", "\n\t\\"]],
    ["%h $HOME ; * # é", ["%h", "$HOME", ";", "*", "#", "é"]],
    ["'a", undefined],
    ['"a\\"', undefined],
    ["a\\", undefined],
    ["\\x0", undefined],
    ["\\x00", undefined],
    ["\\xff", undefined],
    ["\\400", undefined],
    ["\\ud800", undefined],
    ["\\U00110000", undefined]
  ] as const) {
    it(`${text} is ${JSON.stringify(expected)}`, () => assert.deepStrictEqual(words(text), expected))
  }

  it("gives back what was quoted", () => {
    const quoted = (word: string) => `"${word.replace(/[\\"]/g, "\\$&")}"`
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme" })), (argv) => {
        assert.deepStrictEqual(words(argv.map(quoted).join(" ")), argv)
      }),
      { numRuns }
    )
  })
})

it("a command is printed so that it is read back", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme" })), (argv) => {
      fc.pre(!argv.some((word) => word.includes("\0")))
      assert.deepStrictEqual(Either.getOrUndefined(CommandSettings.parse(CommandSettings.print(argv))), argv)
    }),
    { numRuns }
  )
})
