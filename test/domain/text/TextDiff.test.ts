import { execFileSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import * as TextDiff from "../../../src/domain/text/TextDiff.ts"
import { temporary } from "../../support/LayoutWriter.ts"

const lines = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 30 })

describe("TextDiff", () => {
  it("what was removed is all of the one text, what was added all of the other", () =>
    fc.assert(
      fc.property(lines, lines, (before, after) => {
        const changes = TextDiff.changes(before, after)
        const without = (kind: string) =>
          changes.filter((change) => change.kind !== kind).map(({ line }) => line)
        assert.deepEqual([without("added"), without("removed")], [[...before], [...after]])
      })
    ))

  it("a text differs from itself in nothing", () =>
    fc.assert(
      fc.property(lines, (text) => assert.deepEqual(TextDiff.unified(text.join("\n"), text.join("\n")), []))
    ))

  it("patch(1) makes the one text of the other", () => {
    using directory = temporary()
    const file = join(directory.path, "file")
    fc.assert(
      fc.property(lines, lines, (before, after) => {
        const texts = [before, after].map((each) => each.map((line) => `${line}\n`).join(""))
        const hunks = TextDiff.unified(texts[0] ?? "", texts[1] ?? "")
        if (hunks.length === 0) return assert.strictEqual(texts[0], texts[1])
        writeFileSync(file, texts[0] ?? "")
        const input = `--- file\n+++ file\n${hunks.join("\n")}\n`
        assert.equal(
          execFileSync("patch", ["--silent", "--output=-", file], { input, encoding: "utf8" }),
          texts[1]
        )
      }),
      { numRuns: 30 }
    )
  })
})
