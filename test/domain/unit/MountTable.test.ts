import { assert, describe, it } from "@effect/vitest"
import * as MountTable from "../../../src/domain/unit/MountTable.ts"
import type { RootMount } from "../../../src/domain/unit/RootMounts.ts"

const NEW: MountTable.MountProgram = { addsFlags: true, flagsOf: () => assert.fail("is asked") }
const OLD: MountTable.MountProgram = {
  addsFlags: false,
  flagsOf: (path) => (path === "/srv" ? ["noexec"] : [])
}
const ROOT = { path: "/r", readonly: false, flags: { nodev: true, nosuid: false }, terminals: false }

const volume = (source: string, path: string, readonly = false): RootMount => ({
  kind: "volume",
  path,
  source,
  readonly
})
const writable: RootMount = { kind: "writable", path: "/run", source: "/scratch/run", readonly: false }
const hosts: RootMount = { kind: "host file", path: "/etc/hosts", source: "/etc/hosts", readonly: true }

const secret: RootMount = { kind: "secret", path: "/data/key", source: "/run/s/0", readonly: true }

/** Links of the image lead to `/real`. */
const resolve = (path: string): string | undefined =>
  path === "/loop" ? undefined : path.slice(1).replace(/^link(?=\/|$)/, "real")

const lines = (
  mounts: readonly RootMount[],
  program = NEW,
  root: Parameters<typeof MountTable.lines>[0] = ROOT
): readonly string[] =>
  MountTable.lines(root, MountTable.place(mounts, resolve), program).map((line) => line.replace(/ 0 0$/, ""))

const OPENED = "none /r none remount,bind,nodev,suid,symfollow"

describe("MountTable.lines", () => {
  it("mounts all in its place, then lets the root follow links again", () =>
    assert.deepStrictEqual(lines([volume("/srv", "/data"), writable, hosts]), [
      "/srv /r/data none rbind,nodev=recursive",
      "/etc/hosts /r/etc/hosts none bind,ro,nodev,nosuid,noexec,nofail",
      "/scratch/run /r/run none bind,nodev",
      OPENED
    ]))

  it("a secret has to be mounted, and no link of a volume is followed to it", () => {
    const expected = (volume: string, guard: string, opened: string) => [
      `/srv /r/data none ${volume},${guard}`,
      "/run/s/0 /r/data/key none bind,ro,nodev,nosuid,noexec",
      `none /r/data none remount,bind,${opened}`,
      OPENED
    ]
    assert.deepStrictEqual(
      lines([volume("/srv", "/data"), secret]),
      expected(
        "rbind,rslave,rshared,nodev=recursive",
        "nosymfollow=recursive",
        "nodev=recursive,symfollow=recursive"
      )
    )
    assert.deepStrictEqual(
      lines([volume("/srv", "/data"), secret], OLD),
      expected("bind,slave,shared,nodev,noexec", "nosymfollow", "nodev,noexec,symfollow")
    )
  })

  it("terminals of its own come first", () =>
    assert.deepStrictEqual(lines([], NEW, { ...ROOT, terminals: true }), [
      "devpts /r/proc devpts nosuid,noexec,mode=0620,gid=5,ptmxmode=0666",
      OPENED
    ]))

  it("a profile decides on devices and setuid programs, of the root too", () => {
    const mounts = [volume("/srv", "/data", true)]
    const of = (nodev: boolean, nosuid: boolean, readonly = false) =>
      lines(mounts, NEW, { ...ROOT, readonly, flags: { nodev, nosuid } })
    assert.deepStrictEqual(of(false, false), [
      "/srv /r/data none rbind,ro=recursive",
      "none /r none remount,bind,dev,suid,symfollow"
    ])
    assert.deepStrictEqual(of(true, true, true), [
      "/srv /r/data none rbind,ro=recursive,nodev=recursive,nosuid=recursive",
      "none /r none remount,bind,ro,nodev,nosuid,symfollow"
    ])
  })

  it("no link is followed in a volume until all that is inside it is mounted", () =>
    assert.deepStrictEqual(
      lines([
        volume("/i", "/data/a/inner"),
        volume("/o", "/data"),
        volume("/m", "/data/a"),
        volume("/x", "/data-x")
      ]),
      [
        "/o /r/data none rbind,rslave,rshared,nodev=recursive,nosymfollow=recursive",
        "/x /r/data-x none rbind,nodev=recursive",
        "/m /r/data/a none rbind,rslave,rshared,nodev=recursive,nosymfollow=recursive",
        "/i /r/data/a/inner none rbind,nodev=recursive",
        "none /r/data/a none remount,bind,nodev=recursive,symfollow=recursive",
        "none /r/data none remount,bind,nodev=recursive,symfollow=recursive",
        OPENED
      ]
    ))

  it("a source inside another volume is taken from where that is mounted", () =>
    assert.deepStrictEqual(lines([volume("/srv/outer/inner", "/a"), volume("/srv/outer", "/z")]), [
      "/srv/outer /r/z none rbind,rslave,rshared,nodev=recursive,nosymfollow=recursive",
      "/r/z/inner /r/a none rbind,nodev=recursive",
      "none /r/z none remount,bind,nodev=recursive,symfollow=recursive",
      OPENED
    ]))

  it("volumes that lie in each other are mounted in some order, and end", () =>
    assert.lengthOf(lines([volume("/a/b", "/x"), volume("/a", "/x/y")]), 5))

  it("an older mount(8) is told of the flags that it would take away, and guards no more than one mount", () =>
    assert.deepStrictEqual(
      lines([volume("/srv", "/data"), volume("/i", "/data/i"), volume("/o", "/o")], OLD),
      [
        "/srv /r/data none bind,slave,shared,nodev,noexec,nosymfollow",
        "/i /r/data/i none rbind,nodev",
        "/o /r/o none rbind,nodev",
        "none /r/data none remount,bind,nodev,noexec,symfollow",
        OPENED
      ]
    ))

  it("no path ends a field or a line", () =>
    assert.deepStrictEqual(lines([volume("/with blank", "/a\nb\tc\\d#")]), [
      "/with\\040blank /r/a\\012b\\011c\\134d\\043 none rbind,nodev=recursive",
      OPENED
    ]))
})

describe("MountTable.place", () => {
  const targets = (...mounts: readonly RootMount[]) =>
    MountTable.place(mounts, resolve).map(({ source, target }) => `${source} ${target}`)

  it("follows links of the image, and leaves out what leads nowhere", () =>
    assert.deepStrictEqual(targets(volume("/v", "/link/x"), volume("/w", "/loop")), ["/v real/x"]))

  it("of two at one place there is the first", () =>
    assert.deepStrictEqual(targets(volume("/v", "/link"), volume("/w", "/real")), ["/v real"]))
})
