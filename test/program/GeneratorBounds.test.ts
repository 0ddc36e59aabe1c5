/** What strangers may put below the layouts directory without the generator reading on, waiting, or failing. */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import * as Either from "effect/Either"
import { assert, describe, it } from "vitest"
import * as Settings from "../../src/domain/settings/Settings.ts"
import * as Generate from "../../src/program/Generate.ts"
import * as BoundedDirectory from "../../src/services/files/BoundedDirectory.ts"
import type { Deadline } from "../../src/services/layout/Deadline.ts"
import { INDEX, LayoutWriter, temporary } from "../support/LayoutWriter.ts"

const HOST = {
  systemdVersion: 257,
  cli: ["/usr/bin/oci-systemd"] as const,
  configFile: undefined,
  servesRecords: true
}
const PLATFORM = { os: "linux", architecture: process.arch === "x64" ? "amd64" : process.arch, variants: [] }

interface Place {
  readonly path: string
  readonly layout: (name: string) => LayoutWriter
  /** The names of the services, and what was said. */
  readonly generate: (
    budget?: Deadline,
    system?: Partial<Settings.Settings["system"]>
  ) => {
    readonly services: readonly string[]
    readonly messages: readonly string[]
    readonly text: (unit: string) => string
    readonly exists: (path: string) => boolean
    readonly size: () => number
  }
}

/** With a good image `good.org/fine:v1`, which always gets its service. */
const withPlace = (test: (place: Place) => void): void => {
  using directory = temporary()
  const layouts = join(directory.path, "layouts")
  const units = join(directory.path, "units")
  fs.mkdirSync(units)
  const layout = (name: string) => new LayoutWriter(join(layouts, name))
  const good = layout("good.org/fine")
  good.index(good.named("v1", good.image()))
  const { settings } = Settings.fromLines([
    { file: "conf", line: 1, section: "system", key: "imagelayoutdir", value: layouts },
    { file: "conf", line: 2, section: "system", key: "extractsdir", value: join(directory.path, "extracts") },
    { file: "conf", line: 3, section: "image *", key: "wantedby", value: "multi-user.target" }
  ])
  test({
    path: layouts,
    layout,
    generate: (budget, system = {}) => {
      const messages: string[] = []
      const say = (message: string) => void messages.push(message)
      Generate.generate({
        settings: { ...settings, system: { ...settings.system, ...system } },
        host: HOST,
        platform: PLATFORM,
        directory: units,
        log: { debug: () => {}, warn: say, error: say },
        ...(budget === undefined ? {} : { budget })
      })
      const services = fs.readdirSync(units).filter((name) => /^[^@]+\.ref\..*\.service$/.test(name))
      assert.include(services, "org.good.fine.ref.v1.service")
      return {
        services: services.filter((name) => name !== "org.good.fine.ref.v1.service"),
        messages,
        text: (unit) => fs.readFileSync(join(units, unit), "utf8"),
        exists: (path) => fs.existsSync(join(units, path)),
        size: () => fs.readdirSync(units).reduce((sum, name) => sum + fs.lstatSync(join(units, name)).size, 0)
      }
    }
  })
}

const STUB = "org.example.app.ref.latest.service"

describe("an index.json that", () => {
  const cases: ReadonlyArray<readonly [string, (file: string) => void, RegExp]> = [
    [
      "has four gigabytes",
      (file) => fs.truncateSync(file, 2 ** 32),
      /index\.json has 4294967296 bytes, more than/
    ],
    [
      "is being written",
      (file) => fs.truncateSync(file, fs.statSync(file).size - 10),
      /index\.json cannot be used: not JSON/
    ],
    ["is empty yet", (file) => fs.truncateSync(file), /not JSON/],
    [
      "is a fifo",
      (file) => {
        fs.rmSync(file)
        execFileSync("mkfifo", [file])
      },
      /index\.json is a fifo/
    ],
    [
      "leads to a device",
      (file) => {
        fs.rmSync(file)
        fs.symlinkSync("/dev/zero", file)
      },
      /index\.json is a device/
    ],
    ["nests without end", (file) => fs.writeFileSync(file, "[".repeat(4_000_000)), /not JSON|nested/],
    [
      "lists a million of nothing",
      (file) => fs.writeFileSync(file, `{"manifests":[${"0,".repeat(1_000_000)}0]}`),
      /manifests: Expected at most 10000, actual 1000001/
    ]
  ]
  for (const [what, spoil, why] of cases) {
    it(`${what} is told, and hurts no other`, () =>
      withPlace(({ layout, generate }) => {
        const app = layout("example.org/app")
        app.index(app.image())
        spoil(join(app.path, "index.json"))
        const { messages, services } = generate()
        assert.isTrue(
          messages.some((message) => why.test(message)),
          messages[0]?.slice(0, 300)
        )
        assert.isNotEmpty(services)
      }))
  }
})

