import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { join } from "node:path"
import { Readable } from "node:stream"
import { gzipSync } from "node:zlib"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import type { LayerEntry } from "../../src/domain/archive/LayerEntry.ts"
import type { Digest } from "../../src/domain/document/Digest.ts"
import {
  ByteString,
  Catalog,
  Extract,
  Layer,
  LayoutWriter,
  Selection,
  Session,
  Settings
} from "../../src/index.ts"
import { koffiCalls } from "../../src/library/NativeCallsOnDemand.ts"
import { temporary } from "../support/LayoutWriter.ts"
import { anyLayer } from "../support/layerArbitraries.ts"
import * as Tar from "../support/TarWriter.ts"

const calls = koffiCalls()

const PLAIN = "application/vnd.oci.image.layer.v1.tar"
const GZIP = `${PLAIN}+gzip`
const digestOf = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}` as Digest

const TAR = Tar.archive(
  Tar.member({ name: "etc/", type: "5", mode: 0o750, uid: 3 }),
  Tar.member({ name: "etc/name", mode: 0o600 }, "value"),
  Tar.member({ name: "etc/large" }, Buffer.alloc(3_000_000, 7)),
  Tar.member({ name: "link", type: "2", link: "etc/name" })
)
const BLOB = gzipSync(TAR)

const bytesOf = async (data: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of data) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const readAll = async (source: Layer.ByteSource, options: Partial<Layer.ReadOptions> = {}) => {
  const found: Array<readonly [path: string, entry: LayerEntry, data: Buffer]> = []
  const members = Layer.read(source, { mediaType: GZIP, ...options })
  for (;;) {
    const { done, value } = await members.next()
    if (done === true) return { found, summary: value }
    found.push([ByteString.display(value.entry.path), value.entry, await bytesOf(value.data)])
  }
}

const thrownBy = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => assert.fail("nothing was thrown"),
    (error: unknown) => error
  )

const chunksOf = (bytes: Uint8Array, size: number): ReadonlyArray<Uint8Array> =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
    bytes.subarray(at * size, (at + 1) * size)
  )

describe("a layer that is read from a stream", () => {
  const sources: ReadonlyArray<readonly [string, () => Layer.ByteSource]> = [
    ["bytes", () => BLOB],
    ["chunks", () => chunksOf(BLOB, 100)],
    ["a stream of Node", () => Readable.from(chunksOf(BLOB, 1000))],
    ["a web stream", () => new Blob([BLOB]).stream()]
  ]
  it.each(sources)("comes from %s, with the data of its files", async (_, source) => {
    const options = { digest: digestOf(BLOB), size: BLOB.length, diffId: digestOf(TAR) }
    const { found, summary } = await readAll(source(), options)
    assert.deepEqual(
      found.map(([path, { _tag }, data]) => [path, _tag, data.length]),
      [
        ["etc/", "Directory", 0],
        ["etc/name", "File", 5],
        ["etc/large", "File", 3_000_000],
        ["link", "Symlink", 0]
      ]
    )
    assert.strictEqual(found[1]?.[2].toString(), "value")
    assert.isTrue(found[2]?.[2].every((byte) => byte === 7))
    assert.deepEqual(summary, { ...options, entries: 4, bytes: TAR.length })
  })

  it("throws what its source throws", async () => {
    const error = await thrownBy(readAll(fs.createReadStream("/nowhere")))
    assert.propertyVal(error as object, "code", "ENOENT")
  })

  const other = digestOf(Buffer.from("other"))
  it.each([
    ["LayerDigestMismatch", BLOB, { digest: other }],
    ["DiffIdMismatch", BLOB, { diffId: other }],
    ["LayerSizeMismatch", BLOB, { size: BLOB.length + 1 }],
    ["LayerSizeMismatch", BLOB, { size: BLOB.length - 1 }],
    ["LayerTypeUnknown", BLOB, { mediaType: "text/plain" }],
    ["LayerCompressionInvalid", BLOB.subarray(0, 500), {}],
    ["LayerCompressionInvalid", Buffer.alloc(2000, 1), {}],
    ["LayerArchiveInvalid", gzipSync(TAR.subarray(0, 2000)), {}],
    ["LayerLimitExceeded", BLOB, { limits: { entries: 3 } }],
    ["LayerLimitExceeded", BLOB, { limits: { bytes: 4096 } }],
    ["LayerDigestMismatch", Buffer.alloc(2000, 1), { digest: other, size: 2000 }]
  ])("never ends as if it were whole: %s", async (tag, bytes, options) => {
    for (const size of [7, 1 << 20]) {
      const error = await thrownBy(readAll(chunksOf(bytes, size), options))
      assert.instanceOf(error, Error)
      assert.propertyVal(error as object, "_tag", tag)
    }
  })

  it("is verified at its end, so all members come before", async () => {
    const names: string[] = []
    const read = async () => {
      for await (const { entry } of Layer.read(BLOB, { mediaType: GZIP, digest: other }))
        names.push(ByteString.display(entry.path))
    }
    assert.propertyVal((await thrownBy(read())) as object, "_tag", "LayerDigestMismatch")
    assert.deepEqual(names, ["etc/", "etc/name", "etc/large", "link"])
  })

  it("closes its source when it is left early, even one that gives nothing more", async () => {
    let closed = false
    async function* source() {
      try {
        yield TAR.subarray(0, 2048)
        yield TAR.subarray(2048)
      } finally {
        closed = true
      }
    }
    for await (const _ of Layer.read(source(), { mediaType: PLAIN })) break
    assert.isTrue(closed)
    async function* stalled() {
      yield TAR.subarray(0, 2048)
      await new Promise(() => {})
    }
    for await (const _ of Layer.read(stalled(), { mediaType: PLAIN })) break
  })

  it("gives the data of a member once, and not after the next", async () => {
    const members = Layer.read(BLOB, { mediaType: GZIP })
    await members.next()
    const { value: name } = await members.next()
    if (name === undefined || !("entry" in name)) return assert.fail("no member")
    assert.strictEqual((await bytesOf(name.data)).toString(), "value")
    assert.instanceOf(await thrownBy(bytesOf(name.data)), TypeError)
    const { value: large } = await members.next()
    await members.next()
    if (large === undefined || !("entry" in large)) return assert.fail("no member")
    assert.instanceOf(await thrownBy(bytesOf(large.data)), TypeError)
  })

  it("shows a sparse file with and without its holes", async () => {
    const tar = Tar.archive(
      Tar.member(
        { name: "sparse", type: "S", magic: Tar.GNU, size: 5, tail: Tar.oldGnuTail([3, 5], 100_000) },
        "12345"
      )
    )
    const { found } = await readAll(tar, { mediaType: PLAIN })
    const data = found[0]?.[2] ?? Buffer.alloc(0)
    assert.strictEqual(data.length, 100_000)
    assert.strictEqual(data.subarray(3, 8).toString(), "12345")
    assert.isTrue([...data.subarray(0, 3), ...data.subarray(8)].every((byte) => byte === 0))
    for await (const member of Layer.read(tar, { mediaType: PLAIN })) {
      for await (const { bytes, position } of member.pieces)
        assert.deepEqual([position, Buffer.from(bytes).toString()], [3, "12345"])
    }
  })
})

describe("members that are written", () => {
  /** An entry without where its data is. */
  const said = (entry: LayerEntry) => (entry._tag === "File" ? { ...entry, content: undefined } : entry)

  it("are read back as they were, with their data", () =>
    fc.assert(
      fc.asyncProperty(anyLayer(0), async (entries) => {
        const members = entries.map((entry, number) =>
          entry._tag === "File" ? { entry, data: Buffer.alloc(entry.size, number) } : { entry }
        )
        const { found } = await readAll(Layer.archive(members), { mediaType: PLAIN })
        assert.deepEqual(
          found.map(([, entry, data]) => [said(entry), data]),
          members.map(({ entry, data = Buffer.alloc(0) }) => [said(entry), data])
        )
      })
    ))

  it("keep modes of 0, large ids, times before 1970 and names of any bytes", async () => {
    const entry = {
      _tag: "File",
      path: ByteString.fromBytes(Buffer.from([0x61, 0xff, 0x2f, 0xfe])),
      metadata: {
        mode: 0,
        uid: 2 ** 32 - 2,
        gid: 2_000_000,
        mtime: { seconds: -5, nanoseconds: 250_000_000 },
        xattrs: new Map([[ByteString.fromText("user.x"), new Uint8Array([0, 255, 10])]])
      },
      size: 0,
      content: { layer: 0, offset: 0 }
    } as const
    const { found } = await readAll(Layer.archive([{ entry }]), { mediaType: PLAIN })
    const [, back] = found[0] ?? assert.fail("nothing was read")
    assert.deepEqual(said(back), said(entry))
  })

  it("have as much data as they say", async () => {
    for (const data of ["", "1234", "123456"]) {
      const { entry } = Layer.file("f", "12345")
      const error = await thrownBy(bytesOf(Layer.archive([{ entry, data }])))
      assert.propertyVal(error as object, "_tag", "MemberDataInvalid")
      assert.include(error, { expected: 5, actual: data.length })
    }
  })

  it("throw what the data of a member throws", async () => {
    const bug = new Error("no more")
    async function* data(): AsyncGenerator<Uint8Array> {
      throw bug
    }
    const { entry } = Layer.file("f", "12345")
    assert.strictEqual(await thrownBy(bytesOf(Layer.archive([{ entry, data: data() }]))), bug)
  })
})

describe("a layout that is written", () => {
  it("holds an image of a directory and a file, which is extracted as they were", async () => {
    using place = temporary()
    const at = (name: string) => join(place.path, name)
    fs.mkdirSync(at("tree/sub"), { recursive: true, mode: 0o750 })
    fs.writeFileSync(at("tree/sub/file"), "content", { mode: 0o640 })
    fs.linkSync(at("tree/sub/file"), at("tree/other"))
    fs.symlinkSync("sub/file", at("tree/link"))
    fs.utimesSync(at("tree/sub/file"), 1234.5, 1234.5)
    calls.setXattr(Buffer.from(at("tree/sub")), ByteString.fromText("user.mark"), Buffer.from("yes"))

    const layout = await LayoutWriter.open(at("layouts/example.org/app"))
    const base = await layout.layer(Layer.ofDirectory(at("tree")))
    const platform = { os: "linux", architecture: "riscv64" }
    for (const word of ["first", "second"]) {
      const layers = [base, [Layer.directory("bin"), Layer.file("bin/app", word, { mode: 0o755 })]]
      await layout.image({ ref: "v1", layers, config: { Entrypoint: ["/bin/app"] } })
      await layout.image({ ref: "v1", layers: [base], platform })
    }

    const settings = Settings.make({ system: { imagelayoutdir: at("layouts"), extractsdir: at("extracts") } })
    await using session = Session.open(settings)
    const catalog = Catalog.load(settings)
    assert.deepEqual(catalog.warnings, [])
    const image = await session.run(Selection.one(catalog, "example.org/app:v1"))
    const { root } = await session.run(Extract.into(image, at("root")))
    assert.strictEqual(fs.readFileSync(join(root, "bin/app"), "utf8"), "second")
    assert.strictEqual(fs.statSync(join(root, "bin/app")).mode & 0o7777, 0o755)
    const [file, other] = [fs.statSync(join(root, "sub/file")), fs.statSync(join(root, "other"))]
    assert.deepEqual(
      [file.mode & 0o7777, file.mtimeMs, file.nlink, other.ino],
      [0o640, 1_234_500, 2, file.ino]
    )
    assert.strictEqual(
      fs.statSync(join(root, "sub")).mode & 0o7777,
      fs.statSync(at("tree/sub")).mode & 0o7777
    )
    assert.strictEqual(fs.readlinkSync(join(root, "link")), "sub/file")
    assert.deepEqual(
      [...calls.listXattrs(Buffer.from(join(root, "sub")))].map(([name, value]) => [
        name,
        Buffer.from(value).toString()
      ]),
      [["user.mark", "yes"]]
    )
    assert.deepEqual(
      fs
        .readdirSync(at("layouts/example.org/app/blobs/sha256"))
        .filter((name) => !/^[0-9a-f]{64}$/.test(name)),
      []
    )
  })

  it("has no extended attributes of a directory where none are wanted", async () => {
    using place = temporary()
    fs.mkdirSync(join(place.path, "tree/sub"), { recursive: true })
    calls.setXattr(
      Buffer.from(join(place.path, "tree/sub")),
      ByteString.fromText("user.mark"),
      Buffer.from("yes")
    )
    const found: number[] = []
    for (const xattrs of [true, false]) {
      for await (const { entry } of Layer.ofDirectory(join(place.path, "tree"), { xattrs })) {
        if (entry._tag === "Directory") found.push(entry.metadata.xattrs.size)
      }
    }
    assert.deepEqual(found, [1, 0])
  })

  it("refuses an image without a name or a layer, and says which file the system refuses", async () => {
    using place = temporary()
    const layout = await LayoutWriter.open(join(place.path, "layout"))
    for (const image of [
      { ref: "", layers: [[Layer.file("a", "")]] },
      { ref: "v1", layers: [] }
    ])
      assert.propertyVal((await thrownBy(layout.image(image))) as object, "_tag", "LayoutUnwritable")
    fs.writeFileSync(join(place.path, "file"), "")
    const error = await thrownBy(LayoutWriter.open(join(place.path, "file/layout")))
    assert.include(error, { _tag: "LayoutUnwritable", code: "ENOTDIR" })
  })
})
