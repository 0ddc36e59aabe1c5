import * as Either from "effect/Either"
import { assert, describe, it } from "vitest"
import { comment, hasNoncharacter, literal, path, word } from "../../../src/domain/systemd/UnitValue.ts"
import * as UnitFile from "../../../src/domain/unit/UnitFile.ts"

const file = (at: number): UnitFile.UnitFile => ({
  name: `app-${at}.service`,
  comments: [`Number ${at}`],
  sections: [{ name: "Unit", directives: [UnitFile.directive("Description", literal(`App ${at}`))] }]
})
const text = (at: number) => `# Number ${at}\n\n[Unit]\nDescription=App ${at}\n`

describe("UnitFile.render", () => {
  it("gives each file its own text, however many were rendered before and in which order", () => {
    const files = Array.from({ length: 40 }, (_, at) => file(at))
    for (const at of [0, 1, 0, 1, ...files.keys(), 39, 38, 0, 39, ...[...files.keys()].reverse()])
      assert.strictEqual(UnitFile.render(file(at)), text(at))
    for (const [at, one] of [...files.entries(), ...files.entries()])
      assert.strictEqual(UnitFile.render(one), text(at))
  })

  it("does not take a copy with other comments for the file", () => {
    const one = file(1)
    UnitFile.render(one)
    assert.strictEqual(UnitFile.render({ ...one, comments: [] }), "\n[Unit]\nDescription=App 1\n")
  })
})

describe("plain text, which is not looked at any further, and what is not plain", () => {
  for (const [given, quoted] of [
    ["", `""`],
    [" a;b'c$D#[x]{y}~ ", `" a;b'c$D#[x]{y}~ "`],
    ["50%", `"50%%"`],
    [`"`, `"\\""`],
    ["\\", `"\\\\"`],
    ["a\n", `"a\\n"`],
    ["\u007f", `"\\x7f"`],
    ["é", `"é"`],
    ["\ufdd0", `"\\xef\\xb7\\x90"`],
    ["x".repeat(1025), `"${"x".repeat(1025)}"`]
  ] as const) {
    it(`the word ${JSON.stringify(given).slice(0, 30)}`, () =>
      assert.strictEqual(`${Either.getOrThrow(word("it", given))}`, quoted))
  }

  for (const [given, tag] of [
    ["/", "Right"],
    ["/a b", "Right"],
    ["/'a'", "Right"],
    ["/a ", "Left"],
    ["a", "Left"],
    ["", "Left"],
    ["/a\n", "Left"],
    ["/a\\", "Left"],
    ["/\ufdd0", "Left"],
    [`/${"x".repeat(4094)}`, "Right"],
    [`/${"x".repeat(4095)}`, "Left"]
  ] as const) {
    it(`the path ${JSON.stringify(given).slice(0, 30)}`, () =>
      assert.strictEqual(path("it", given)._tag, tag))
  }

  it("a comment, and noncharacters", () => {
    assert.strictEqual(comment(`a "%\\\n\u2028\ud800b`), `a "%\\  \ufffdb`)
    assert.deepEqual(["a", "é%", "\ufdd0", "\u{10ffff}", "%\ufffe"].map(hasNoncharacter), [
      false,
      false,
      true,
      true,
      true
    ])
  })
})
