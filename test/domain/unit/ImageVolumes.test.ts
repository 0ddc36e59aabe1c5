import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import fc from "fast-check"
import * as VolumeBind from "../../../src/domain/settings/VolumeBind.ts"
import { bind } from "../../../src/domain/systemd/UnitValue.ts"
import * as ImageVolumes from "../../../src/domain/unit/ImageVolumes.ts"
import * as Systemd from "../../support/SystemdSyntax.ts"
import { hostileText, numRuns, sha256 } from "../../support/unitArbitraries.ts"

const of = (declared: readonly string[], volume: readonly string[] = [], volumes = true, directory = "U") =>
  ImageVolumes.of(
    {
      volumesdir: "/v",
      directory,
      settings: { volumes, volume: volume.map((text) => Either.getOrThrow(VolumeBind.parse(text))) },
      declared
    },
    sha256
  )

describe("ImageVolumes.of", () => {
  it("a directory for each volume, parents first", () =>
    assert.deepStrictEqual(
      of(["/data/nested/", "/data", "relative/../path", "/../up"]).volumes.map(({ path, directory }) => [
        path,
        directory
      ]),
      [
        ["/data", "/v/U/data"],
        ["/data/nested", "/v/U/data%2Fnested"],
        ["/path", "/v/U/path"],
        ["/up", "/v/U/up"]
      ]
    ))

  it("two spellings of one path are one volume", () =>
    assert.lengthOf(of(["/data", "/data/", "//data", "/x/../data"]).volumes, 1))

  it("a directory of the host in place of a volume, and beside them", () =>
    assert.deepStrictEqual(of(["/data"], ["/srv/d:/data", "/srv/e:/etc/app:ro"]).volumes, [
      { kind: "host", path: "/data", directory: "/srv/d", readonly: false },
      { kind: "host", path: "/etc/app", directory: "/srv/e", readonly: true }
    ]))

  it("none of the image's where nobody wants them, and no note about it", () =>
    assert.deepStrictEqual(of(["/data", "/"], ["/srv/e:/e"], false), {
      volumes: [{ kind: "host", path: "/e", directory: "/srv/e", readonly: false }],
      notes: []
    }))

  for (const path of [
    "/",
    "",
    "/..",
    "/proc",
    "/sys/fs",
    "/dev/shm",
    "/run",
    "/run/systemd/x",
    "/a:b",
    '/a"b',
    "/a'b",
    "/a\\b",
    "/a\nb",
    "/\ud800",
    `/${"x/".repeat(3000)}`
  ]) {
    it(`${JSON.stringify(path.slice(0, 20))} is none, and that is told`, () => {
      const { volumes, notes } = of([path])
      assert.deepStrictEqual(volumes, [])
      assert.lengthOf(notes, 1)
    })
  }
})

describe("whatever an image calls its volumes", () => {
  const declared = fc.array(hostileText, { maxLength: 6 })

  it("each is below its image's own directory, and no two share one", () =>
    fc.assert(
      fc.property(declared, (paths) => {
        const { volumes } = of(paths)
        assert.strictEqual(new Set(volumes.map(({ directory }) => directory)).size, volumes.length)
        assert.strictEqual(new Set(volumes.map(({ path }) => path)).size, volumes.length)
        for (const { directory } of volumes) assert.match(directory, /^\/v\/U\/[^./][^/]*$/u)
      }),
      { numRuns }
    ))

  it("systemd reads back the two paths, and nothing else", () =>
    fc.assert(
      fc.property(declared, (paths) => {
        for (const { directory, path } of of(paths).volumes) {
          assert.deepStrictEqual(Systemd.readBinds(bind(directory, path)), [[directory, path]])
        }
      }),
      { numRuns }
    ))
})
