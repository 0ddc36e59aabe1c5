/** Images and roots that somebody did something to: exactly that is found. */
import * as fs from "node:fs"
import { createServer } from "node:net"
import { dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { assert, describe, it } from "vitest"
import { LayerEntry, type Metadata } from "../../src/domain/archive/LayerEntry.ts"
import { type ByteString, fromText } from "../../src/domain/text/ByteString.ts"
import * as Verification from "../../src/domain/verify/Verification.ts"
import * as Verify from "../../src/program/Verify.ts"
import * as ExtractionServices from "../../src/services/ExtractionServices.ts"
import { type Calls, NativeCalls } from "../../src/services/files/NativeCalls.ts"
import * as Privileges from "../../src/services/files/Privileges.ts"
import { asUser, NOBODY } from "../support/AsUser.ts"
import * as Interruption from "../support/Interruption.ts"
import * as LayerArchive from "../support/LayerArchive.ts"
import { sha256 } from "../support/LayoutWriter.ts"
import { openBelow } from "../support/OpenFiles.ts"
import * as Tar from "../support/TarWriter.ts"
import { image, type Place, withPlace } from "../support/VerifyPlace.ts"

const isRoot = Privileges.isRoot()
const NEEDS_ROOT = isRoot ? "" : " (skipped: needs root)"
const asRoot = isRoot ? it : it.skip

const calls: Calls = await Effect.runPromise(Effect.provide(NativeCalls, NativeCalls.layer))

const SECONDS = 1_000_000
const metadata = (changes: Partial<Metadata> = {}): Metadata => ({
  mode: 0o644,
  uid: process.geteuid?.() ?? 0,
  gid: process.getegid?.() ?? 0,
  mtime: { seconds: SECONDS, nanoseconds: 0 },
  xattrs: new Map(),
  ...changes
})
const file = (path: string, size: number, changes: Partial<Metadata> = {}) =>
  LayerEntry.File({
    path: fromText(path),
    metadata: metadata(changes),
    size,
    content: { layer: 0, offset: 0 }
  })
const directory = (path: string, changes: Partial<Metadata> = {}) =>
  LayerEntry.Directory({ path: fromText(path), metadata: metadata({ mode: 0o755, ...changes }) })
const symlink = (path: string, target: string) =>
  LayerEntry.Symlink({ path: fromText(path), metadata: metadata(), target: fromText(target) })
const link = (path: string, target: string) =>
  LayerEntry.Hardlink({ path: fromText(path), target: fromText(target) })
const note = fromText("user.note")

const LOWER = LayerArchive.write([
  directory("./"),
  directory("etc/"),
  file("etc/passwd", 100, { xattrs: new Map([[note, new Uint8Array([1, 2, 3])]]) }),
  file("etc/hosts", 10),
  symlink("etc/mtab", "../proc/mounts"),
  directory("bin/"),
  file("bin/app", 300_000, { mode: 0o755 }),
  link("bin/also", "bin/app"),
  link("bin/too", "bin/app"),
  file("bin/other", 300_000, { mode: 0o755, mtime: { seconds: -2, nanoseconds: 5 } }),
  directory("deep/"),
  directory("deep/er/"),
  file("deep/er/file", 5),
  file("gone", 1),
  LayerEntry.Fifo({ path: fromText("pipe"), metadata: metadata() })
])
const UPPER = LayerArchive.write([
  file(".wh.gone", 0),
  file("etc/hosts", 20),
  directory("empty/"),
  file("nothing", 0)
])

/** Extracts an image of these layers and hands over its root. */
const extracted = (
  archives: ReadonlyArray<Uint8Array>,
  test: (root: string, place: Place) => Promise<void> | void
) =>
  withPlace(async (place) => {
    place.layout.index(place.layout.named("v1", image(place.layout, archives)))
    const [root = ""] = await place.extract()
    await test(root, place)
  })

/** Does something to a name, and puts the times back that this changes by the way. */
const quietly = (path: string, change: () => void): void => {
  const parent = dirname(path)
  const before = [path, parent].map((it) => [it, fs.lstatSync(it, { throwIfNoEntry: false })] as const)
  change()
  for (const [it, stats] of before) {
    if (stats === undefined || fs.lstatSync(it, { throwIfNoEntry: false }) === undefined) continue
    const seconds = Math.floor(stats.mtimeMs / 1000)
    const nanoseconds = stats.mtimeMs < 0 ? 5 : 0
    calls.setModified(Buffer.from(it), { seconds, nanoseconds })
  }
}

interface Damage {
  readonly what: string
  readonly path: string
  readonly change: (path: string, root: string) => void
  readonly found: ReadonlyArray<string>
  readonly needsRoot?: boolean
}

const write = (path: string, at: number, text: string): void => {
  const fd = fs.openSync(path, "r+")
  fs.writeSync(fd, text, at)
  fs.closeSync(fd)
}
const inPlaceOf = (path: string, make: () => void): void => {
  fs.rmSync(path, { recursive: true })
  make()
}

const DAMAGES: ReadonlyArray<Damage> = [
  {
    what: "a mode",
    path: "etc/passwd",
    change: (path) => fs.chmodSync(path, 0o4600),
    found: ["changed /etc/passwd: mode 644 is 4600"]
  },
  {
    what: "an owner and a group",
    path: "etc/hosts",
    change: (path) => fs.chownSync(path, 12, 34),
    found: ["changed /etc/hosts: uid 0 is 12; gid 0 is 34"],
    needsRoot: true
  },
  {
    what: "a directory's mode",
    path: "deep/er",
    change: (path) => fs.chmodSync(path, 0o700),
    found: ["changed /deep/er: mode 755 is 700"]
  },
  {
    what: "the root's own mode",
    path: "",
    change: (path) => fs.chmodSync(path, 0o700),
    found: ["changed /: mode 755 is 700"]
  },
  {
    what: "a symlink's owner",
    path: "etc/mtab",
    change: (path) => fs.lchownSync(path, 1, 0),
    found: ["changed /etc/mtab: uid 0 is 1"],
    needsRoot: true
  },
  {
    what: "one bit of a file",
    path: "bin/other",
    change: (path) => write(path, 299_999, "x"),
    found: ["changed /bin/other: content differs"]
  },
  {
    what: "one bit of a file with three names",
    path: "bin/also",
    change: (path) => write(path, 0, "x"),
    found: [
      "changed /bin/app: content differs",
      "changed /bin/also: content differs",
      "changed /bin/too: content differs"
    ]
  },
  {
    what: "a file that lost its end",
    path: "etc/hosts",
    change: (path) => fs.truncateSync(path, 7),
    found: ["changed /etc/hosts: size 20 is 7"]
  },
  {
    what: "a file that was empty",
    path: "nothing",
    change: (path) => fs.writeFileSync(path, "now"),
    found: ["changed /nothing: size 0 is 3"]
  },
  {
    what: "another attribute value",
    path: "etc/passwd",
    change: (path) => calls.setXattr(Buffer.from(path), note, new Uint8Array([1, 2, 4])),
    found: ["changed /etc/passwd: xattr user.note differs"]
  },
  {
    what: "an attribute nobody brought",
    path: "empty",
    change: (path) => calls.setXattr(Buffer.from(path), note, new Uint8Array([])),
    found: ["changed /empty: xattr user.note was added"]
  },
  {
    what: "an overlay's attribute",
    path: "empty",
    change: (path) =>
      calls.setXattr(Buffer.from(path), "trusted.overlay.opaque" as ByteString, Buffer.from("y")),
    found: ["changed /empty: xattr trusted.overlay.opaque was added"],
    needsRoot: true
  },
  {
    what: "another target",
    path: "etc/mtab",
    change: (path) => inPlaceOf(path, () => fs.symlinkSync("/etc/passwd", path)),
    found: ['changed /etc/mtab: target "../proc/mounts" is "/etc/passwd"']
  },
  {
    what: "a file that is missing",
    path: "etc/hosts",
    change: (path) => fs.rmSync(path),
    found: ["missing /etc/hosts: a file"]
  },
  {
    what: "a directory that is missing",
    path: "deep",
    change: (path) => fs.rmSync(path, { recursive: true }),
    found: ["missing /deep: a directory with all that is below it"]
  },
  {
    what: "the first of three names that is missing",
    path: "bin/app",
    change: (path) => fs.rmSync(path),
    found: ["missing /bin/app: a file"]
  },
  {
    what: "a file that was whited out",
    path: "gone",
    change: (path) => fs.writeFileSync(path, "back"),
    found: ["added /gone: a file"]
  },
  {
    what: "a whole tree nobody brought, with a name that is no text",
    path: "empty/new",
    change: (path) => {
      fs.mkdirSync(path)
      fs.writeFileSync(Buffer.concat([Buffer.from(path), Buffer.from([0x2f, 0xff])]), "")
      fs.writeFileSync(Buffer.concat([Buffer.from(path), Buffer.from([0xfe, 0x0a])]), "")
    },
    found: ["added /empty/new: a directory with all that is below it", "added /empty/new\\xfe\\x0a: a file"]
  },
  {
    what: "a directory where a file was",
    path: "etc/hosts",
    change: (path) => inPlaceOf(path, () => fs.mkdirSync(path)),
    found: ["changed /etc/hosts: a file is a directory"]
  },
  {
    what: "a link out of the root where a directory was",
    path: "deep",
    change: (path, root) => {
      fs.renameSync(path, `${root}/../moved`)
      fs.symlinkSync(`${root}/../moved`, path)
    },
    found: ["changed /deep: a directory is a symlink"]
  },
  {
    what: "a link out of the root where a file was",
    path: "etc/hosts",
    change: (path) => inPlaceOf(path, () => fs.symlinkSync("/dev/zero", path)),
    found: ["changed /etc/hosts: a file is a symlink"]
  },
  {
    what: "a fifo where a file was: nobody waits for it",
    path: "etc/hosts",
    change: (path) => inPlaceOf(path, () => calls.makeNode(Buffer.from(path), "fifo", 0o644, 0, 0)),
    found: ["changed /etc/hosts: a file is a fifo"]
  },
  {
    what: "a copy where a hard link was",
    path: "bin/too",
    change: (path, root) =>
      inPlaceOf(path, () => {
        fs.copyFileSync(`${root}/bin/app`, path)
        fs.chmodSync(path, 0o755)
        calls.setModified(Buffer.from(path), { seconds: SECONDS, nanoseconds: 0 })
      }),
    found: ["changed /bin/too: no longer a hard link of /bin/app"]
  },
  {
    what: "a hard link where a file was",
    path: "etc/hosts",
    change: (path, root) => inPlaceOf(path, () => fs.linkSync(`${root}/nothing`, path)),
    found: [
      "changed /etc/hosts: size 20 is 0",
      "changed /nothing: a hard link of /etc/hosts, which it should not be"
    ]
  }
]

describe("verify --deep", () => {
  it("finds nothing in a root as it was extracted", () =>
    extracted([LOWER, UPPER], async (_, { at, extracts, temporary, verify }) => {
      const before = fs.readdirSync(extracts, { recursive: true }).sort()
      const { lines, verifications } = await verify({ deep: true })
      assert.deepEqual(lines, [])
      const [verification] = verifications
      assert.equal(
        verification && Verification.render(verification),
        "example.org/app:v1: intact; 2 layers, 16 paths of the root"
      )
      assert.deepEqual(fs.readdirSync(temporary), [])
      assert.deepEqual(fs.readdirSync(extracts, { recursive: true }).sort(), before)
      assert.deepEqual(openBelow(at), [])
    }))

  for (const { change, found, needsRoot = false, path, what } of DAMAGES) {
    const skipped = needsRoot && !isRoot
    it.skipIf(skipped)(`finds ${what}${skipped ? NEEDS_ROOT : ""}`, () =>
      extracted([LOWER, UPPER], async (root, { at, temporary, verify }) => {
        const changed = path === "" ? root : join(root, path)
        quietly(changed, () => change(changed, root))
        const { lines, verifications } = await verify({ deep: true })
        // what a directory has comes in the file system's order
        assert.deepEqual([...lines].sort(), found.map((line) => `example.org/app:v1: ${line}`).sort())
        assert.deepEqual(
          verifications.map(({ findings }) => findings),
          [found.length]
        )
        assert.deepEqual(fs.readdirSync(temporary), [])
        assert.deepEqual(openBelow(at), [])
      })
    )
  }

  it("finds a nanosecond of a time", () =>
    extracted([LOWER, UPPER], async (root, { verify }) => {
      calls.setModified(Buffer.from(`${root}/bin/other`), { seconds: -2, nanoseconds: 6 })
      calls.setModified(Buffer.from(`${root}/etc/mtab`), { seconds: SECONDS, nanoseconds: 1 })
      assert.deepEqual((await verify({ deep: true })).lines, [
        "example.org/app:v1: changed /etc/mtab: mtime 1000000 is 1000000.000000001",
        "example.org/app:v1: changed /bin/other: mtime -1.999999995 is -1.999999994"
      ])
    }))

  it("finds a socket where a file was", () =>
    extracted([LOWER, UPPER], async (root, { verify }) => {
      // a socket's path is short: it is bound elsewhere and moved
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(join(dirname(root), "s"), resolve))
      quietly(`${root}/nothing`, () => fs.renameSync(join(dirname(root), "s"), `${root}/nothing`))
      const { lines } = await verify({ deep: true })
      await new Promise((resolve) => server.close(resolve))
      assert.deepEqual(lines, ["example.org/app:v1: changed /nothing: a file is a socket"])
    }))

  asRoot(`finds another device${NEEDS_ROOT}`, () =>
    extracted(
      [
        LayerArchive.write([
          LayerEntry.CharacterDevice({ path: fromText("null"), metadata: metadata(), major: 1, minor: 3 }),
          LayerEntry.BlockDevice({ path: fromText("disk"), metadata: metadata(), major: 259, minor: 70_000 }),
          link("other", "disk")
        ])
      ],
      async (root, { verify }) => {
        assert.deepEqual((await verify({ deep: true })).lines, [])
        quietly(`${root}/null`, () =>
          inPlaceOf(`${root}/null`, () => {
            calls.makeNode(Buffer.from(`${root}/null`), "character", 0o644, 1, 5)
            fs.chmodSync(`${root}/null`, 0o644)
          })
        )
        quietly(`${root}/disk`, () =>
          inPlaceOf(`${root}/disk`, () => {
            calls.makeNode(Buffer.from(`${root}/disk`), "character", 0o644, 259, 70_000)
          })
        )
        assert.deepEqual((await verify({ deep: true })).lines, [
          "example.org/app:v1: changed /null: device 1:3 is 1:5",
          "example.org/app:v1: changed /disk: a block device is a character device"
        ])
      }
    )
  )

  it("finds damage of the layers that are kept beside the roots, and does not believe them", () =>
    extracted([LOWER, UPPER], async (root, { extracts, verify }) => {
      const kept = fs
        .readdirSync(join(extracts, "layers"), { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".tar"))
        .map((name) => join(extracts, "layers", name))
      assert.lengthOf(kept, 2)
      for (const path of kept) fs.writeFileSync(path, "damaged")
      const damaged = kept
        .map(
          (path) => `example.org/app:v1: ${path} is damaged: its digest is ${sha256(Buffer.from("damaged"))}`
        )
        .sort()
      assert.deepEqual([...(await verify({ deep: true })).lines].sort(), damaged)
      quietly(`${root}/bin/other`, () => write(`${root}/bin/other`, 5, "x"))
      assert.deepEqual([...(await verify({ deep: true })).lines].sort(), [
        ...damaged,
        "example.org/app:v1: changed /bin/other: content differs"
      ])
      fs.rmSync(join(extracts, "layers"), { recursive: true })
      assert.lengthOf((await verify({ deep: true })).lines, 1)
    }))

  it("finds nothing where an image has a layer twice, whose files are two then", () => {
    const twice = LayerArchive.write([file("d/f", 3), link("d/g", "d/f")])
    const between = LayerArchive.write([link("kept", "d/f"), file("d/.wh.f", 0), file("d/.wh.g", 0)])
    return extracted([twice, between, twice], async (root, { verify }) => {
      assert.equal(fs.lstatSync(`${root}/kept`).nlink, 1)
      assert.equal(fs.lstatSync(`${root}/d/f`).nlink, 2)
      assert.deepEqual((await verify({ deep: true })).lines, [])
      quietly(`${root}/d/g`, () => {
        const data = fs.readFileSync(`${root}/d/g`)
        fs.unlinkSync(`${root}/d/g`)
        fs.writeFileSync(`${root}/d/g`, data)
        fs.chmodSync(`${root}/d/g`, 0o644)
      })
      calls.setModified(Buffer.from(`${root}/d`), { seconds: 0, nanoseconds: 0 })
      assert.deepEqual((await verify({ deep: true })).lines, [
        "example.org/app:v1: changed /d/g: no longer a hard link of /d/f"
      ])
    })
  })

  it("takes holes for what they are, and sees what is written into one", () =>
    extracted(
      [
        Tar.archive(
          Tar.member(
            {
              name: "s",
              type: "S",
              magic: Tar.GNU,
              tail: Tar.oldGnuTail([1 << 24, 3], Tar.base256(2n ** 38n, 12))
            },
            "abc"
          )
        )
      ],
      async (root, { verify }) => {
        assert.deepEqual((await verify({ deep: true })).lines, [])
        quietly(`${root}/s`, () => write(`${root}/s`, 2 ** 37, "\0"))
        assert.deepEqual((await verify({ deep: true })).lines, [])
        quietly(`${root}/s`, () => write(`${root}/s`, 2 ** 37, "x"))
        assert.deepEqual((await verify({ deep: true })).lines, [
          "example.org/app:v1: changed /s: content differs"
        ])
      }
    ))

  it("knows how far a file system's times reach", () =>
    extracted(
      [LayerArchive.write([file("late", 1, { mtime: { seconds: 2 ** 36, nanoseconds: 7 } })])],
      async (root, { verify }) => {
        assert.deepEqual((await verify({ deep: true })).lines, [])
        calls.setModified(Buffer.from(`${root}/late`), { seconds: SECONDS, nanoseconds: 0 })
        assert.lengthOf((await verify({ deep: true })).lines, 1)
      }
    ))

  it("goes as deep as a root does", () => {
    const path = Array.from({ length: 15 }, () => "d".repeat(250)).join("/")
    return extracted([LayerArchive.write([file(`${path}/file`, 3)])], async (_, { verify }) => {
      const { lines, verifications } = await verify({ deep: true })
      assert.deepEqual(lines, [])
      assert.deepEqual(verifications.map(Verification.render), [
        "example.org/app:v1: intact; 1 layer, 17 paths of the root"
      ])
    })
  })

  it("tells of a root that is not there, and is content with its blobs", () =>
    withPlace(async ({ layout, temporary, verify }) => {
      layout.index(layout.named("v1", image(layout, [LOWER, UPPER])))
      const { lines, verifications } = await verify({ deep: true })
      assert.deepEqual(lines, [])
      assert.deepEqual(verifications.map(Verification.render), [
        "example.org/app:v1: intact; 2 layers, not extracted"
      ])
      assert.deepEqual(fs.readdirSync(temporary), [])
    }))

  it("cannot compare a root with layers that are damaged, and says so", () =>
    extracted([LOWER, UPPER], async (_, { layout, verify }) => {
      const path = join(layout.path, layout.blobPath(blobsOf(layout.path)[1]?.digest ?? ""))
      write(path, 30, "x")
      const { lines, verifications } = await verify({ deep: true })
      assert.lengthOf(lines, 1)
      assert.match(lines[0] ?? "", /layer sha256:[0-9a-f]{64}: the blob is damaged/)
      assert.deepEqual(verifications.map(Verification.render), [
        "example.org/app:v1: not intact: 1 finding; 2 layers, the root could not be compared"
      ])
    }))

  asRoot(
    `says in one line what an ordinary user could not extract, and finds what was done later${NEEDS_ROOT}`,
    () =>
      withPlace(async ({ at, layout, extract, extracts, temporary, verify }) => {
        const archive = LayerArchive.write([
          directory("etc/"),
          ...Array.from({ length: 50 }, (_, index) => file(`etc/${index}`, 5)),
          file("setuid", 5, { mode: 0o4755 }),
          file("capable", 5, { xattrs: new Map([[fromText("security.capability"), CAPABILITY]]) }),
          LayerEntry.CharacterDevice({ path: fromText("null"), metadata: metadata(), major: 1, minor: 3 })
        ])
        layout.index(layout.named("v1", image(layout, [archive])))
        fs.chmodSync(at, 0o755)
        fs.mkdirSync(extracts)
        for (const path of [extracts, temporary]) fs.chownSync(path, NOBODY, NOBODY)
        const asNobody = <A>(run: () => Promise<A>) => Effect.runPromise(asUser(NOBODY, Effect.promise(run)))
        const [root = ""] = await asNobody(extract)
        const clean = await asNobody(() => verify({ deep: true }))
        assert.deepEqual(clean.lines, [])
        assert.deepEqual(clean.verifications.map(Verification.render), [
          "example.org/app:v1: intact; 1 layer, 55 paths of the root, extracted without root, so there are 54 without their owners, 1 device left out, 1 without some extended attributes"
        ])
        fs.chownSync(`${root}/etc/7`, 7, 7)
        quietly(`${root}/etc/8`, () => write(`${root}/etc/8`, 0, "x"))
        fs.chmodSync(`${root}/etc/9`, 0o4644)
        assert.deepEqual((await verify({ deep: true })).lines, [
          "example.org/app:v1: changed /etc/7: uid 0 is 7; gid 0 is 7",
          "example.org/app:v1: changed /etc/8: content differs",
          "example.org/app:v1: changed /etc/9: mode 644 is 4644"
        ])
      })
  )

  asRoot(`says once that the extracts cannot be read, and verifies the images${NEEDS_ROOT}`, () =>
    withPlace(async ({ at, layout, extract, extracts, temporary, verify }) => {
      const archive = LayerArchive.write([file("a", 5)])
      layout.index(layout.named("v1", image(layout, [archive])), layout.named("v2", image(layout, [archive])))
      await extract()
      fs.chmodSync(at, 0o755)
      fs.chownSync(temporary, NOBODY, NOBODY)
      const { lines, verifications, warnings } = await Effect.runPromise(
        asUser(
          NOBODY,
          Effect.promise(() => verify())
        )
      )
      assert.deepEqual(lines, [])
      assert.lengthOf(verifications, 2)
      assert.deepEqual(warnings, [
        {
          code: "ExtractsUnread",
          path: extracts,
          message: `${extracts} cannot be read: images are verified, and what is extracted of them is not`
        }
      ])
      assert.deepEqual((await verify()).warnings, [])
    })
  )

  asRoot(`knows that access control lists change modes, and that small ones vanish${NEEDS_ROOT}`, () => {
    const acl = (...entries: ReadonlyArray<readonly [tag: number, permissions: number, id?: number]>) => {
      const bytes = Buffer.alloc(4 + 8 * entries.length)
      bytes.writeUInt32LE(2)
      entries.forEach(([tag, permissions, id = 0xffffffff], index) => {
        bytes.writeUInt16LE(tag, 4 + 8 * index)
        bytes.writeUInt16LE(permissions, 6 + 8 * index)
        bytes.writeUInt32LE(id, 8 + 8 * index)
      })
      return new Map([[fromText("system.posix_acl_access"), bytes]])
    }
    return extracted(
      [
        LayerArchive.write([
          file("small", 1, { xattrs: acl([1, 6], [4, 4], [0x20, 0]) }),
          file("large", 1, { xattrs: acl([1, 6], [2, 6, 1000], [4, 0], [0x10, 6], [0x20, 4]) })
        ])
      ],
      async (root, { verify }) => {
        assert.equal(fs.statSync(`${root}/small`).mode & 0o777, 0o640)
        assert.deepEqual((await verify({ deep: true })).lines, [])
        fs.chmodSync(`${root}/large`, 0o644)
        assert.deepEqual((await verify({ deep: true })).lines, [
          "example.org/app:v1: changed /large: mode 664 is 644; xattr system.posix_acl_access differs"
        ])
      }
    )
  })

  it("leaves nothing behind when it is interrupted, before it begins, while it reads layers and while it compares", () =>
    extracted([LOWER, LayerArchive.write([file("large", 2 ** 26)])], async (root, place) => {
      const { at, catalog, extracts, temporary } = place
      fs.rmSync(`${root}/large`)
      const interruptedAfter = (events: number, of: "onEvent" | "onFinding") =>
        Effect.gen(function* () {
          const { images } = yield* catalog
          return yield* Interruption.afterEvents(events, (tell) =>
            Verify.verify(images, { deep: true, temporary, [of]: tell })
          )
        }).pipe(Effect.provide(ExtractionServices.layer(extracts)), Effect.runPromise)
      for (const [events, of] of [
        [0, "onEvent"],
        [1, "onEvent"],
        [2, "onEvent"],
        [4, "onEvent"],
        [1, "onFinding"]
      ] as const) {
        const exit = await interruptedAfter(events, of)
        // A comparison as short as this one may end before it looks whether it is interrupted.
        if (of === "onEvent") assert.isTrue(Exit.isInterrupted(exit), `after ${events} events`)
        assert.deepEqual(fs.readdirSync(temporary), [])
        assert.deepEqual(openBelow(at), [])
      }
    }))

  it("says when there is no room to remember the layers", () =>
    extracted([LOWER], async (_, { verify }) => {
      const { lines } = await verify({ deep: true, temporary: "/nonexistent" })
      assert.deepEqual(lines, [
        "example.org/app:v1: cannot be verified: cannot make a temporary directory in /nonexistent: ENOENT"
      ])
    }))
})