it("a configuration that nests without end is told", () =>
  withPlace(({ layout, generate }) => {
    const app = layout("example.org/app")
    const deep = Buffer.from(`{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`)
    const config = app.blob("application/vnd.oci.image.config.v1+json", deep)
    app.index(app.image({}, { config }))
    const { messages, text } = generate()
    assert.match(messages.join("\n"), /nested more than 64 deep/)
    assert.match(text(STUB), /nested more than 64 deep/)
  }))

it("an index of thousands of indexes is looked through for as long as an image can have platforms", () =>
  withPlace(({ layout, generate }) => {
    const app = layout("example.org/app")
    const empty = Array.from({ length: 1100 }, (_, n) =>
      app.blob(INDEX, { schemaVersion: 2, manifests: [], annotations: { n: `${n}` } })
    )
    app.index(app.named("v1", app.blob(INDEX, { schemaVersion: 2, manifests: empty })))
    assert.match(
      generate().messages.join("\n"),
      /none of the first 1000 manifests and indexes is for this machine/
    )
  }))

it("hundreds of names for one image are as many units", () =>
  withPlace(({ layout, generate }) => {
    const app = layout("example.org/app")
    const image = app.image()
    app.index(...Array.from({ length: 500 }, (_, n) => app.named(`v${n}`, image)))
    assert.lengthOf(generate().services, 500)
  }))

it("layouts that were made to share a name all get units, and name some of the others", () =>
  withPlace(({ layout, generate }) => {
    // a.b/c/d, a.b/c.d … are one name: half of a hundred separators are dots
    for (let bits = 0; bits < 256; bits++) {
      const rest = Array.from({ length: 8 }, (_, n) => `${(bits >> n) & 1 ? "/" : "."}c`).join("")
      const app = layout(`example.org/a${rest}`)
      app.index(app.named("v1", app.image()))
    }
    const { messages, services } = generate()
    assert.lengthOf(services, 256)
    const told = messages.find((message) => message.includes("would have the same unit name")) ?? ""
    assert.lengthOf(told.split(", so its unit is")[0]?.split(", ") ?? [], 16)
  }))

it("symbolic links in a circle are skipped", () =>
  withPlace(({ path, generate }) => {
    fs.mkdirSync(join(path, "loop.org"))
    fs.symlinkSync("b", join(path, "loop.org/a"))
    fs.symlinkSync("a", join(path, "loop.org/b"))
    fs.symlinkSync("..", join(path, "loop.org/up"))
    assert.deepEqual(generate().services, [])
  }))

it("a directory is read only as far as is asked", () => {
  using directory = temporary()
  for (let n = 0; n < 50; n++) fs.writeFileSync(join(directory.path, `${n}`), "")
  const listed = (most: number) => {
    const { entries, isCut } = Either.getOrThrow(BoundedDirectory.list(directory.path, most))
    return [entries.length, isCut]
  }
  assert.deepEqual(listed(10), [10, true])
  assert.deepEqual(listed(50), [50, false])
  assert.match(
    Either.getOrThrow(Either.flip(BoundedDirectory.list(join(directory.path, "1"), 1))).message,
    /1 is missing|no directory/
  )
})

