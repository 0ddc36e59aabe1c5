/** The programs of docs/library.md are those that lie in examples/, whole. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "vitest"

const TOP = fileURLToPath(new URL("../../", import.meta.url))
const DOCUMENT = readFileSync(join(TOP, "docs/library.md"), "utf8")

const shown = [
  ...DOCUMENT.matchAll(/^\[(\S+\.mjs)\]\(\.\.\/examples\/\S+\):[^\n]*\n\n```js\n(.*?)^```$/gms)
].map(([, name = "", program = ""]) => ({ name, program }))

describe("docs/library.md", () => {
  it("shows the programs for the seven tasks", () =>
    assert.includeMembers(
      shown.map(({ name }) => name),
      ["list.mjs", "extract.mjs", "compare.mjs", "into.mjs", "layer.mjs", "make.mjs", "stub.mjs", "tree.mjs"]
    ))

  it.each(shown)("shows $name as it is", ({ name, program }) =>
    assert.strictEqual(program, readFileSync(join(TOP, "examples", name), "utf8"))
  )

  it("mentions every program", () => {
    const programs = readdirSync(join(TOP, "examples")).filter((name) => name.endsWith(".mjs"))
    assert.deepEqual(
      programs.filter((name) => !DOCUMENT.includes(`(../examples/${name})`)),
      []
    )
  })
})
