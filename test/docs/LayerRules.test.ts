/** The rules of docs/layers.md are numbered without a gap, and tests cite those that there are. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "vitest"

const TOP = fileURLToPath(new URL("../../", import.meta.url))

const rules = [...readFileSync(join(TOP, "docs/layers.md"), "utf8").matchAll(/^- \*\*(\d+)\./gm)].map(
  ([, number]) => Number(number)
)

/** `rule 12` of a comment or a test's name, in any file of the tests. */
const cited = readdirSync(join(TOP, "test"), { encoding: "utf8", recursive: true })
  .filter((name) => name.endsWith(".ts"))
  .flatMap((name) =>
    [...readFileSync(join(TOP, "test", name), "utf8").matchAll(/\brules? (\d+)/gi)].map(([, number]) => ({
      name,
      number: Number(number)
    }))
  )

describe("the rules of docs/layers.md", () => {
  it("are numbered from 1 without a gap", () =>
    assert.deepEqual(
      rules,
      rules.map((_, index) => index + 1)
    ))

  it("are what tests cite", () => {
    assert.isNotEmpty(cited)
    assert.deepEqual(
      cited.filter(({ number }) => !rules.includes(number)),
      []
    )
  })
})
