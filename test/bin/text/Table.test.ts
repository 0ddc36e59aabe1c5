/** Tables, wrapping and widths: what fits, what is left out, and what is never lost. */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import * as DisplayWidth from "../../../src/bin/text/DisplayWidth.ts"
import * as Paragraph from "../../../src/bin/text/Paragraph.ts"
import * as Style from "../../../src/bin/text/Style.ts"
import * as Table from "../../../src/bin/text/Table.ts"
import * as Printable from "../../../src/domain/text/Printable.ts"

const text = fc.string({ unit: fc.constantFrom("a", "B", " ", "-", "é", "端", "👍", "e\u0301") })

describe("DisplayWidth", () => {
  it.each([
    ["", 0],
    ["abc", 3],
    ["é", 1],
    ["e\u0301", 1],
    ["端末", 4],
    ["👍", 2],
    ["❤️", 2],
    ["a端", 3],
    ["🇩🇪", 2],
    ["ｱ", 1],
    ["Ａ", 2],
    ["㌀", 2],
    ["α", 1]
  ])("%j takes %d columns", (text, width) => assert.equal(DisplayWidth.of(text), width))

  it("a shortened text fits, and one that fits is left alone", () =>
    fc.assert(
      fc.property(text, fc.nat(20), (text, width) => {
        const shown = DisplayWidth.shorten(text, width)
        assert.isAtMost(DisplayWidth.of(shown), width)
        if (DisplayWidth.of(text) <= width) assert.equal(shown, text)
      })
    ))
})

describe("Printable", () => {
  it("nothing of it reaches the terminal as anything but text", () =>
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        assert.notMatch(Printable.line(text), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u)
      })
    ))

  it.each([
    ["plain", "plain"],
    ["\u001b[31mred", "\\x1b[31mred"],
    ["a\nb", "a\\x0ab"],
    ["\u202eevil", "\\u{202e}evil"],
    ["端末", "端末"]
  ])("%j is shown as %j", (text, shown) => assert.equal(Printable.line(text), shown))
})

describe("Paragraph", () => {
  it("no line is longer than the width, and nothing but blanks is lost", () =>
    fc.assert(
      fc.property(text, fc.integer({ min: 22, max: 60 }), (text, width) => {
        const lines = Paragraph.wrap(text, width, "  ")
        for (const line of lines) assert.isAtMost(DisplayWidth.of(line), width)
        assert.equal(lines.join("").replaceAll(" ", ""), text.replaceAll(" ", ""))
      })
    ))
})

describe("Table", () => {
  const columns: readonly Table.Column[] = [
    { title: "NAME", shrinksTo: 8 },
    { title: "SIZE", align: "right", spare: 1 },
    { title: "NOTE", spare: 2 },
    { title: "OK" }
  ]
  const row = (...texts: readonly string[]): Table.Row => texts.map((text) => ({ text }))
  const plain = (width?: number) =>
    Table.render(
      columns,
      [row("a-rather-long-name", "7", "端末", "yes"), row("b", "1234", "", "no")],
      width
    ).map(Style.strip)

  it("without a width, everything is there", () =>
    assert.deepEqual(plain(), [
      "NAME                SIZE  NOTE  OK",
      "a-rather-long-name     7  端末  yes",
      "b                   1234        no"
    ]))

  it("names are cut in their middle, and where that is not enough, what matters least goes", () => {
    assert.deepEqual(plain(30), [
      "NAME           SIZE  NOTE  OK",
      "a-rath…g-name     7  端末  yes",
      "b              1234        no"
    ])
    assert.deepEqual(plain(20), ["NAME       SIZE  OK", "a-ra…name     7  yes", "b          1234  no"])
    assert.deepEqual(plain(14), ["NAME       OK", "a-ra…name  yes", "b          no"])
  })

  it("fits, when it can", () =>
    fc.assert(
      fc.property(
        fc.array(fc.tuple(text, text, text, text)),
        fc.integer({ min: 14, max: 90 }),
        (rows, width) => {
          const cells = rows.map(([name, size, note]) => row(name, size, note, "yes"))
          for (const line of Table.render(columns, cells, width)) {
            assert.isAtMost(DisplayWidth.of(Style.strip(line)), width)
          }
        }
      )
    ))

  it("colours change nothing but colours", () =>
    assert.equal(Style.strip(Style.paint("red", "x") + Style.paint("plain", "y")), "xy"))
})
