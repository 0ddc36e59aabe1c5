import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type { Metadata } from "../../../src/domain/archive/LayerEntry.ts"
import { RootStep } from "../../../src/domain/root/RootStep.ts"
import { type ByteString, fromBytes, fromText } from "../../../src/domain/text/ByteString.ts"
import { NativeCalls } from "../../../src/services/files/NativeCalls.ts"
import * as TreeRemoval from "../../../src/services/files/TreeRemoval.ts"
import { RootWriter } from "../../../src/services/root/RootWriter.ts"
import { asUser, NOBODY } from "../../support/AsUser.ts"
import * as Interruption from "../../support/Interruption.ts"

const isRoot = process.geteuid?.() === 0
const asRoot = isRoot ? it.scoped : it.scoped.skip
const NEEDS_ROOT = isRoot ? "" : " (skipped: needs root)"

const uid = process.geteuid?.() ?? 0
const gid = process.getegid?.() ?? 0

const text = (value: string): ByteString => fromText(value)
const metadata = (changes: Partial<Metadata> = {}): Metadata => ({
  mode: 0o755,
  uid,
  gid,
  mtime: { seconds: 1000, nanoseconds: 0 },
  xattrs: new Map(),
  ...changes
})
const { MakeDirectory, MakeFile, MakeLink, MakeNode, MakeSymlink, SetDirectory } = RootStep
const node = { major: 0, minor: 0, kind: "fifo" as const, metadata: metadata() }

const layer = Layer.provideMerge(RootWriter.layer, NativeCalls.layer)

type FileStep = Extract<RootStep, { readonly _tag: "MakeFile" }>

interface Place {
  readonly root: string
  readonly stage: string
  /** Adds to the archive of a layer, and says where that is in it. */
  readonly put: (layer: number, data: string) => Pick<FileStep, "content" | "size">
  readonly write: (steps: Iterable<RootStep>) => ReturnType<RootWriter["Type"]["write"]>
}

const place = Effect.gen(function* () {
  const writer = yield* RootWriter
  const directory = yield* Effect.acquireRelease(
    Effect.sync(() => fs.mkdtempSync(`${tmpdir()}/oci-root-`)),
    (path) => TreeRemoval.remove(path, (cause) => cause).pipe(Effect.orDie)
  )
  const [root, stage] = [`${directory}/root`, `${directory}/stage`]
  fs.mkdirSync(root, 0o700)
  fs.mkdirSync(stage, 0o700)
  const archives = ["0", "1", "2"].map((layer) => `${stage}/${layer}`)
  return {
    root,
    stage,
    put: (layer: number, data: string) => {
      const path = archives[layer] ?? ""
      const offset = fs.existsSync(path) ? fs.statSync(path).size : 0
      fs.appendFileSync(path, data)
      return { content: { layer, offset }, size: data.length }
    },
    write: (steps: Iterable<RootStep>) => writer.write(root, steps, archives)
  } satisfies Place
}).pipe(Effect.provide(layer))

const xattrsOf = (path: string) =>
  Effect.map(NativeCalls, (calls) => calls.listXattrs(Buffer.from(path))).pipe(
    Effect.provide(NativeCalls.layer)
  )

const stat = (format: string, path: string | Buffer) =>
  execFileSync("stat", ["-c", format, path as string], { encoding: "utf8" }).trim()

