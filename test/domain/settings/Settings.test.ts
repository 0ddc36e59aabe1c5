import { assert, describe, it } from "@effect/vitest"
import * as ImageSettings from "../../../src/domain/settings/ImageSettings.ts"
import * as SecretSettings from "../../../src/domain/settings/SecretSettings.ts"
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
/** A secret as a file with all that it has by default. */
const file = (source: string, path: string) =>
  ({ kind: "file", source, path, uid: 0, gid: 0, mode: 0o444, variable: undefined }) as const
const SECRET_WANTED =
  "a secret is expected, for example db-password, db-password:/etc/app/password:1000:1000:0400, or db-password:env=PASSWORD"

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
    ["image *", "Root", "persistent", 'unknown key "Root" in an [image …] section: did you mean root?'],
    ["image *", "root", "none", `one of ${ImageSettings.ROOT_MODES.join(", ")} is expected`],
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
    ["image *", "alias", "app.socket", '"app.socket" is not the name of a service that is not a template'],
    [
      "image *",
      "alias",
      "app@.service",
      '"app@.service" is not the name of a service that is not a template'
    ],
    ["image *", "profile", "lenient", "one of default, strict, nonetwork, trusted is expected"],
    ["image *", "network", "bridge", "one of host, none is expected"],
    ["image *", "ports", "", "one of free, enforce is expected"],
    ["image *", "restart", "unless-stopped", `one of ${ImageSettings.RESTARTS.join(", ")} is expected`],
    ["image *", "health", "yes", "one of log, restart, off is expected"],
    [
      "image *",
      "healthcmd",
      '["a", 1]',
      'none, a line for the shell, CMD and a program, or a JSON list of strings such as ["curl", "-f", "http://localhost"] is expected'
    ],
    ["image *", "healthinterval", "soon", "a time is expected, for example 30s, 1m30s or 500ms"],
    ["image *", "healthtimeout", "0", "a time of more than 0 is expected"],
    ["image *", "healthstartperiod", "9000h", "at most 365 days are allowed"],
    ["image *", "healthretries", "0", "a whole number of at least 1 is expected"],
    ["image *", "volumes", "maybe", "yes or no is expected"],
    ["image *", "user", "a:b:c", "USER or USER:GROUP without spaces is expected"],
    ["image *", "user", "a b", "USER or USER:GROUP without spaces is expected"],
    ["image *", "user", ":5", "USER or USER:GROUP without spaces is expected"],
    ["image *", "platform", "windows/amd64", "linux/ARCHITECTURE or linux/ARCHITECTURE/VARIANT is expected"],
    ["image *", "volume", "/data", "HOST:IMAGE or HOST:IMAGE:ro is expected, for example /srv/data:/data"],
    ["image *", "volume", "/a:/b:rx", "HOST:IMAGE or HOST:IMAGE:ro is expected, for example /srv/data:/data"],
    ["image *", "volume", "a:/b", "an absolute path is expected"],
    ["image *", "volume", "/a:/b/../c", "the path must not contain the components “.” and “..”"],
    ["image *", "volume", "/a:/", "the root itself cannot be a volume"],
    [
      "image *",
      "command",
      '["a", 1]',
      'a list that begins with [" has to be a JSON list of strings, such as ["myapp", "--port", "80"]'
    ],
    ["image *", "command", "a 'b", "a quotation mark ' is not closed"],
    ["image *", "command", "a\\q", '"\\\\q" is not an escape of systemd.syntax(7)'],
    ["image *", "command", "a\\x00", '"\\\\x00" stands for no character of a text'],
    ["image *", "command", "a\0", "a command cannot contain a NUL or half a character"],
    ["image *", "capabilities", "NET_RAW", "+NAME or -NAME is expected, for example +NET_RAW -CHOWN"],
    ["image *", "capabilities", "+NET_ROW", '"NET_ROW" is not a capability of Linux: did you mean NET_RAW?'],
    ["image *", "capabilities", "+constructor", '"constructor" is not a capability of Linux'],
    ["image *", "devices", "/srv/disk", "a device below /dev is expected"],
    ["image *", "devices", "/dev/kvm:/srv/kvm", "a device below /dev is expected"],
    ["image *", "devices", "/dev/", "a device below /dev is expected"],
    ["image *", "devices", "/dev/../etc/shadow", "the path must not contain the components “.” and “..”"],
    ["image *", "devices", "/dev/pts/0", "the device lies in a file system of the kernel's own"],
    ["image *", "devices", "char-drm:/dev/x", "a group of devices has no path in the image"],
    [
      "image *",
      "devices",
      "/dev/kvm:/dev/kvm:rr",
      "a device is expected, for example /dev/kvm, /dev/ttyUSB0:/dev/modem:rw, or a group such as char-drm"
    ],
    [
      "image *",
      "secret",
      "db password",
      "the secret's name must have letters, digits and “_”, “.”, “-”, “+”, “@” only"
    ],
    ["image *", "secret", "..", SECRET_WANTED],
    ["image *", "secret", "key:", SECRET_WANTED],
    ["image *", "secret", "key:name", SECRET_WANTED],
    ["image *", "secret", "key:0:0", SECRET_WANTED],
    ["image *", "secret", "key:/a:0:0:0400:more", SECRET_WANTED],
    ["image *", "secret", "k".repeat(241), "the secret's name is longer than 240 characters"],
    ["image *", "secret", "/etc/", "a file is expected, and this is a directory"],
    ["image *", "secret", "/etc/../key", "the path must not contain the components “.” and “..”"],
    ["image *", "secret", "key:/", "the secret's path is a directory, and a file is expected"],
    ["image *", "secret", "key:/etc/", "the secret's path is a directory, and a file is expected"],
    ["image *", "secret", "key:/etc/./key", "the path must not contain the components “.” and “..”"],
    ...["/dev/key", "/proc/1/key", "/run//systemd/key", "/run/credentials/key"].map(
      (path) =>
        [
          "image *",
          "secret",
          `key:${path}`,
          "the secret's path lies where systemd mounts file systems of its own"
        ] as const
    ),
    ["image *", "secret", "key:app:app:0400", "the owner has to be two numbers, UID:GID"],
    ["image *", "secret", "key:4294967295:0:0400", "the owner has to be two numbers, UID:GID"],
    [
      "image *",
      "secret",
      "key:0:0:4755",
      "the mode has to be an octal number without setuid bits, such as 0400"
    ],
    [
      "image *",
      "secret",
      "key:0:0:0800",
      "the mode has to be an octal number without setuid bits, such as 0400"
    ],
    [
      "image *",
      "secret",
      "key:/a:env=KEY",
      "a secret that is a variable has no path, owner or mode: NAME:env=VARIABLE is expected"
    ],
    ...["key:env=", "key:env=1KEY", "key:envfile=A-B"].map(
      (value) =>
        [
          "image *",
          "secret",
          value,
          "the variable's name must have letters, digits and “_” only, and not begin with a digit"
        ] as const
    ),
    ["image *", "envfile", "a.env", "an absolute path is expected"],
    ["image *", "envfile", "/etc/", "a file is expected, and this is a directory"],
    [
      "image *",
      "envfile",
      "/etc/*.env",
      "“*”, “?” and “[” are not allowed, since systemd takes them for a pattern"
    ],
    ["system", "systemdversion", "251", "a number of at least 252 is expected"],
    ["system", "systemdversion", "new", "a number of at least 252 is expected"],
    ["system", "maxentries", "0", "a whole number of at least 1 is expected"],
    ["system", "maxbytes", "1e9", "a whole number of at least 1 is expected"],
    ["system", "maxratio", "9999999999999999", "a whole number of at least 1 is expected"]
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
    ["env", 'GREETING=a  "b" %h $X # ; \'', [{ name: "GREETING", value: 'a  "b" %h $X # ; \'' }]],
    ["env", "EMPTY=", [{ name: "EMPTY", value: "" }]],
    ["env", '"LINES= a\\nb "', [{ name: "LINES", value: " a\nb " }]],
    ["env", "", []],
    ["entrypoint", "", undefined],
    ["entrypoint", '""', [""]],
    ["entrypoint", "myapp --name 'two words' # ;", ["myapp", "--name", "two words", "#", ";"]],
    ["entrypoint", '["myapp", "two words", ""]', ["myapp", "two words", ""]],
    ["entrypoint", "[ -e /ready ]", ["[", "-e", "/ready", "]"]],
    ["command", "[]", []],
    ["envfile", "/etc//a.env", [{ path: "/etc/a.env", isOptional: false }]],
    ["envfile", "-/etc/a%b.env", [{ path: "/etc/a%b.env", isOptional: true }]],
    [
      "capabilities",
      "+NET_RAW -cap_chown",
      [
        { name: "NET_RAW", isAdded: true },
        { name: "CHOWN", isAdded: false }
      ]
    ],
    ["capabilities", "-ALL", [{ name: "all", isAdded: false }]],
    ["capabilities", "", []],
    ["devices", "/dev//kvm", [{ host: "/dev/kvm", image: "/dev/kvm", mode: "rw" }]],
    ["devices", "/dev/ttyUSB0:/dev/modem:r", [{ host: "/dev/ttyUSB0", image: "/dev/modem", mode: "r" }]],
    ["devices", "/dev/fuse:rwm", [{ host: "/dev/fuse", image: "/dev/fuse", mode: "rwm" }]],
    ["devices", "char-drm:r", [{ host: "char-drm", image: undefined, mode: "r" }]],
    ["secret", "db-password", [file("db-password", "/run/secrets/db-password")]],
    ["secret", "a.b@c+d_E:/etc//app/key", [file("a.b@c+d_E", "/etc/app/key")]],
    ["secret", "key:1000:50:0440", [{ ...file("key", "/run/secrets/key"), uid: 1000, gid: 50, mode: 0o440 }]],
    ["secret", "key:/k:1:2:400", [{ ...file("key", "/k"), uid: 1, gid: 2, mode: 0o400 }]],
    ["secret", "/srv//tls/key.pem", [file("/srv/tls/key.pem", "/run/secrets/key.pem")]],
    ["secret", "/srv/key:/etc/key", [file("/srv/key", "/etc/key")]],
    ["secret", "key:envfile=KEY_FILE", [{ ...file("key", "/run/secrets/key"), variable: "KEY_FILE" }]],
    [
      "secret",
      "key:/k:1:2:0400:envfile=KEY_FILE",
      [{ ...file("key", "/k"), uid: 1, gid: 2, mode: 0o400, variable: "KEY_FILE" }]
    ],
    ["secret", "key:env=_K3Y", [{ kind: "variable", source: "key", variable: "_K3Y" }]],
    ["secret", "/srv/key:env=KEY", [{ kind: "variable", source: "/srv/key", variable: "KEY" }]],
    ["secret", "", []],
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
    const [first, second] = ["image myorg*", "image *:*able"] as const
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

  it("variables add up, one for each name; an empty one takes all back", () => {
    const env = (value: string) => ["image *", "env", value] as const
    assert.deepStrictEqual(effective(env("A=1"), env("B=2"), env("A=3")).env, [
      { name: "B", value: "2" },
      { name: "A", value: "3" }
    ])
    assert.deepStrictEqual(effective(env("A=1"), env(""), env("B=2")).env, [{ name: "B", value: "2" }])
  })

  it("secrets add up, one for each path and each variable; an empty one takes all back", () => {
    const said = (...values: readonly string[]) =>
      effective(...values.map((value) => ["image *", "secret", value] as const)).secret.map(
        SecretSettings.print
      )
    assert.deepStrictEqual(said("a", "a:env=A", "a:/k", "b:/k", "c:env=A"), [
      "a:/run/secrets/a:0:0:0444",
      "b:/k:0:0:0444",
      "c:env=A"
    ])
    assert.deepStrictEqual(said("a", "", "b:0:0:0400:envfile=B"), ["b:/run/secrets/b:0:0:0400:envfile=B"])
  })

  it("capabilities add up, one for each name; all takes the place of what was before it", () => {
    const said = (...values: readonly string[]) =>
      effective(...values.map((value) => ["image *", "capabilities", value] as const))
        .capabilities.map(({ isAdded, name }) => `${isAdded ? "+" : "-"}${name}`)
        .join(" ")
    assert.strictEqual(said("+KILL -CHOWN", "+CHOWN +BPF"), "+KILL +CHOWN +BPF")
    assert.strictEqual(said("+KILL", "-all"), "-all")
    assert.strictEqual(said("-all", "+KILL"), "-all +KILL")
    assert.strictEqual(said("+KILL +KILL -KILL"), "-KILL")
    assert.strictEqual(said("+KILL", "", "+BPF"), "+BPF")
  })

  it("each entry of a list that adds up has its line", () => {
    const lines = (...values: readonly string[]) =>
      Settings.originsFor(
        parse(...values.map((value) => ["image *", "env", value] as const)).settings,
        image
      ).env?.map(({ line }) => line)
    assert.deepStrictEqual(lines("A=1", "B=2", "A=3", "C=4"), [2, 3, 4])
    assert.deepStrictEqual(lines("A=1", ""), [2])
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
      ["image m*:*", "root", "ephemeral"],
      ["image *:*e", "root", "persistent"],
      ["image m*:*", "wantedby", "a.target"]
    ] as const
    assert.strictEqual(effective(...lines).root, "persistent")
  })
})

