import { execFileSync } from "node:child_process"
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import type { HostPlatform } from "../../src/domain/image/Platform.ts"
import * as Settings from "../../src/domain/settings/Settings.ts"
import * as SystemSettings from "../../src/domain/settings/SystemSettings.ts"
import * as Generate from "../../src/program/Generate.ts"
import { INDEX, LayoutWriter, sha256, temporary, type WrittenDescriptor } from "../support/LayoutWriter.ts"

const ARCHITECTURE = process.arch === "x64" ? "amd64" : process.arch
const PLATFORM: HostPlatform = { os: "linux", architecture: ARCHITECTURE, variants: [] }
const HOST = {
  systemdVersion: 257,
  cli: ["/usr/bin/oci-systemd"] as const,
  configFile: undefined,
  servesRecords: true
}
const STEM = "org.example.app.ref.v1"

const PLACE = { file: "/etc/oci-generator.conf", line: 1 }

interface Outcome {
  readonly units: readonly string[]
  readonly service: (stem: string) => string
  readonly link: (path: string) => string
  readonly messages: readonly string[]
}

/** Runs the generator over what `fill` makes, with a good image `good.org/fine:v1` beside it. */
const generate = (
  fill: (layout: LayoutWriter, layouts: string) => void,
  check: (outcome: Outcome) => void,
  rules: Settings.Settings["rules"] = []
): void => {
  using directory = temporary()
  const layouts = join(directory.path, "layouts")
  const output = join(directory.path, "normal")
  mkdirSync(output)
  const good = new LayoutWriter(join(layouts, "good.org/fine"))
  good.index(good.named("v1", good.image()))
  fill(new LayoutWriter(join(layouts, "example.org/app")), layouts)
  const messages: string[] = []
  const say = (message: string) => void messages.push(message)
  Generate.generate({
    settings: {
      system: {
        ...SystemSettings.DEFAULTS,
        imagelayoutdir: layouts,
        extractsdir: join(directory.path, "extracts")
      },
      rules
    },
    host: HOST,
    platform: PLATFORM,
    directory: output,
    log: { debug: () => {}, warn: say, error: say }
  })
  const service = (stem: string) => readFileSync(join(output, `${stem}.service`), "utf8")
  assert.include(service("org.good.fine.ref.v1"), 'ExecStart=@:/bin/app "/bin/app"')
  check({
    units: readdirSync(output).sort(),
    service,
    link: (path) => readlinkSync(join(output, path)),
    messages
  })
}

/** The image is a stub, and both the unit and the log say why. */
const refused =
  (why: RegExp, stem = STEM) =>
  ({ service, messages, units }: Outcome): void => {
    assert.match(service(stem), why)
    assert.match(service(stem), /^ExecStartPre=@:\/bin\/sh .*exit 1/m)
    assert.isTrue(
      messages.some((message) => why.test(message) && message.includes(":")),
      messages.join("\n")
    )
    assert.isFalse(units.includes(`oci-prepare@${stem}.service`))
  }

