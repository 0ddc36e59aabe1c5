/** Golden unit files: `UPDATE_GOLDEN=1` writes them anew, and the change is then to be read. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import type { ProcessConfig } from "../../../src/domain/image/ImageConfig.ts"
import type { RootFacts } from "../../../src/domain/process/RootFacts.ts"
import * as ImageSettings from "../../../src/domain/settings/ImageSettings.ts"
import * as VolumeBind from "../../../src/domain/settings/VolumeBind.ts"
import * as ImageUnits from "../../../src/domain/unit/ImageUnits.ts"
import * as StubUnit from "../../../src/domain/unit/StubUnit.ts"
import * as UnitFile from "../../../src/domain/unit/UnitFile.ts"
import { contextOf, imageOf } from "../../support/unitArbitraries.ts"

const FIXTURES = new URL("../../fixtures/units/", import.meta.url)

/** A fixture's name is the image's, then the unit's type: unit names hold characters that file names should not. */
const compare = (fixture: string, file: UnitFile.UnitFile): void => {
  const url = new URL(fixture, FIXTURES)
  const text = `# Name: ${file.name}\n${UnitFile.render(file)}`
  if (process.env.UPDATE_GOLDEN === "1") {
    mkdirSync(FIXTURES, { recursive: true })
    writeFileSync(url, text)
  }
  assert.strictEqual(text, readFileSync(url, "utf8"))
}

const compareAll = (image: string, files: readonly UnitFile.UnitFile[]): void => {
  for (const file of files) {
    const kind = /^oci-([a-z]+)@/.exec(file.name)?.[1]
    compare(`${image}${kind === undefined ? "" : `-${kind}`}${/\.[a-z]+$/.exec(file.name)?.[0] ?? ""}`, file)
  }
}

const PLAIN: ProcessConfig = {
  Entrypoint: ["/bin/app", "--greeting", 'hello "world"; 100% $HOME'],
  Cmd: ["--", ""],
  Env: ["PATH=/usr/local/bin:/usr/bin:/bin", "GREETING=a b\n%h $X", "not.taken=1"],
  WorkingDir: "srv/data",
  StopSignal: "SIGQUIT",
  Labels: {
    "org.opencontainers.image.title": "My\nApp",
    "org.opencontainers.image.url": "https://myorg.com/100%",
    "org.opencontainers.image.source": "javascript:alert(1)"
  }
}

const NAMED: ProcessConfig = {
  Cmd: ["server", "--port", "80"],
  Env: ["LD_PRELOAD=/opt/lib.so", "USER=me"],
  User: "app"
}

const FACTS: RootFacts = {
  user: { user: "app", identity: { uid: 1000, gid: 1001, supplementaryGids: [29, 44], home: "/home/app" } },
  command: {
    program: "server",
    searchPath: ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"],
    path: "/usr/local/bin/server"
  }
}

const plain = contextOf()
const named = contextOf({
  name: { layout: "localhost:5000/named", ref: "v1" },
  stem: "localhost:5000.named.ref.v1",
  settings: { ...ImageSettings.DEFAULTS, root: "persistent", wantedby: ["multi-user.target"] },
  host: {
    systemdVersion: 257,
    cli: ["/usr/bin/node", "/opt/oci systemd/cli.js"],
    configFile: "/etc/other.conf",
    servesRecords: true
  }
})
const render = (...args: Parameters<typeof ImageUnits.render>) =>
  Either.getOrThrow(ImageUnits.render(...args))