describe("verify", () => {
  it("reads blobs and nothing else: no root, and no extracts directory", () =>
    withPlace(async ({ at, extracts, layout, temporary, verify }) => {
      layout.index(layout.named("v1", image(layout, [LOWER, UPPER])))
      const { lines, verifications } = await verify()
      assert.deepEqual(lines, [])
      assert.deepEqual(verifications.map(Verification.render), ["example.org/app:v1: intact; 2 layers"])
      assert.isFalse(fs.existsSync(extracts))
      assert.deepEqual(fs.readdirSync(temporary), [])
      assert.deepEqual(openBelow(at), [])
    }))

  it("reports every layer that is wrong, and goes on with the other images", () =>
    withPlace(async ({ layout, verify }) => {
      const third = LayerArchive.write([file("third", 3)])
      const fourth = LayerArchive.write([file("fourth", 4)])
      const broken = LayerArchive.write([file("a", 1)])
      // a header's checksum, though the digest is right
      broken.fill("9", 512 * 2, 512 * 2 + 1)
      const archives = [LOWER, UPPER, third, fourth, broken]
      const bad = layout.image(
        {
          rootfs: {
            type: "layers",
            diff_ids: archives.map((it) => (it === third ? sha256("another") : sha256(it)))
          }
        },
        {
          layers: archives.map((it, index) => {
            const type = "application/vnd.oci.image.layer.v1.tar"
            const written = layout.blob(type, it)
            return index === 3 ? { ...written, size: written.size + 1 } : written
          })
        }
      )
      const good = image(layout, [LayerArchive.write([file("good", 9)])])
      const none = layout.named("none", { ...good, digest: sha256("none") })
      layout.index(layout.named("bad", bad), layout.named("good", good), none)
      write(join(layout.path, layout.blobPath(sha256(LOWER))), 700, "x")
      fs.rmSync(join(layout.path, layout.blobPath(sha256(UPPER))))
      const { findings, lines, verifications } = await verify()
      const of = (text: string) => lines.filter((line) => line.includes(text))
      assert.lengthOf(lines, 6, lines.join("\n"))
      assert.include(of(sha256(LOWER))[0], `example.org/app:bad: layer ${sha256(LOWER)}: the blob is damaged`)
      assert.match(of(sha256(UPPER))[0] ?? "", /example\.org\/app:bad: layer .* is missing$/)
      assert.match(of(sha256(third))[0] ?? "", /expects the uncompressed digest sha256:.*, but it is sha256:/)
      assert.match(of(sha256(fourth))[0] ?? "", /its descriptor says 3073 bytes, but the blob has 3072$/)
      assert.match(of(sha256(broken))[0] ?? "", /at offset \d+: .*checksum/)
      assert.match(of("app:none")[0] ?? "", /^example\.org\/app:none: the manifest .* is missing$/)
      assert.deepEqual(findings.map((it) => (it._tag === "BadLayer" ? it.problem : it._tag)).sort(), [
        "DiffIdMismatch",
        "LayerArchiveInvalid",
        "LayerDigestMismatch",
        "LayerSizeMismatch",
        "LayerUnreadable",
        "Unusable"
      ])
      assert.deepEqual(verifications.map(Verification.render), [
        "example.org/app:bad: not intact: 5 findings; 5 layers",
        "example.org/app:good: intact; 1 layer",
        "example.org/app:none: not intact: 1 finding; 0 layers"
      ])
    }))

  it("finds a damaged index of images, manifest and configuration", async () => {
    for (const which of ["config", "manifest"] as const) {
      await withPlace(async ({ layout, verify }) => {
        const written = image(layout, [LOWER])
        layout.index(layout.named("v1", written))
        const manifest = JSON.parse(
          fs.readFileSync(join(layout.path, layout.blobPath(written.digest)), "utf8")
        )
        const digest = which === "config" ? manifest.config.digest : written.digest
        const path = join(layout.path, layout.blobPath(digest))
        fs.writeFileSync(
          path,
          fs.readFileSync(path, "utf8").replace("linux", "minix").replace("gzip", "zstd")
        )
        const { lines } = await verify()
        assert.lengthOf(lines, 1)
        assert.match(lines[0] ?? "", /^example\.org\/app:v1: the .* is damaged: its sha256 is [0-9a-f]{64}$/)
      })
    }
  })

  it("reads a blob once that images of a layout share, and tells each of them", () =>
    withPlace(async ({ layout, verify }) => {
      const [one, two] = [image(layout, [LOWER, UPPER]), image(layout, [LOWER])]
      layout.index(layout.named("one", one), layout.named("two", two))
      const shared = blobsOf(layout.path)[0]?.digest ?? ""
      write(join(layout.path, layout.blobPath(shared)), 30, "x")
      let read = 0
      const { lines } = await verify({
        onEvent: (event) => {
          if (event._tag === "LayerRead") read++
        }
      })
      assert.deepEqual(
        lines.map((line) => line.slice(0, 19)),
        ["example.org/app:one", "example.org/app:two"]
      )
      assert.isAtMost(read, 2)
    }))
})

/** The layers of the first image in a layout. */
const blobsOf = (layout: string): ReadonlyArray<{ readonly digest: string }> => {
  const json = (path: string) => JSON.parse(fs.readFileSync(join(layout, path), "utf8"))
  const [{ digest }] = json("index.json").manifests
  return json(`blobs/${digest.replace(":", "/")}`).layers
}

/** `cap_net_bind_service=ep`, as version 2 of the attribute says it. */
const CAPABILITY = Buffer.from("0100000200040000000000000000000000000000", "hex")
