import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import type { Digest } from "../../../src/domain/document/Digest.ts"
import * as ExtractsTree from "../../../src/domain/extracts/ExtractsTree.ts"

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex")
const component = (text: string) => ExtractsTree.component(text, sha256)

/** Where collisions would be: escapes, what they stand for, and what makes a name too long. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "%",
        ".",
        "/",
        "%2E",
        "%2F",
        "%~",
        "\0",
        "\n",
        "u",
        "2",
        "E",
        "config",
        "rootfs",
        "é",
        "\ud800",
        "\udfff"
      ),
      fc.constantFrom("x".repeat(114), "é".repeat(60), "%".repeat(77)),
      fc.string()
    ),
    { maxLength: 4 }
  )
  .map((parts) => parts.join(""))

describe("ExtractsTree.component", () => {
  for (const [text, expected] of [
    ["stable", "stable"],
    ["com.myorg.myapp.ref.stable", "com.myorg.myapp.ref.stable"],
    ["größe", "größe"],
    ["", "%"],
    ["..", "%2E."],
    ["a/b", "a%2Fb"],
    ["config", "%63onfig"],
    ["a\u0085\ud800", "a%u0085%uD800"]
  ] as const) {
    it(`${JSON.stringify(text)} becomes ${expected}`, () => assert.strictEqual(component(text), expected))
  }

  it("different texts have different components", () => {
    fc.assert(
      fc.property(hostile, hostile, (one, two) => {
        fc.pre(one !== two)
        assert.notStrictEqual(component(one), component(two))
      }),
      { numRuns: 2000 }
    )
  })

  it("any text is one visible file name that is not too long", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const name = component(text)
        assert.match(name, /^[^./\0][^/\0]*$/u)
        assert.isAtMost(Buffer.byteLength(name), 255)
        assert.strictEqual(Buffer.from(name).toString(), name)
        assert.notInclude([ExtractsTree.CONFIG_LINK, ExtractsTree.ROOT_LINK], name)
      }),
      { numRuns: 2000 }
    )
  })
})

describe("ExtractsTree", () => {
  const digest = `sha256:ba${"0".repeat(62)}` as Digest

  it("roots, configs and names are where the design has them", () => {
    assert.strictEqual(ExtractsTree.rootOf(digest), `roots/sha256/ba/ba${"0".repeat(62)}`)
    assert.strictEqual(ExtractsTree.configOf(digest), `configs/sha256/ba/ba${"0".repeat(62)}`)
    const links = ExtractsTree.nameOf({ layout: "myorg.com/myapp", ref: "stable" }, sha256)
    assert.strictEqual(links, "names/myorg.com/myapp/stable")
    assert.strictEqual(
      ExtractsTree.linkTarget(links, ExtractsTree.rootOf(digest)),
      `../../../../${ExtractsTree.rootOf(digest)}`
    )
  })

  it("a layout that would not fit in a path is one hashed component", () => {
    const layouts = ["x", "y"].map((end) => `${"long/".repeat(800)}${end}`)
    const names = layouts.map((layout) => ExtractsTree.nameOf({ layout, ref: "r" }, sha256))
    assert.strictEqual(new Set(names).size, 2)
    for (const name of names) assert.match(name, /^names\/long%2Flong.*%~[0-9a-f]{64}\/r$/)
  })

  it("the image of a directory of names is the one that it was made for, unless its name was shortened", () =>
    fc.assert(
      fc.property(fc.array(hostile, { minLength: 1, maxLength: 3 }), hostile, (parts, ref) => {
        const layout = parts.join("/")
        const path = ExtractsTree.nameOf({ layout, ref }, sha256)
        const image = ExtractsTree.imageOf(path, sha256)
        if (image === undefined) assert.include(path, "%~")
        else assert.deepStrictEqual(image, { layout, ref })
      }),
      { numRuns: 2000 }
    ))

  it.each(["names", "names/a", "other/a/b", "names/%zz/b", "names/%2e/b"])("%s is no image's", (path) =>
    assert.isUndefined(ExtractsTree.imageOf(path, sha256))
  )
})

it("a purge of the Debian package removes every directory but the one with kept roots", () => {
  const script = readFileSync(new URL("../../../scripts/deb/postrm", import.meta.url), "utf8")
  const removed = /for name in (.*); do\n *rm -rf/.exec(script)?.[1]?.split(" ") ?? []
  const { SCRATCH, ...others } = ExtractsTree
  const directories = Object.entries(others).flatMap(([name, value]) =>
    typeof value === "string" && !name.endsWith("_LINK") && !value.includes("/") ? [value] : []
  )
  assert.sameMembers(removed, directories)
  assert.notInclude(removed, SCRATCH)
})