describe("RootWriter", () => {
  it.scoped("carries out steps of every kind that take no privilege", () =>
    Effect.gen(function* () {
      const { put, root, stage, write } = yield* place
      put(2, "before")
      const data = put(2, "data")
      const made = yield* write([
        MakeDirectory({ path: text("d") }),
        MakeDirectory({ path: text("d/e") }),
        MakeFile({ ...data, path: text("d/file"), metadata: metadata({ mode: 0o640 }) }),
        MakeNode({ ...node, path: text("d/pipe"), metadata: metadata({ mode: 0o622 }) }),
        MakeSymlink({ path: text("link"), target: text("/d/../nowhere"), metadata: metadata() }),
        MakeLink({ path: text("d/e/file"), existing: text("d/file") }),
        SetDirectory({ path: text("d/e"), metadata: metadata({ mode: 0o1777 }) }),
        SetDirectory({ path: text("d"), metadata: metadata({ mode: 0o750 }) }),
        SetDirectory({ path: text(""), metadata: metadata({ mode: 0o711 }) })
      ])
      assert.deepStrictEqual(made, { steps: 9, shortfalls: [] })
      assert.strictEqual(fs.readFileSync(`${root}/d/e/file`, "utf8"), "data")
      assert.strictEqual(stat("%a %h %Y", `${root}/d/file`), "640 2 1000")
      assert.strictEqual(stat("%F %a", `${root}/d/pipe`), "fifo 622")
      assert.strictEqual(fs.readlinkSync(`${root}/link`), "/d/../nowhere")
      assert.deepStrictEqual(
        ["", "/d", "/d/e", "/link", "/d/pipe"].map((path) => stat("%a %Y", root + path)),
        ["711 1000", "750 1000", "1777 1000", "777 1000", "622 1000"]
      )
      assert.deepStrictEqual(fs.readdirSync(stage), ["2"])
    })
  )

  it.scoped("a directory of mode 0555 has its children and its time", () =>
    Effect.gen(function* () {
      const { put, root, write } = yield* place
      const data = put(0, "x")
      yield* write([
        MakeDirectory({ path: text("a") }),
        MakeDirectory({ path: text("a/b") }),
        MakeFile({ ...data, path: text("a/b/c"), metadata: metadata() }),
        SetDirectory({ path: text("a/b"), metadata: metadata({ mode: 0o555 }) }),
        SetDirectory({ path: text("a"), metadata: metadata({ mode: 0 }) }),
        SetDirectory({ path: text(""), metadata: metadata({ mode: 0o555 }) })
      ])
      assert.strictEqual(stat("%a %Y", root), "555 1000")
      assert.strictEqual(stat("%a %Y", `${root}/a`), "0 1000")
    })
  )

  it.scoped("files have their data, small, large and sparse, and holes stay holes", () =>
    Effect.gen(function* () {
      const { put, root, write } = yield* place
      const [small, large] = ["s".repeat(1000), "0123456789".repeat(500_000)]
      const [one, two, three, empty] = [put(0, small), put(1, large), put(0, "abcdef"), put(0, "")]
      const sparse = { layer: 0, offset: three.content.offset, runs: [5, 2, 1 << 22, 4] }
      yield* write([
        MakeFile({ ...two, path: text("large"), metadata: metadata() }),
        MakeFile({ ...one, path: text("small"), metadata: metadata() }),
        MakeFile({ content: sparse, size: 1 << 24, path: text("sparse"), metadata: metadata() }),
        MakeFile({
          content: { layer: 2, offset: 0, runs: [] },
          size: 2 ** 40,
          path: text("hole"),
          metadata: metadata()
        }),
        MakeFile({ ...empty, path: text("empty"), metadata: metadata() })
      ])
      const read = (name: string) => fs.readFileSync(`${root}/${name}`, "latin1")
      assert.strictEqual(read("small"), small)
      assert.strictEqual(read("large"), large)
      assert.strictEqual(read("empty"), "")
      const expected = Buffer.alloc(1 << 24)
      expected.write("ab", 5)
      expected.write("cdef", 1 << 22)
      assert.isTrue(fs.readFileSync(`${root}/sparse`).equals(expected))
      assert.strictEqual(fs.statSync(`${root}/hole`).size, 2 ** 40)
      for (const name of ["sparse", "hole"])
        assert.isBelow(fs.statSync(`${root}/${name}`).blocks * 512, 1 << 20)
    })
  )

  it.scoped("an archive that ends within a file is an error", () =>
    Effect.gen(function* () {
      const { put, write } = yield* place
      for (const size of [10, 10_000_000]) {
        const { content } = put(0, "abc")
        const path = text(`f${size}`)
        const error = yield* Effect.flip(write([MakeFile({ content, size, path, metadata: metadata() })]))
        assert.deepInclude(error, { step: "MakeFile", path, code: "EIO" })
      }
    })
  )

  it.scoped("times are exact: negative, sub-second, far", () =>
    Effect.gen(function* () {
      const { root, write } = yield* place
      const times = [
        { seconds: -1, nanoseconds: 500_000_000 },
        { seconds: -2_000_000_000, nanoseconds: 0 },
        { seconds: 1_700_000_000, nanoseconds: 123_456_789 },
        { seconds: 4_102_444_800, nanoseconds: 1 }
      ]
      yield* write(
        times.flatMap((mtime, index) => [
          MakeDirectory({ path: text(`d${index}`) }),
          SetDirectory({ path: text(`d${index}`), metadata: metadata({ mtime }) }),
          MakeSymlink({ path: text(`l${index}`), target: text("x"), metadata: metadata({ mtime }) }),
          MakeNode({ ...node, path: text(`n${index}`), metadata: metadata({ mtime }) })
        ])
      )
      for (const kind of ["d", "l", "n"]) {
        assert.deepStrictEqual(
          times.map((_, index) => stat("%.9Y", `${root}/${kind}${index}`)),
          ["-0.500000000", "-2000000000.000000000", "1700000000.123456789", "4102444800.000000001"]
        )
      }
    })
  )

  it.scoped("names are bytes: no UTF-8, newlines, both normal forms", () =>
    Effect.gen(function* () {
      const { root, write } = yield* place
      const names = [
        fromBytes(Uint8Array.of(0xff, 0xfe, 0x80)),
        fromBytes(Uint8Array.of(0x61, 0x0a, 0x62)),
        text("\u00e9"),
        text("e\u0301"),
        text(" -rf \t'\"$")
      ]
      const target = fromBytes(Uint8Array.of(0xc0, 0x2f, 0x0a))
      yield* write(
        names.flatMap((name) => [
          MakeDirectory({ path: name }),
          MakeSymlink({ path: `${name}/${name}` as ByteString, target, metadata: metadata() }),
          SetDirectory({ path: name, metadata: metadata() })
        ])
      )
      const found = fs.readdirSync(root, { encoding: "buffer" }).map((name) => name.toString("latin1"))
      assert.deepStrictEqual(found.sort(), [...names].sort())
      for (const name of names) {
        const path = Buffer.concat([Buffer.from(`${root}/`), Buffer.from(`${name}/${name}`, "latin1")])
        assert.strictEqual(fs.readlinkSync(path, { encoding: "buffer" }).toString("latin1"), target)
      }
    })
  )

  it.scoped("a hard link to a symlink is another name of the link", () =>
    Effect.gen(function* () {
      const { root, write } = yield* place
      yield* write([
        MakeSymlink({ path: text("a"), target: text("nowhere"), metadata: metadata() }),
        MakeLink({ path: text("b"), existing: text("a") }),
        MakeDirectory({ path: text("d") }),
        MakeSymlink({ path: text("c"), target: text("d"), metadata: metadata() }),
        MakeLink({ path: text("e"), existing: text("c") })
      ])
      assert.strictEqual(stat("%F %h", `${root}/b`), "symbolic link 2")
      assert.strictEqual(fs.readlinkSync(`${root}/b`), "nowhere")
      assert.strictEqual(fs.readlinkSync(`${root}/e`), "d")
    })
  )

  it.scoped("paths up to and beyond PATH_MAX are made, linked, set and removed", () =>
    Effect.gen(function* () {
      const { put, root, write } = yield* place
      const data = put(0, "deep")
      const directories = Array.from({ length: 40 }, (_, index) =>
        text(Array.from({ length: index + 1 }, () => "n".repeat(200)).join("/"))
      )
      const deepest = directories.at(-1) ?? text("")
      const half = directories[19] ?? text("")
      yield* write([
        ...directories.map((path) => MakeDirectory({ path })),
        MakeFile({ ...data, path: text(`${deepest}/f`), metadata: metadata() }),
        MakeNode({ ...node, path: text(`${deepest}/n`) }),
        MakeLink({ path: text(`${half}/f`), existing: text(`${deepest}/f`) }),
        MakeLink({ path: text(`${deepest}/g`), existing: text(`${half}/f`) }),
        ...directories.map((path) => SetDirectory({ path, metadata: metadata({ mode: 0o701 }) })).reverse()
      ])
      const find = (...tests: ReadonlyArray<string>) =>
        execFileSync("find", [root, ...tests, "-printf", "%f %n\n"], { encoding: "utf8" })
          .trim()
          .split("\n")
          .sort()
      assert.deepStrictEqual(find("-not", "-type", "d"), ["f 3", "f 3", "g 3", "n 1"])
      assert.strictEqual(find("-type", "d", "-perm", "701").length, 40)
    })
  )

  it.scoped("refuses to replace: the error names path, step, call and errno", () =>
    Effect.gen(function* () {
      const { root, write } = yield* place
      fs.mkdirSync(`${root}/there`)
      const error = yield* Effect.flip(write([MakeDirectory({ path: text("there") })]))
      assert.strictEqual(
        error.message,
        "cannot make the directory /there of the root filesystem: mkdir says EEXIST"
      )
      const odd = fromBytes(Uint8Array.of(0xff, 0x0a))
      const missing = yield* Effect.flip(write([MakeNode({ ...node, path: `none/${odd}` as ByteString })]))
      assert.deepInclude(missing, {
        step: "MakeNode",
        path: "none/\\xff\\x0a",
        code: "ENOENT",
        syscall: "mknod"
      })
    })
  )

  it.scoped("a file larger than the file system takes is an error that names it", () =>
    Effect.gen(function* () {
      const { write } = yield* place
      const huge = MakeFile({
        path: text("huge"),
        content: { layer: 0, offset: 0, runs: [] },
        size: 2 ** 52,
        metadata: metadata()
      })
      const outcome = yield* Effect.either(write([huge]))
      if (Either.isLeft(outcome))
        assert.deepInclude(outcome.left, { step: "MakeFile", path: "huge", code: "EFBIG" })
    })
  )

  it.scoped("follows no link where a directory should be", () =>
    Effect.gen(function* () {
      const { root, stage, write } = yield* place
      fs.chmodSync(stage, 0o700)
      fs.symlinkSync(stage, `${root}/trap`)
      const error = yield* Effect.flip(write([SetDirectory({ path: text("trap"), metadata: metadata() })]))
      assert.include(["ELOOP", "ENOTDIR"], error.code)
      assert.strictEqual(stat("%a", stage), "700")
    })
  )

  it.scoped("a plan that throws is a defect, not an error of the file system", () =>
    Effect.gen(function* () {
      const { write } = yield* place
      const plan = function* (): Iterable<RootStep> {
        yield MakeDirectory({ path: text("a") })
        throw new Error("a bug in the plan")
      }
      const exit = yield* Effect.exit(write(plan()))
      assert.isTrue(Exit.isFailure(exit) && exit.cause._tag === "Die")
    })
  )

  it.scopedLive("an endless plan can be interrupted", () =>
    Effect.gen(function* () {
      const { write } = yield* place
      const exit = yield* Interruption.afterEvents(100, (tell) => {
        const plan = function* (): Iterable<RootStep> {
          for (let number = 0; ; number++) {
            tell()
            yield MakeDirectory({ path: text(`d${number}`) })
          }
        }
        return write(plan())
      })
      assert.isTrue(Exit.isInterrupted(exit))
    })
  )

  asRoot(`owners, devices and setuid bits arrive${NEEDS_ROOT}`, () =>
    Effect.gen(function* () {
      const { put, root, write } = yield* place
      const owned = metadata({ mode: 0o6711, uid: 4294967294, gid: 1234 })
      yield* write([
        MakeNode({
          path: text("null"),
          kind: "character",
          major: 1,
          minor: 3,
          metadata: metadata({ mode: 0o666 })
        }),
        MakeNode({ path: text("disk"), kind: "block", major: 4095, minor: 1048575, metadata: owned }),
        MakeNode({ path: text("pipe"), kind: "fifo", major: 0, minor: 0, metadata: owned }),
        MakeSymlink({ path: text("link"), target: text("null"), metadata: owned }),
        MakeFile({ ...put(0, "x"), path: text("file"), metadata: owned }),
        MakeDirectory({ path: text("dir") }),
        SetDirectory({ path: text("dir"), metadata: owned }),
        SetDirectory({ path: text(""), metadata: metadata({ uid: 5, gid: 6 }) })
      ])
      const shown = (path: string) => stat("%F %a %u:%g %Hr:%Lr %Y", `${root}/${path}`)
      assert.strictEqual(shown("null"), "character special file 666 0:0 1:3 1000")
      assert.strictEqual(shown("disk"), "block special file 6711 4294967294:1234 4095:1048575 1000")
      assert.strictEqual(shown("pipe"), "fifo 6711 4294967294:1234 0:0 1000")
      assert.strictEqual(shown("link"), "symbolic link 777 4294967294:1234 0:0 1000")
      assert.strictEqual(shown("file"), "regular file 6711 4294967294:1234 0:0 1000")
      assert.strictEqual(shown("dir"), "directory 6711 4294967294:1234 0:0 1000")
      assert.strictEqual(shown(""), "directory 755 5:6 0:0 1000")
    })
  )

  asRoot(`extended attributes arrive, binary capabilities too, and survive chown${NEEDS_ROOT}`, () =>
    Effect.gen(function* () {
      const { put, root, write } = yield* place
      // cap_net_bind_service=ep, as setcap(8) writes it
      const capability = Uint8Array.of(1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
      const xattrs = new Map([
        [text("security.capability"), capability],
        [text("trusted.empty"), new Uint8Array(0)]
      ])
      const owned = metadata({ uid: 7, gid: 8, xattrs })
      yield* write([
        MakeDirectory({ path: text("d") }),
        MakeFile({ ...put(0, "x"), path: text("d/f"), metadata: owned }),
        MakeNode({ ...node, path: text("d/n"), metadata: owned }),
        MakeSymlink({
          path: text("d/l"),
          target: text("n"),
          metadata: { ...owned, xattrs: new Map([[text("trusted.l"), capability]]) }
        }),
        SetDirectory({
          path: text("d"),
          metadata: { ...owned, xattrs: new Map([[text("user.d"), capability]]) }
        })
      ])
      const onFile = yield* xattrsOf(`${root}/d/f`)
      assert.deepStrictEqual([...(onFile.get(text("security.capability")) ?? [])], [...capability])
      const onNode = yield* xattrsOf(`${root}/d/n`)
      assert.deepStrictEqual([...(onNode.get(text("security.capability")) ?? [])], [...capability])
      assert.strictEqual(onNode.get(text("trusted.empty"))?.length, 0)
      assert.deepStrictEqual([...(yield* xattrsOf(`${root}/d/l`)).keys()], ["trusted.l"])
      assert.deepStrictEqual([...(yield* xattrsOf(`${root}/d`)).keys()], ["user.d"])
    })
  )

  asRoot(`as root, what is refused is an error${NEEDS_ROOT}`, () =>
    Effect.gen(function* () {
      const { write } = yield* place
      const xattrs = new Map([[text("security.capability"), Uint8Array.of(1)]])
      const error = yield* Effect.flip(
        write([SetDirectory({ path: text(""), metadata: metadata({ xattrs }) })])
      )
      assert.deepInclude(error, { code: "EINVAL", syscall: "fsetxattr", path: "" })
    })
  )

  asRoot(`as root, an attribute that the file system does not support is counted${NEEDS_ROOT}`, () =>
    Effect.gen(function* () {
      const { write } = yield* place
      const xattrs = new Map([[text("nonsense.name"), Uint8Array.of(1)]])
      const { shortfalls } = yield* write([SetDirectory({ path: text(""), metadata: metadata({ xattrs }) })])
      assert.deepEqual(shortfalls, [{ lack: "xattr", count: 1, path: "", code: "ENOTSUP" }])
    })
  )

  asRoot(`without privileges, what is refused is counted, the rest is done${NEEDS_ROOT}`, () =>
    Effect.gen(function* () {
      const { put, root, stage, write } = yield* place
      for (const path of [root, stage, root.replace("/root", "")]) fs.chownSync(path, NOBODY, NOBODY)
      const foreign = metadata({
        uid: 0,
        gid: 0,
        xattrs: new Map([[text("trusted.x"), Uint8Array.of(1)]])
      })
      const setuid = put(0, "x")
      fs.chmodSync(`${stage}/0`, 0o644)
      const written = yield* asUser(
        NOBODY,
        write([
          MakeDirectory({ path: text("d") }),
          MakeNode({ path: text("d/null"), kind: "character", major: 1, minor: 3, metadata: foreign }),
          MakeLink({ path: text("d/zero"), existing: text("d/null") }),
          MakeLink({ path: text("d/more"), existing: text("d/zero") }),
          MakeNode({ ...node, path: text("d/pipe"), metadata: foreign }),
          MakeFile({ ...setuid, path: text("d/setuid"), metadata: { ...foreign, mode: 0o6755 } }),
          SetDirectory({ path: text("d"), metadata: foreign }),
          SetDirectory({ path: text(""), metadata: metadata({ uid: NOBODY, gid: NOBODY, mode: 0o555 }) })
        ])
      )
      assert.deepStrictEqual(written, {
        steps: 8,
        shortfalls: [
          { lack: "device", count: 1, path: "d/null", code: "EPERM" },
          { lack: "owner", count: 3, path: "d/pipe", code: "EPERM" },
          { lack: "xattr", count: 3, path: "d/pipe", code: "EPERM" }
        ]
      })
      assert.deepStrictEqual(fs.readdirSync(`${root}/d`), ["pipe", "setuid"])
      assert.strictEqual(stat("%a %u", `${root}/d/setuid`), `755 ${NOBODY}`)
      assert.strictEqual(stat("%a %u", root), `555 ${NOBODY}`)
    })
  )
})