describe("ImageUnits.render", () => {
  it("a plain image", () => {
    const units = render(plain, imageOf(PLAIN), {})
    compareAll("plain", units.files)
    assert.deepStrictEqual(units.links, [])
    assert.strictEqual(units.notes.length, 1)
    assert.match(units.notes[0] ?? "", /"not\.taken"/)
  })

  it("an image with a named user, once it is extracted", () => {
    const units = render(named, imageOf(NAMED), FACTS)
    compareAll("named", units.files)
    assert.deepStrictEqual(units.links, [
      {
        path: "multi-user.target.wants/localhost:5000.named.ref.v1.service",
        target: "../localhost:5000.named.ref.v1.service"
      }
    ])
  })

  it("an image with a named user, before it is extracted: it fails, and takes nothing of the image along", () => {
    const [service] = render(named, imageOf(NAMED), {}).files
    if (service === undefined) return assert.fail("no service")
    compare("named-unprepared.service", service)
    const text = UnitFile.render(service)
    assert.notInclude(text, "LD_PRELOAD")
    assert.notMatch(text, /^(?:User|RootDirectory|Environment)=/m)
  })

  describe("of a working directory that its user may not enter", () => {
    const notes = (directory: string, closed: string, config: ProcessConfig = {}, facts: RootFacts = {}) =>
      render(named, imageOf({ ...NAMED, WorkingDir: directory, ...config }), {
        ...FACTS,
        workingDirectory: { path: directory, closed },
        ...facts
      }).notes
    it("notes say so", () => {
      assert.include(
        notes("/srv/app", "/srv/app")[0],
        'its user app may not enter the working directory "/srv/app", so it fails at each start with the status 200/CHDIR'
      )
      assert.include(
        notes("/srv/app", "/srv")[0],
        'may not enter "/srv", on the way to the working directory "/srv/app"'
      )
    })
    it("nothing is said where it is open, was found for another question, or is mounted at run time", () => {
      assert.deepEqual(notes("/srv/app", ""), [])
      assert.deepEqual(notes("/srv/app", "/srv", {}, { workingDirectory: { path: "/", closed: "/" } }), [])
      assert.deepEqual(notes("/srv/app", "/srv", { User: "other" }), [])
      assert.deepEqual(notes("/srv/app", "/srv/app", { Volumes: { "/srv": {} } }), [])
      assert.deepEqual(notes("/run/app", "/run/app"), [])
    })
    it.each(["/tmp", "/var/tmp"])(
      "notes say so of %s, unless it is mounted over a read-only root",
      (place) => {
        const directory = `${place}/app`
        const notesWith = (settings: Partial<ImageSettings.ImageSettings>) =>
          render(
            { ...named, settings: { ...named.settings, ...settings } },
            imageOf({ ...NAMED, WorkingDir: directory }),
            {
              ...FACTS,
              workingDirectory: { path: directory, closed: directory }
            }
          ).notes.filter((note) => note.includes("may not enter"))
        assert.lengthOf(notesWith({ root: "ephemeral" }), 1)
        assert.lengthOf(notesWith({ root: "persistent" }), 1)
        assert.lengthOf(notesWith({ root: "readonly" }), 0)
        assert.lengthOf(notesWith({ profile: "strict" }), 0)
      }
    )
  })

  for (const [what, config, image] of [
    ["author", {}, { author: "a".repeat(2 ** 20) }],
    ["label", { Labels: { ["k".repeat(2 ** 20)]: "v" } }, {}],
    ["link", { Labels: { "org.opencontainers.image.url": `https://myorg.com/${"a".repeat(2 ** 20)}` } }, {}],
    ["volume", { Volumes: { [`/'${"a".repeat(2 ** 20)}`]: {} } }, {}],
    [
      "list of ports",
      { ExposedPorts: Object.fromEntries(Array.from({ length: 65_535 }, (_, at) => [`${at + 1}/sctp`, {}])) },
      {}
    ]
  ] as const) {
    it(`no line is longer than systemd reads, however long the ${what}`, () => {
      const resolved = imageOf({ ...PLAIN, ...config })
      const { files } = render(plain, { ...resolved, config: { ...resolved.config, ...image } }, {})
      for (const line of files.flatMap((file) => UnitFile.render(file).split("\n")))
        assert.isBelow(Buffer.byteLength(line), 2 ** 19)
    })
  }

  it("a volume is what is mounted in its place, and nothing that is thrown away", () => {
    const places = ["/tmp", "/var/tmp"]
    const Volumes = Object.fromEntries(places.map((place) => [place, {}]))
    for (const root of ImageSettings.ROOT_MODES) {
      const context = contextOf({ settings: { ...ImageSettings.DEFAULTS, root } })
      const { template } = render(context, imageOf({ ...PLAIN, Volumes }), {})
      const mounts = template.mounts.filter(({ kind, path }) => kind !== "host file" && path !== "/run")
      assert.deepStrictEqual(
        mounts.map(({ path }) => path),
        places
      )
      for (const { source } of mounts) assert.match(source, /^\/var\/lib\/oci\/volumes\//)
    }
  })

  it("no unit mounts anything in a tree that processes of the image write", () => {
    const volume = ["/srv/a:/data:ro", "/srv/x:/x", "/dev/null:/dev/given"].map((text) =>
      Either.getOrThrow(VolumeBind.parse(text))
    )
    for (const root of ImageSettings.ROOT_MODES) {
      for (const profile of ImageSettings.PROFILES) {
        const context = contextOf({ settings: { ...ImageSettings.DEFAULTS, root, profile, volume } })
        const { files } = render(context, imageOf({ ...PLAIN, Volumes: { "/with blank": {} } }), {})
        const text = files.map(UnitFile.render).join("")
        const binds = text
          .match(/^Bind(?:ReadOnly)?Paths=.*/gm)
          ?.filter((line) => !line.includes("/journal/"))
        const terminals = /^BindPaths=\/run\/oci\/roots\/[^/]+\/proc:\/dev\/pts$/
        assert.strictEqual(
          binds?.some((line) => terminals.test(line)),
          profile !== "trusted"
        )
        assert.deepStrictEqual(
          binds?.filter((line) => !terminals.test(line)),
          ["BindPaths=/dev/null:/dev/given"]
        )
        assert.include(text, "ReadOnlyPaths=+/data\n")
        const writable = profile === "strict" ? ['ReadWritePaths=+/run "+/with blank" +/x'] : null
        assert.deepStrictEqual(text.match(/^ReadWritePaths=.*/gm), writable)
      }
    }
  })

  it("a unit names some of its notes where there are too many", () => {
    const Env = Array.from({ length: 1000 }, (_, at) => `not.taken.${at}=1`)
    const { files, notes } = render(plain, imageOf({ ...PLAIN, Env }), {})
    assert.strictEqual(notes.length, 1000)
    const lines = files.flatMap(({ comments }) => comments).filter((line) => line.startsWith("Note: "))
    // The walls that the machine lacks come first, whatever the image says.
    assert.strictEqual(lines.length, 102)
    assert.match(lines[0] ?? "", /a hostile image can take over the host/)
    assert.strictEqual(lines[101], "Note: 900 more notes are in oci-systemd inspect.")
  })

  for (const [what, config, facts] of [
    ["another user", { ...NAMED, User: "other" }, FACTS],
    ["another program", { ...NAMED, Cmd: ["other"] }, FACTS],
    ["another search path", { ...NAMED, Env: ["PATH=/x"] }, FACTS]
  ] as const) {
    it(`facts about ${what} are none`, () => {
      const [service] = render(named, imageOf(config), facts).files
      if (service === undefined) return assert.fail("no service")
      assert.notMatch(UnitFile.render(service), /^RootDirectory=/m)
    })
  }

  for (const [what, config] of [
    ["no command", {}],
    ["an unknown stop signal", { Cmd: ["/a"], StopSignal: "SIGFOO" }],
    ["a NUL in an argument", { Cmd: ["/a", "\0"] }],
    ["a NUL in a variable", { Cmd: ["/a"], Env: ["A=\0"] }],
    ["a newline in the working directory", { Cmd: ["/a"], WorkingDir: "/\nUser=0" }],
    ["half a surrogate pair", { Cmd: ["/a", "\ud800"] }]
  ] as const) {
    it(`refuses ${what}`, () => assert.isTrue(Either.isLeft(ImageUnits.render(plain, imageOf(config), {}))))
  }
})

describe("ImageUnits.stub", () => {
  it("says why on one line of the description, and in full when it is started", () =>
    compare(
      "stub.service",
      StubUnit.render(plain, 'the blob sha256:… is missing\n[Service]\nUser=0 %h "$1"')
    ))

  it("half a surrogate pair, a NUL and an endless reason do it no harm", () => {
    for (const reason of ["\ud800", "\0", "x".repeat(2 ** 20)]) {
      assert.match(
        UnitFile.render(StubUnit.render(plain, reason)),
        /\nExecStartPre=@:\/bin\/sh "sh" "-c" [^\n]+\n/
      )
    }
  })
})

describe("the journal's sockets", () => {
  for (const [version, logsockets, expected] of [
    [252, true, ["BindReadOnlyPaths=-/run/systemd/journal/"]],
    [257, true, ["BindLogSockets=yes"]],
    [252, false, []],
    [257, false, ["BindLogSockets=no"]]
  ] as const) {
    it(`${logsockets ? "are" : "are not"} in the root on systemd ${version}`, () => {
      const { host, settings } = plain
      const context = contextOf({
        host: { ...host, systemdVersion: version },
        settings: { ...settings, logsockets }
      })
      const [service] = render(context, imageOf({ Entrypoint: ["/bin/app"], User: "1:1" }), {}).files
      const lines = service === undefined ? [] : UnitFile.render(service).split("\n")
      const found = lines.filter((line) => /^BindLogSockets=|journal\//.test(line))
      assert.lengthOf(found, expected.length)
      for (const [index, start] of expected.entries()) assert.isTrue(found[index]?.startsWith(start))
    })
  }
})
