/** What a pattern stands for: a table of its grammar, and laws that keep an author's reference from standing for a layout. */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { display } from "../../../src/domain/naming/ImageName.ts"
import * as ImagePattern from "../../../src/domain/naming/ImagePattern.ts"

describe("ImagePattern.matches", () => {
  for (const [pattern, layout, ref, expected] of [
    ["myorg.com/app:v1", "myorg.com/app", "v1", true],
    ["myorg.com/app:v1", "myorg.com/app", "v12", false],
    ["myorg.com/app:v1", "myorg.com", "app:v1", false],
    ["myorg.com/app", "myorg.com/app", "v1", true],
    ["myorg.com/app", "myorg.com/app", "docker.io/library/app:v1", true],
    ["myorg.com/app", "myorg.com/application", "v1", false],
    ["*", "myorg.com/app", "docker.io/library/app:v1", true],
    ["*:v1", "myorg.com/app", "v1", true],
    ["*:v1", "myorg.com/app", "x:v1", false],
    ["*:*v1", "myorg.com/app", "x:v1", true],
    ["*/db:stable", "x.example/db", "stable", true],
    // Attacks: the text before the colon is the author's.
    ["*/db:stable", "evil.example/free", "x.example/db:stable", false],
    ["*/db", "evil.example/free", "x.example/db", false],
    ["*db:stable", "evil.example/free", "x.example/db:stable", false],
    ["x.example/*", "evil.example", "x.example/db", false],
    ["evil*db:stable", "evil.example/free", "x.example/db:stable", false],
    ["a*b", "a", "b", false],
    // Ports.
    ["localhost:5000/app:v1", "localhost:5000/app", "v1", true],
    ["localhost:5000/app:v1", "localhost", "5000/app:v1", false],
    ["localhost::5000/app:v1", "localhost", "5000/app:v1", true],
    ["localhost::5000/app:v1", "localhost:5000/app", "v1", false],
    ["localhost:5000/*", "localhost:5000/app", "v1", true],
    ["localhost:5000/*", "localhost", "5000/app:v1", false],
    ["localhost:5000/*", "localhost", "5000:v1", false],
    ["localhost:*/app:v1", "localhost:5000/app", "v1", true],
    ["localhost:*/app:v1", "localhost", "5000/app:v1", false],
    ["*:5000/app:v1", "localhost:5000/app", "v1", true],
    ["*:5000/app:v1", "evil.example/free", "5000/app:v1", false],
    ["localhost:5000:v1", "localhost", "5000:v1", true],
    ["localhost:5000::v1", "localhost:5000", "v1", true],
    // References that are whole names, as some tools write them.
    ["app:docker.io/library/app:v1", "app", "docker.io/library/app:v1", true],
    ["app:docker.io/*", "app", "docker.io/library/app:v1", true],
    ["app:1.0::latest", "app:1.0", "latest", true]
  ] as const) {
    it(`${pattern} ${expected ? "stands" : "does not stand"} for ${ref} of ${layout}`, () =>
      assert.strictEqual(ImagePattern.matches(pattern, { layout, ref }), expected))
  }

  const text = fc.string({ unit: fc.constantFrom("a", "1", ":", "/", "*", "."), minLength: 1, maxLength: 8 })
  const layout = text.filter((layout) => !layout.includes("::") && !layout.endsWith(":"))

  it("the name of an image stands for no other", () => {
    const plain = (part: fc.Arbitrary<string>) => part.map((text) => text.replaceAll("*", "b"))
    fc.assert(
      fc.property(
        plain(layout),
        plain(text),
        plain(layout),
        plain(text),
        (layout, ref, otherLayout, otherRef) => {
          const name = display({ layout, ref })
          assert.isTrue(ImagePattern.matches(name, { layout, ref }))
          const isSame = layout === otherLayout && ref === otherRef
          assert.strictEqual(ImagePattern.matches(name, { layout: otherLayout, ref: otherRef }), isSame)
        }
      )
    )
  })

  it("whether a pattern can stand for a layout does not hang on the reference", () => {
    fc.assert(
      fc.property(text, layout, text, text, (pattern, layout, one, other) => {
        const [head = ""] = pattern.split(":")
        fc.pre(head !== "" && !pattern.includes(":"))
        assert.strictEqual(
          ImagePattern.matches(pattern, { layout, ref: one }),
          ImagePattern.matches(pattern, { layout, ref: other })
        )
      })
    )
  })
})

describe("ImagePattern.exactness", () => {
  it("one name is more exact than a layout, and that than what holds less of it", () => {
    const patterns = ["*", "my*", "myorg.com/*", "myorg.com/app", "myorg.com/app:*v1", "myorg.com/app:v1"]
    const sorted = [...patterns]
      .reverse()
      .sort((a, b) => ImagePattern.exactness(a) - ImagePattern.exactness(b))
    assert.deepStrictEqual(sorted, patterns)
  })
})

describe("ImagePattern.isLike", () => {
  for (const [pattern, text, expected] of [
    ["a:b", "a:b", true],
    ["a:b", "a:bc", false],
    ["*", "", true],
    ["*", "anything/at:all", true],
    ["a*", "a", true],
    ["a*", "ba", false],
    ["*a", "ab", false],
    ["a*a", "a", false],
    ["a*a", "aa", true],
    ["a*b*c", "a-b-c", true],
    ["a*b*c", "a-c-b", false],
    ["*ab*ab*", "ab", false],
    ["*ab*ab*", "xabab", true],
    ["a**b", "ab", true],
    ["ab*bc", "abc", false],
    ["", "", true],
    ["", "a", false],
    ["a.c", "abc", false],
    ["[a]", "a", false],
    ["?", "a", false]
  ] as const) {
    it(`${pattern} ${expected ? "matches" : "does not match"} ${JSON.stringify(text)}`, () =>
      assert.strictEqual(ImagePattern.isLike(pattern, text), expected))
  }

  it("is quick where backtracking would not be", () => {
    assert.isFalse(ImagePattern.isLike(`${"*a".repeat(1000)}*b`, "a".repeat(50_000)))
  })
})