describe("the generator", () => {
  it("writes the service, and the units before it", () =>
    generate(
      (layout) => layout.index(layout.named("v1", layout.image())),
      ({ units, messages }) => {
        assert.deepEqual(messages, [])
        assert.deepEqual(
          units.filter((unit) => unit.includes("example")),
          [
            `oci-output@${STEM}.service`,
            `oci-prepare@${STEM}.service`,
            `oci-scratch@${STEM}.service`,
            `oci-stop@${STEM}.service`,
            `${STEM}.service`
          ]
        )
      }
    ))

  it("links services where they are wanted", () =>
    generate(
      (layout) => layout.index(layout.named("v1", layout.image())),
      ({ link }) => assert.equal(link(`multi-user.target.wants/${STEM}.service`), `../${STEM}.service`),
      [{ pattern: "example.org/*", settings: { wantedby: ["multi-user.target"] }, place: PLACE }]
    ))

  it("links a stub as well: units that want it see it fail", () =>
    generate(
      (layout) => layout.index(layout.named("v1", { ...layout.image(), size: 1 })),
      ({ link }) => {
        assert.equal(link(`x.target.requires/${STEM}.service`), `../${STEM}.service`)
        assert.equal(link("web.service"), `${STEM}.service`)
      },
      [
        {
          pattern: "example.org/*",
          settings: { requiredby: ["x.target"], alias: ["web.service"] },
          place: PLACE
        }
      ]
    ))

  it("gives nobody an alias that two want", () =>
    generate(
      (layout) => layout.index(layout.named("v1", layout.image())),
      ({ units, messages }) => {
        assert.notInclude(units, "web.service")
        assert.match(
          messages.join("\n"),
          /the alias web\.service is set for example\.org\/app:v1, good\.org\/fine:v1: none of them gets it/
        )
      },
      [{ pattern: "*", settings: { alias: ["web.service"] }, place: PLACE }]
    ))

  it("runs an image as the user that the configuration says", () =>
    generate(
      (layout) => layout.index(layout.named("v1", layout.image({ config: { Cmd: ["/a"], User: "app" } }))),
      ({ service }) => assert.match(service(STEM), /\nUser=oci-u7\nGroup=8\n/),
      [{ pattern: "example.org/*", settings: { user: "7:8" }, place: PLACE }]
    ))

  const other = { os: "linux", architecture: "s390x" }
  const twoPlatforms = (layout: LayoutWriter) => {
    const config = (Cmd: readonly string[], platform: object) => ({ ...platform, config: { Cmd } })
    const here = { os: "linux", architecture: ARCHITECTURE }
    layout.index(
      layout.named("v1", { ...layout.image(config(["/there"], other)), platform: other }),
      layout.named("v1", { ...layout.image(config(["/here"], here)), platform: here })
    )
  }

  it("takes this machine's platform, or the one that the configuration says", () => {
    generate(twoPlatforms, ({ service }) => assert.include(service(STEM), 'ExecStart=@:/here "/here"'))
    generate(twoPlatforms, ({ service }) => assert.include(service(STEM), 'ExecStart=@:/there "/there"'), [
      { pattern: "example.org/*", settings: { platform: other }, place: PLACE }
    ])
  })

  it("clears nothing of a persistent root but its /run", () =>
    generate(
      (layout) => layout.index(layout.named("v1", layout.image())),
      ({ service }) =>
        assert.match(
          service(`oci-scratch@${STEM}`),
          /^ExecStop=@:\S+\/oci-release "\S+" "persistent" "\S+\/scratch\/\S+" "\/run\/oci\/roots\/\S+" "\S+\.service"$/m
        ),
      [{ pattern: "*", settings: { root: "persistent" }, place: PLACE }]
    ))

  it("calls an only manifest without a name latest, and several by their digest", () => {
    generate(
      (layout) => layout.index(layout.image()),
      ({ units }) => assert.include(units, "org.example.app.ref.latest.service")
    )
    generate(
      (layout) => layout.index(layout.image(), layout.image({ author: "somebody else" })),
      ({ units }) =>
        assert.lengthOf(
          units.filter((unit) => /^org\.example\.app\.ref\.sha256-[0-9a-f]{12}\.service$/.test(unit)),
          2
        )
    )
  })

  it("follows nested indexes to this machine's platform", () =>
    generate(
      (layout) => {
        const other = {
          ...layout.image({ architecture: "s390x" }),
          platform: { os: "linux", architecture: "s390x" }
        }
        const mine = { ...layout.image(), platform: { os: "linux", architecture: ARCHITECTURE } }
        layout.index(layout.named("v1", layout.blob(INDEX, { schemaVersion: 2, manifests: [other, mine] })))
      },
      ({ service }) => assert.include(service(STEM), "ExecStart=@:/bin/app")
    ))

  it("takes manifests without a media type, Docker's, and an embedded config", () =>
    generate(
      (layout) => {
        const docker = "application/vnd.docker"
        const config = Buffer.from(
          JSON.stringify({
            architecture: ARCHITECTURE,
            os: "linux",
            config: { Cmd: ["/docker"], Entrypoint: null },
            rootfs: { type: "layers", diff_ids: [sha256(Buffer.alloc(1024))] }
          })
        )
        const manifest = layout.blob(`${docker}.distribution.manifest.v2+json`, {
          schemaVersion: 2,
          config: {
            mediaType: `${docker}.container.image.v1+json`,
            digest: sha256(config),
            size: config.length,
            data: config.toString("base64")
          },
          layers: [layout.blob(`${docker}.image.rootfs.diff.tar`, Buffer.alloc(1024))]
        })
        layout.index(layout.named("v1", manifest))
      },
      ({ service }) => assert.include(service(STEM), "ExecStart=@:/docker")
    ))

  it("reads the layout form of 2016", () =>
    generate(
      (layout) => layout.write("refs/v1", JSON.stringify(layout.image())),
      ({ service }) => assert.include(service(STEM), "ExecStart=@:/bin/app")
    ))

  it("finds layouts at any depth and behind links, and goes round in no circle", () =>
    generate(
      (layout, layouts) => {
        const deep = new LayoutWriter(join(layouts, "a/b/c/d/e"))
        deep.index(deep.image())
        symlinkSync("../..", join(layouts, "a/b/round"))
        symlinkSync("c/d/e", join(layouts, "a/b/linked"))
        layout.index(layout.image())
      },
      ({ units }) => {
        assert.include(units, "a.b.c.d.e.ref.latest.service")
        assert.include(units, "a.b.linked.ref.latest.service")
      }
    ))

  const config = (layout: LayoutWriter, change: object) =>
    layout.index(layout.named("v1", layout.image(change)))
  const only = (layout: LayoutWriter, descriptor: WrittenDescriptor) =>
    layout.index(layout.named("v1", descriptor))
  const refusals: ReadonlyArray<readonly [string, (layout: LayoutWriter) => void, RegExp]> = [
    [
      "a missing manifest",
      (l) => only(l, { mediaType: `${INDEX}`, digest: sha256("x"), size: 1 }),
      /index .*2d711642b7.* is missing/
    ],
    [
      "a wrong size",
      (l) => only(l, { ...l.image(), size: 7 }),
      /has [0-9]+ bytes, but its descriptor says 7/
    ],
    [
      "a wrong digest",
      (l) => {
        const image = l.image()
        l.write(l.blobPath(image.digest), " ".repeat(image.size))
        only(l, image)
      },
      /is damaged: its sha256 is [0-9a-f]{64}/
    ],
    [
      "a digest that leads elsewhere",
      (l) => only(l, { ...l.image(), digest: "sha256:../../etc/passwd" }),
      /not a sha256 or sha512 digest/
    ],
    [
      "a fifo as a blob",
      (l) => {
        const image = l.image()
        rmSync(join(l.path, l.blobPath(image.digest)))
        execFileSync("mkfifo", [join(l.path, l.blobPath(image.digest))])
        only(l, image)
      },
      /is a fifo, not a file/
    ],
    [
      "a directory as a blob",
      (l) => {
        const image = l.image()
        rmSync(join(l.path, l.blobPath(image.digest)))
        mkdirSync(join(l.path, l.blobPath(image.digest)))
        only(l, image)
      },
      /is a directory, not a file/
    ],
    ["another platform", (l) => config(l, { architecture: "mips" }), /the image is for linux\/mips/],
    ["Windows", (l) => config(l, { os: "windows" }), /the image is for windows\//],
    ["no command", (l) => config(l, { config: {} }), /neither an entrypoint nor a command/],
    [
      "a NUL in an argument",
      (l) => config(l, { config: { Cmd: ["/a", "b\0c"] } }),
      /argument 1 .* holds a NUL byte/
    ],
    [
      "an unknown stop signal",
      (l) => config(l, { config: { Cmd: ["/a"], StopSignal: "SIGNOPE" } }),
      /"SIGNOPE"/
    ],
    [
      "diff ids that are too few",
      (l) => only(l, l.image({}, { layers: [] })),
      /has 0 layers, but its configuration has 1 diff ids/
    ],
    [
      "an unknown layer type",
      (l) => only(l, l.image({}, { layers: [l.blob("application/x-squashfs", Buffer.from("x"))] })),
      /x-squashfs/
    ],
    [
      "two manifests of one name",
      (l) => l.index(l.named("v1", l.image()), l.named("v1", l.image({ author: "b" }))),
      /several manifests have this name: sha256:.*, sha256:/
    ],
    [
      "a duplicate key",
      (l) => only(l, l.blob(l.image().mediaType, Buffer.from('{"a":1,"a":2}'))),
      /the key \\?"a\\?" appears twice/
    ],
    ["text that is not JSON", (l) => only(l, l.blob(l.image().mediaType, Buffer.from("{"))), /not JSON/]
  ]
  for (const [name, fill, why] of refusals) {
    it(`makes a stub of ${name}`, () => generate(fill, refused(why)))
  }

  it("makes nothing of an artifact, and says nothing of it", () => {
    const chart = (l: LayoutWriter) =>
      l.image({}, { config: l.blob("application/vnd.cncf.helm.config.v1+json", {}) })
    const enabled = { "example.org/*": { wantedby: ["multi-user.target"], alias: ["app.service"] } }
    const { rules } = Settings.make({ images: enabled })
    for (const each of [[], rules])
      generate(
        (l) => only(l, chart(l)),
        ({ messages, units }) => {
          assert.deepEqual(messages, [])
          assert.deepEqual(
            units.filter((unit) => !unit.includes("org.good.fine")),
            []
          )
        },
        each
      )
  })

  it("makes a stub of a layout whose index is no index, huge, or a fifo", () => {
    const latest = "org.example.app.ref.latest"
    generate(
      (layout) => layout.write("index.json", "[]"),
      refused(/index .*index\.json is malformed/, latest)
    )
    generate(
      (layout) => {
        layout.write("index.json", "")
        truncateSync(join(layout.path, "index.json"), 2 ** 32)
      },
      refused(/has 4294967296 bytes, more than/, latest)
    )
    generate(
      (layout) => void execFileSync("mkfifo", [join(layout.path, "index.json")]),
      refused(/is a fifo/, latest)
    )
    generate((layout) => layout.write("oci-layout", "{}"), refused(/index\.json is missing/, latest))
  })

  it("skips a layout that has no name, and says so", () => {
    using directory = temporary()
    const layout = new LayoutWriter(directory.path)
    layout.index(layout.image())
    const messages: string[] = []
    Generate.generate({
      settings: { system: { ...SystemSettings.DEFAULTS, imagelayoutdir: directory.path }, rules: [] },
      host: HOST,
      platform: PLATFORM,
      directory: directory.path,
      log: { debug: () => {}, warn: (message) => void messages.push(message), error: () => {} }
    })
    assert.match(messages.join(), /has no name: skipped/)
  })

  it("gives images that would share a name each their own, and says so", () =>
    generate(
      (layout, layouts) => {
        layout.index(layout.image())
        for (const path of ["a/b", "b.a"]) {
          const writer = new LayoutWriter(join(layouts, path))
          writer.index(writer.image())
        }
      },
      ({ units, messages }) => {
        assert.lengthOf(
          units.filter((unit) => /^a\.b\.ref\.latest-[0-9a-f]{16}\.service$/.test(unit)),
          2
        )
        assert.match(messages.join("\n"), /a\/b:latest would have the same unit name as b\.a:latest/)
      }
    ))

  it("writes nothing over a directory that it cannot write, and goes on", () => {
    using directory = temporary()
    writeFileSync(join(directory.path, "file"), "")
    const layout = new LayoutWriter(join(directory.path, "layouts/x.org/y"))
    layout.index(layout.image())
    const messages: string[] = []
    Generate.generate({
      settings: {
        system: { ...SystemSettings.DEFAULTS, imagelayoutdir: join(directory.path, "layouts") },
        rules: []
      },
      host: HOST,
      platform: PLATFORM,
      directory: join(directory.path, "file"),
      log: { debug: () => {}, warn: () => {}, error: (message) => void messages.push(message) }
    })
    assert.match(messages.join(), /cannot be written/)
  })
})
