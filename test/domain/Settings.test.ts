import { assert, describe, it } from "@effect/vitest"
import * as Settings from "../../src/domain/Settings.ts"

/** `section key = value` a line. */
const parse = (...lines: ReadonlyArray<readonly [section: string, key: string, value: string]>) =>
  Settings.fromLines(
    lines.map(([section, key, value], index) => ({
      file: "/etc/oci-generator.conf",
      line: index + 1,
      section,
      key,
      value
    }))
  )

const messages = (parsed: ReturnType<typeof parse>) => parsed.refused.map(({ message }) => message)
const image = { layout: "myorg.com/myapp", ref: "stable" }

describe("Settings.fromLines", () => {
  it("without lines are the defaults", () => {
    assert.deepStrictEqual(parse(), { settings: Settings.DEFAULTS, refused: [] })
    assert.deepStrictEqual(Settings.forImage(Settings.DEFAULTS, image), { root: "ephemeral", wantedby: [] })
  })

  for (const [value, expected] of [
    ["/srv/oci", "/srv/oci"],
    ["/srv/oci//", "/srv/oci"],
    ["/", "/"],
    ["/é/%h/$HOME", "/é/%h/$HOME"],
    ["/srv/...", "/srv/..."]
  ] as const) {
    it(`imagelayoutdir = ${value} is ${expected}`, () => {
      const { settings, refused } = parse(["system", "imagelayoutdir", value])
      assert.deepStrictEqual(refused, [])
      assert.deepStrictEqual(settings.system, { ...Settings.DEFAULT_SYSTEM, imagelayoutdir: expected })
    })
  }

  for (const value of [
    "",
    "srv",
    "~/x",
    "/a b",
    "/a:b",
    "/a,b",
    "/a\\b",
    '/"',
    "/'",
    "/a\nb",
    "/a/../b",
    "/./a",
    "/\u0001",
    "/\u00a0"
  ]) {
    it(`extractsdir = ${JSON.stringify(value)} is refused with file and line, and the default stays`, () => {
      const parsed = parse(["system", "extractsdir", value])
      assert.deepStrictEqual(parsed.settings, Settings.DEFAULTS)
      assert.strictEqual(parsed.refused.length, 1)
      assert.match(messages(parsed)[0] ?? "", /^\/etc\/oci-generator\.conf:1: extractsdir = /)
    })
  }

  for (const [section, key, value, message] of [
    ["system", "imagedir", "/x", 'unknown key "imagedir" in [system]'],
    ["system", "__proto__", "/x", 'unknown key "__proto__" in [system]'],
    ["System", "imagelayoutdir", "/x", "unknown section [System]"],
    ["", "imagelayoutdir", "/x", "unknown section []"],
    ["image", "root", "persistent", "unknown section [image]"],
    ["image ", "root", "persistent", "unknown section [image ]"],
    ["imagex", "root", "persistent", "unknown section [imagex]"],
    ["image *", "Root", "persistent", 'unknown key "Root" in an [image …] section'],
    ["image *", "root", "none", `root = "none": one of ${Settings.ROOT_MODES.join(", ")} is wanted`],
    ["image *", "wantedby", "multi-user", 'wantedby: "multi-user" is not the name of a unit'],
    ["image *", "wantedby", "a.target ../b.target", 'wantedby: "../b.target" is not the name of a unit'],
    ["image *", "wantedby", "a%b.target", 'wantedby: "a%b.target" is not the name of a unit']
  ] as const) {
    it(`tells of [${section}] ${key} = ${value}, and reads on`, () => {
      const parsed = parse([section, key, value], ["system", "extractsdir", "/x"])
      assert.deepStrictEqual(messages(parsed), [`/etc/oci-generator.conf:1: ${message}`])
      assert.strictEqual(parsed.settings.system.extractsdir, "/x")
      assert.deepStrictEqual(Settings.forImage(parsed.settings, image), Settings.DEFAULT_IMAGE)
    })
  }

  it("the later of two lines counts", () => {
    const { settings } = parse(["system", "extractsdir", "/a"], ["system", "extractsdir", "/b"])
    assert.strictEqual(settings.system.extractsdir, "/b")
  })
})

describe("Settings.forImage", () => {
  const effective = (...lines: ReadonlyArray<readonly [section: string, key: string, value: string]>) =>
    Settings.forImage(parse(...lines).settings, image)

  it("the more exact pattern wins, wherever it stands", () => {
    assert.deepStrictEqual(
      effective(
        ["image myorg.com/myapp:stable", "root", "persistent"],
        ["image myorg.com/*", "root", "ephemeral"],
        ["image *", "wantedby", "multi-user.target  a.target"],
        ["image *", "root", "ephemeral"]
      ),
      { root: "persistent", wantedby: ["multi-user.target", "a.target"] }
    )
  })

  it("of equally exact ones the later wins", () => {
    const [first, second] = ["image myorg*", "image *table"] as const
    assert.strictEqual(
      effective([first, "root", "ephemeral"], [second, "root", "persistent"]).root,
      "persistent"
    )
    assert.strictEqual(
      effective([second, "root", "persistent"], [first, "root", "ephemeral"]).root,
      "ephemeral"
    )
  })

  it("an empty list takes back what a less exact pattern gave", () => {
    assert.deepStrictEqual(
      effective(["image *", "wantedby", "a.target"], ["image my*", "wantedby", ""]).wantedby,
      []
    )
  })

  // Naming a pattern again moves all that it said before.
  it("a line about another key does not make an earlier one later", () => {
    const lines = [
      ["image m*", "root", "ephemeral"],
      ["image *e", "root", "persistent"],
      ["image m*", "wantedby", "a.target"]
    ] as const
    assert.strictEqual(effective(...lines).root, "persistent")
  })
})

describe("Settings.matches", () => {
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
      assert.strictEqual(Settings.matches(pattern, text), expected))
  }

  it("is quick where backtracking would not be", () => {
    assert.isFalse(Settings.matches(`${"*a".repeat(1000)}*b`, "a".repeat(50_000)))
  })
})