describe("when the time is up", () => {
  const spentAfter = (asked: number): Deadline => {
    let left = asked
    return { seconds: 10, isSpent: () => left-- <= 0 }
  }

  it("images that were not read have a unit that says so, and units that want them see it fail", () =>
    withPlace(({ layout, generate }) => {
      for (const name of ["example.org/a", "example.org/b"]) {
        const app = layout(name)
        app.index(app.named("v1", app.image()))
      }
      // asked once a directory (3), once a layout (3), once an image: the last one is left
      const { exists, messages, text } = generate(spentAfter(8))
      const left = [
        "org.example.a.ref.v1.service",
        "org.example.b.ref.v1.service",
        "org.good.fine.ref.v1.service"
      ].filter((unit) => /had no time left \(maxseconds = 10\)/.test(text(unit)))
      assert.lengthOf(left, 1)
      assert.match(
        text(left[0] ?? ""),
        /^ExecStartPre=@:\/bin\/sh .*: systemctl daemon-reload tries again"$/m
      )
      assert.isTrue(exists(`multi-user.target.wants/${left[0]}`))
      assert.isTrue(messages.some((message) => message.includes("had no time left")))
    }))

  it("a layout with many names leaves the others time", () =>
    withPlace(({ generate, layout }) => {
      const many = layout("a.org/many")
      const app = many.image()
      many.index(...Array.from({ length: 10 }, (_, at) => many.named(`v${at}`, app)))
      // asked once a directory (3), once a layout (2), once an image: two are made
      const { services, text } = generate(spentAfter(7))
      const isMade = (unit: string) => !/had no time left/.test(text(unit))
      assert.deepEqual(services.filter(isMade), ["org.a.many.ref.v0.service"])
      assert.isTrue(isMade("org.good.fine.ref.v1.service"))
      assert.lengthOf(services, 10)
    }))

  it("what was not searched is said", () => {
    using directory = temporary()
    fs.mkdirSync(join(directory.path, "layouts/example.org"), { recursive: true })
    const { settings } = Settings.fromLines([
      {
        file: "conf",
        line: 1,
        section: "system",
        key: "imagelayoutdir",
        value: join(directory.path, "layouts")
      }
    ])
    const messages: string[] = []
    Generate.generate({
      settings,
      host: HOST,
      platform: PLATFORM,
      directory: directory.path,
      log: { debug: () => {}, warn: (message) => void messages.push(message), error: () => {} },
      budget: spentAfter(0)
    })
    assert.match(messages.join("\n"), /layouts was not read, as the generator had no time left/)
  })
})

describe("units that would take up too much memory", () => {
  const MEBIBYTE = 1024 * 1024
  const refs = Array.from({ length: 60 }, (_, index) => `v${index}`)
  /** Each percent sign is doubled in a unit. */
  const large = {
    config: { Entrypoint: ["/bin/app"], Env: [0, 1].map((index) => `A${index}=${"%".repeat(50_000)}`) }
  }

  it("become stubs that say so, and leave other layouts their space", () =>
    withPlace(({ layout, generate }) => {
      for (const name of ["example.org/app", "example.org/other"]) {
        const app = layout(name)
        const image = app.image(large)
        app.index(...refs.map((ref) => app.named(ref, image)))
      }
      const { messages, services, size, text } = generate(undefined, {
        maxunitbytes: 3 * MEBIBYTE,
        maxlayoutunitbytes: 2 * MEBIBYTE
      })
      assert.isAtMost(size(), 3 * MEBIBYTE)
      assert.lengthOf(services, 120)
      assert.include(text("org.example.app.ref.v0.service"), "Environment=")
      assert.include(text("org.example.other.ref.v0.service"), "Environment=")
      assert.include(text("org.example.app.ref.v9.service"), "too much memory (maxunitbytes = 3145728)")
      assert.isTrue(messages.some((message) => message.includes("example.org/app:v9: the units of")))
    }))

  it("are not written at all where there is no space for stubs either", () =>
    withPlace(({ layout, generate }) => {
      const app = layout("example.org/app")
      const image = app.image(large)
      app.index(...refs.map((ref) => app.named(ref, image)))
      const { messages, services, size } = generate(undefined, {
        maxunitbytes: MEBIBYTE,
        maxlayoutunitbytes: MEBIBYTE / 4
      })
      assert.isAtMost(size(), MEBIBYTE / 2)
      assert.isBelow(services.length, 60)
      assert.match(messages.join("\n"), /example\.org\/app:v\d+ and \d+ more: no unit is written/)
    }))

  it("an environment that no program could be started with is told", () =>
    withPlace(({ layout, generate }) => {
      const app = layout("example.org/app")
      const Env = Array.from({ length: 20 }, (_, index) => `A${index}=${"%".repeat(60_000)}`)
      app.index(app.image({ config: { Entrypoint: ["/bin/app"], User: "0:0", Env } }))
      const { text } = generate()
      assert.include(text(STUB), "the environment is longer than 1048576 bytes")
    }))

  it("a reason that holds texts of the image is cut", () =>
    withPlace(({ layout, generate }) => {
      const app = layout("example.org/app")
      app.index(app.image({ config: { Entrypoint: ["/bin/app"], StopSignal: "%".repeat(1_000_000) } }))
      assert.isBelow(generate().text(STUB).length, 16_384)
    }))
})