describe("a line of an image's section that cannot be used", () => {
  const faults = (...lines: ReadonlyArray<readonly [string, string, string]>) =>
    Settings.faultsFor(parse(...lines).settings, image).map(({ message }) => message)

  it("counts for the images of the section", () => {
    assert.deepStrictEqual(faults(["image *", "volum", "/srv/n:/data"]), [
      '/etc/oci-generator.conf:1: unknown key "volum" in an [image …] section: did you mean volume or volumes?'
    ])
    assert.deepStrictEqual(faults(["image other/*", "volum", "/srv/n:/data"]), [])
    assert.deepStrictEqual(faults(["system", "volum", "/srv/n:/data"]), [])
    assert.strictEqual(faults(["image *", "root", "kept"], ["image *", "profle", "strict"]).length, 2)
  })

  it("does not count where a more exact or later line sets the key", () => {
    assert.deepStrictEqual(faults(["image *", "root", "kept"], ["image *", "root", "persistent"]), [])
    assert.deepStrictEqual(faults(["image my*", "root", "persistent"], ["image *", "root", "kept"]), [])
    assert.strictEqual(faults(["image my*", "root", "kept"], ["image *", "root", "persistent"]).length, 1)
  })

  it("counts beside a later line where lines add up, unless that one removes all", () => {
    assert.strictEqual(faults(["image *", "env", "A"], ["image *", "env", "B=1"]).length, 1)
    assert.strictEqual(faults(["image *", "volume", "/a"], ["image *", "volume", "/b:/c"]).length, 1)
    assert.deepStrictEqual(faults(["image *", "env", "A"], ["image *", "env", ""]), [])
  })

  it("never quotes a variable, whose value may be a secret", () => {
    for (const value of [
      "hunter2",
      "1PASS=hunter2",
      "x hunter2=3",
      '"A=hunter2',
      "A=hunter2\0",
      "=hunter2"
    ]) {
      const [message, ...more] = faults(["image *", "env", value])
      assert.deepStrictEqual(more, [])
      assert.match(message ?? "", /^\/etc\/oci-generator\.conf:1: env: /)
      assert.notInclude(message ?? "", "hunter2")
    }
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

describe("settings that a program makes", () => {
  it.each(["relative", "", "./here", "/a/../b", "/with blank"])("have no directory %j", (extractsdir) => {
    let thrown: unknown
    try {
      Settings.make({ system: { extractsdir } })
    } catch (error) {
      thrown = error
    }
    assert.instanceOf(thrown, Settings.DirectoryRefused)
    assert.include(thrown, { key: "extractsdir", directory: extractsdir })
  })

  it("have the others", () =>
    assert.strictEqual(Settings.make({ system: { extractsdir: "/srv/x" } }).system.extractsdir, "/srv/x"))
})
