import { assert, describe, it } from "@effect/vitest"
import * as ImageSettings from "../../../src/domain/settings/ImageSettings.ts"
import * as Settings from "../../../src/domain/settings/Settings.ts"
import * as SystemSettings from "../../../src/domain/settings/SystemSettings.ts"

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
    assert.deepStrictEqual(Settings.forImage(Settings.DEFAULTS, image), ImageSettings.DEFAULTS)
    assert.deepStrictEqual(Settings.originsFor(Settings.DEFAULTS, image), {})
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
      assert.deepStrictEqual(settings.system, { ...SystemSettings.DEFAULTS, imagelayoutdir: expected })
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
    ["image *", "root", "none", `one of ${ImageSettings.ROOT_MODES.join(", ")} is wanted`],
    ["image *", "wantedby", "multi-user", '"multi-user" is not the name of a unit'],
    ["image *", "wantedby", "a.target ../b.target", '"../b.target" is not the name of a unit'],
    ["image *", "wantedby", "a%b.target", '"a%b.target" is not the name of a unit'],
    ["image *", "requiredby", ".a.target", '".a.target" is not the name of a unit'],
    [
      "image *",
      "upheldby",
      `${"a".repeat(240)}.target`,
      `"${"a".repeat(240)}.target" is not the name of a unit`
    ],
    ["image *", "alias", "app.socket", '"app.socket" is not the name of a service that is no template'],
    ["image *", "alias", "app@.service", '"app@.service" is not the name of a service that is no template'],
    ["image *", "profile", "lenient", "one of default, strict, nonetwork, trusted is wanted"],
    ["image *", "network", "bridge", "one of host, none is wanted"],
    ["image *", "ports", "", "one of free, enforce is wanted"],
    ["image *", "restart", "unless-stopped", `one of ${ImageSettings.RESTARTS.join(", ")} is wanted`],
    ["image *", "health", "yes", "one of log, restart, off is wanted"],
    [
      "image *",
      "healthcmd",
      '["a", 1]',
      'none, a JSON list of strings such as ["curl", "-f", "http://localhost"], or a line for the shell is wanted'
    ],
    ["image *", "healthinterval", "soon", "a time is wanted, for example 30s, 1m30s or 500ms"],
    ["image *", "healthtimeout", "0", "a time of more than 0 is wanted"],
    ["image *", "healthstartperiod", "9000h", "no more than 365 days are wanted"],
    ["image *", "healthretries", "0", "a whole number from 1 on is wanted"],
    ["image *", "volumes", "maybe", "yes or no is wanted"],
    ["image *", "user", "a:b:c", "USER or USER:GROUP is wanted, without blanks"],
    ["image *", "user", "a b", "USER or USER:GROUP is wanted, without blanks"],
    ["image *", "user", ":5", "USER or USER:GROUP is wanted, without blanks"],
    ["image *", "platform", "windows/amd64", "linux/ARCHITECTURE or linux/ARCHITECTURE/VARIANT is wanted"],
    ["image *", "volume", "/data", "HOST:IMAGE or HOST:IMAGE:ro is wanted, for example /srv/data:/data"],
    ["image *", "volume", "/a:/b:rx", "HOST:IMAGE or HOST:IMAGE:ro is wanted, for example /srv/data:/data"],
    ["image *", "volume", "a:/b", "an absolute path is wanted"],
    ["image *", "volume", "/a:/b/../c", "“.” and “..” are not taken"],
    ["image *", "volume", "/a:/", "the root itself is no volume"],
    ["system", "systemdversion", "251", "a number from 252 on is wanted"],
    ["system", "systemdversion", "new", "a number from 252 on is wanted"],
    ["system", "maxentries", "0", "a whole number from 1 on is wanted"],
    ["system", "maxbytes", "1e9", "a whole number from 1 on is wanted"],
    ["system", "maxratio", "9999999999999999", "a whole number from 1 on is wanted"]
  ] as const) {
    it(`tells of [${section}] ${key} = ${value}, and reads on`, () => {
      const parsed = parse([section, key, value], ["system", "extractsdir", "/x"])
      const said = message.startsWith("unknown") ? message : `${key} = ${JSON.stringify(value)}: ${message}`
      assert.deepStrictEqual(messages(parsed), [`/etc/oci-generator.conf:1: ${said}`])
      assert.strictEqual(parsed.settings.system.extractsdir, "/x")
      assert.deepStrictEqual(Settings.forImage(parsed.settings, image), ImageSettings.DEFAULTS)
    })
  }

  for (const [key, value, expected] of [
    ["root", "readonly", "readonly"],
    ["profile", "strict", "strict"],
    ["network", "none", "none"],
    ["ports", "enforce", "enforce"],
    ["user", "postgres", "postgres"],
    ["user", "1000:www-data", "1000:www-data"],
    ["user", "", undefined],
    ["volumes", "off", false],
    ["volumes", "True", true],
    ["volume", "/srv//pg/:/var/lib/pg", [{ host: "/srv/pg", image: "/var/lib/pg", readonly: false }]],
    ["volume", "/:/host:ro", [{ host: "/", image: "/host", readonly: true }]],
    ["health", "restart", "restart"],
    ["healthcmd", "curl -f x", ["CMD-SHELL", "curl -f x"]],
    ["healthcmd", "", undefined],
    ["healthinterval", "1m30s", 90_000],
    ["healthretries", "5", 5],
    ["restart", "on-failure", "on-failure"],
    ["requiredby", "a.service  b@1.target a.service", ["a.service", "b@1.target"]],
    ["upheldby", "", []],
    ["alias", "web.service", ["web.service"]],
    ["platform", "linux/arm/v7", { os: "linux", architecture: "arm", variant: "v7" }],
    ["platform", "linux/riscv64", { os: "linux", architecture: "riscv64" }]
  ] as const) {
    it(`${key} = ${value} is taken`, () => {
      const parsed = parse(["image *", key, value])
      assert.deepStrictEqual(messages(parsed), [])
      assert.deepStrictEqual(Settings.forImage(parsed.settings, image)[key], expected)
    })
  }

  it("a section that nobody knows is told once", () => {
    assert.deepStrictEqual(messages(parse(["x", "a", "1"], ["x", "b", "2"], ["y", "a", "1"])), [
      "/etc/oci-generator.conf:1: unknown section [x]",
      "/etc/oci-generator.conf:3: unknown section [y]"
    ])
  })

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
      { ...ImageSettings.DEFAULTS, root: "persistent", wantedby: ["multi-user.target", "a.target"] }
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

  it("volumes add up, one for each place; an empty one takes all back", () => {
    const volume = (value: string) => ["image *", "volume", value] as const
    const bind = (host: string, at: string) => ({ host, image: at, readonly: false })
    assert.deepStrictEqual(effective(volume("/a:/x"), volume("/b:/y"), volume("/c:/x")).volume, [
      bind("/b", "/y"),
      bind("/c", "/x")
    ])
    assert.deepStrictEqual(
      effective(["image my*", "volume", ""], volume("/a:/x"), ["image myo*", "volume", "/b:/y"]).volume,
      [bind("/b", "/y")]
    )
  })

  it("what counts is told with the lines that said it", () => {
    const { settings } = parse(
      ["image my*", "root", "readonly"],
      ["image *", "root", "persistent"],
      ["image *", "volume", "/a:/x"],
      ["image *", "volume", "/b:/y"],
      ["image other*", "profile", "strict"]
    )
    const at = (line: number) => ({ file: "/etc/oci-generator.conf", line })
    assert.deepStrictEqual(Settings.originsFor(settings, image), { root: [at(1)], volume: [at(3), at(4)] })
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

describe("what is said of a registry with its port", () => {
  const settings = (pattern: string) => parse([`image ${pattern}`, "profile", "trusted"]).settings
  for (const pattern of ["localhost:5000/app:v1", "localhost:5000/*", "localhost:5000/*:v1"]) {
    it(`counts for its images alone: ${pattern}`, () => {
      const profile = (layout: string, ref: string) =>
        Settings.forImage(settings(pattern), { layout, ref }).profile
      assert.strictEqual(profile("localhost:5000/app", "v1"), "trusted")
      assert.strictEqual(profile("localhost", "5000/app:v1"), "default")
      assert.deepStrictEqual(
        Settings.originsFor(settings(pattern), { layout: "localhost", ref: "5000/app:v1" }),
        {}
      )
    })
  }
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
