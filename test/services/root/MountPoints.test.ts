/** What the mounts of a root are mounted on is made in the root, in a scratch, or in a volume. */
import { existsSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import type { RootMount } from "../../../src/domain/unit/RootMounts.ts"
import * as MountPoints from "../../../src/services/root/MountPoints.ts"
import { temporary } from "../../support/LayoutWriter.ts"

const withImage = (
  test: (at: (path: string) => string, points: readonly MountPoints.MountPoint[]) => void
) => {
  using directory = temporary()
  const at = (path: string) => join(directory.path, path)
  for (const path of ["lower/run", "lower/var", "lower/etc", "upper", "run", "data", "host"])
    mkdirSync(at(path), { recursive: true })
  symlinkSync("/run", at("lower/var/run"))
  symlinkSync("../run/resolv/conf", at("lower/etc/resolv.conf"))
  symlinkSync("/dev/x", at("lower/device"))
  writeFileSync(at("file"), "")
  const mount = (kind: RootMount["kind"], source: string, path: string): RootMount => ({
    kind,
    path,
    source,
    readonly: false
  })
  test(
    at,
    MountPoints.of(at("lower"), [
      mount("volume", at("data"), "/srv/data"),
      mount("volume", at("host"), "/srv/data/inner"),
      mount("volume", at("host"), "/var/run/app"),
      mount("volume", at("file"), "/srv/data/some/file"),
      mount("volume", at("host"), "/device"),
      mount("writable", at("run"), "/run"),
      mount("host file", "/etc/hosts", "/etc/hosts"),
      mount("host file", "/etc/resolv.conf", "/etc/resolv.conf")
    ])
  )
}

it("finds the places inside the root, and none in file systems of the kernel", () =>
  withImage((_, points) =>
    assert.deepStrictEqual(
      points.map(({ isDirectory, target }) => `${target}${isDirectory ? "/" : ""}`),
      [
        "etc/hosts",
        "run/",
        "run/app/",
        "run/resolv/conf",
        "srv/data/",
        "srv/data/inner/",
        "srv/data/some/file"
      ]
    )
  ))

it("makes each in what it lies in", () =>
  withImage((at, points) => {
    MountPoints.makeInUpper(at("lower"), at("upper"), points)
    MountPoints.makeInMounts(points, "volume", ({ source }) => source)
    MountPoints.makeInMounts(points, "writable", ({ source }) => source)
    for (const path of ["upper/etc/hosts", "run/resolv/conf", "data/some/file"])
      assert.isTrue(lstatSync(at(path)).isFile(), path)
    for (const path of ["upper/srv/data", "upper/proc", "run/app", "data/inner"])
      assert.isTrue(lstatSync(at(path)).isDirectory(), path)
    for (const path of ["upper/run", "upper/srv/data/inner", "upper/device"])
      assert.isFalse(existsSync(at(path)), path)
  }))

it("names those in the root itself, for a root that is kept", () =>
  withImage((_, points) =>
    assert.deepStrictEqual(MountPoints.places(points, "srv/app").split("\0"), [
      "./proc/",
      "./sys/",
      "./dev/",
      "./srv/app/",
      "./etc/hosts",
      "./run/",
      "./srv/data/",
      ""
    ])
  ))

it("makes none through a link that the service of a volume has put where the source of another volume lies", () => {
  using directory = temporary()
  const at = (path: string) => join(directory.path, path)
  for (const path of ["lower", "outer", "elsewhere"]) mkdirSync(at(path))
  symlinkSync(at("elsewhere"), at("outer/inner"))
  const mount = (source: string, path: string): RootMount => ({
    kind: "volume",
    path,
    source,
    readonly: false
  })
  const points = MountPoints.of(at("lower"), [
    mount(at("outer"), "/a"),
    mount(at("outer/inner"), "/b"),
    mount(at("lower"), "/b/made")
  ])
  MountPoints.makeInMounts(points, "volume", ({ source }) => source)
  assert.isFalse(existsSync(at("elsewhere/made")))
})

describe("a place of systemd's that a volume is on the way to is found", () => {
  const found = (
    volume: string,
    profile: "default" | "strict",
    links: Readonly<Record<string, string>> = {}
  ) => {
    using directory = temporary()
    const at = (path: string) => join(directory.path, path)
    for (const path of ["lower/run", "lower/var", "host"]) mkdirSync(at(path), { recursive: true })
    for (const [path, target] of Object.entries(links)) symlinkSync(target, at(`lower/${path}`))
    const points = MountPoints.of(at("lower"), [
      { kind: "volume", path: volume, source: at("host"), readonly: false },
      { kind: "writable", path: "/run", source: at("host"), readonly: false }
    ])
    return MountPoints.throughVolume(at("lower"), points, profile)?.place
  }

  it.each([
    ["/run", "/run/systemd/incoming", {}],
    ["/run/host", "/run/host/os-release", {}],
    ["/var/run", "/run/systemd/incoming", { "var/run": "/run" }],
    ["/vol", "/run/systemd/incoming", { "run/systemd": "../vol/x" }],
    ["/vol", "/run/systemd/incoming", { "run/systemd": "../vol/x/../../safe" }],
    ["/vol", "/dev", { dev: "vol/dev" }],
    ["/vol", "/proc", { proc: "link", link: "/vol/x" }]
  ] as const)("in %s: %s", (volume, place, links) =>
    assert.strictEqual(found(volume, "default", links), place)
  )

  it("also those that only strict has", () => {
    assert.strictEqual(found("/vol", "strict", { tmp: "vol/x/tmp" }), "/tmp")
    assert.isUndefined(found("/vol", "default", { tmp: "vol/x/tmp" }))
  })

  it("and elsewhere nothing is", () => {
    for (const volume of ["/data", "/run/app", "/tmp", "/var/tmp", "/var"])
      for (const profile of ["default", "strict"] as const) assert.isUndefined(found(volume, profile), volume)
  })
})
