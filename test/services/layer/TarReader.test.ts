/** Rule numbers are those of docs/layers.md; this reader has to get 18 to 23 right. */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as tarStream from "tar-stream"
import type { LayerEntry } from "../../../src/domain/archive/LayerEntry.ts"
import type { ByteString } from "../../../src/domain/text/ByteString.ts"
import { read, type TarContents } from "../../support/TarContents.ts"
import * as Tar from "../../support/TarWriter.ts"

const contents = (archive: Uint8Array): TarContents => Either.getOrThrow(read(archive))
const entriesOf = (...parts: ReadonlyArray<Uint8Array>): ReadonlyArray<LayerEntry> =>
  contents(Tar.archive(...parts)).entries
const pathsOf = (...parts: ReadonlyArray<Uint8Array>) =>
  entriesOf(...parts).map((entry) => entry.path as string)
const only = (...parts: ReadonlyArray<Uint8Array>): LayerEntry => {
  const [entry, ...more] = entriesOf(...parts)
  assert.isDefined(entry)
  assert.lengthOf(more, 0)
  return entry as LayerEntry
}
const metadataOf = (entry: LayerEntry) => {
  if (entry._tag === "Hardlink") throw new Error("a hard link has no metadata")
  return entry.metadata
}

const long = (length: number, component = 100) =>
  Array.from({ length: Math.ceil(length / (component + 1)) }, () => "n".repeat(component))
    .join("/")
    .slice(0, length)

/** A 1.0 map: the number of runs, then the numbers, padded. */
const mapText = (...numbers: ReadonlyArray<number>) =>
  Tar.padded(`${[numbers.length / 2, ...numbers].join("\n")}\n`)
const sparse10 = (realSize: number, content: Uint8Array) =>
  Buffer.concat([
    Tar.pax([
      ["GNU.sparse.major", "1"],
      ["GNU.sparse.minor", "0"],
      ["GNU.sparse.name", "real"],
      ["GNU.sparse.realsize", `${realSize}`]
    ]),
    Tar.member({ name: "GNUSparseFile.0/real" }, content)
  ])

describe("TarReader", () => {
  describe("kinds of entries", () => {
    it("reads one of each", () => {
      const entries = entriesOf(
        Tar.member({ name: "f" }, "data"),
        Tar.member({ name: "d/", type: "5", mode: 0o755 }),
        Tar.member({ name: "s", type: "2", link: "f" }),
        Tar.member({ name: "h", type: "1", link: "f" }),
        Tar.member({ name: "c", type: "3", major: 4095, minor: 1048575 }),
        Tar.member({ name: "b", type: "4", major: 8, minor: 0 }),
        Tar.member({ name: "p", type: "6" })
      )
      assert.deepStrictEqual(
        entries.map(({ _tag, path }) => [_tag, path as string]),
        [
          ["File", "f"],
          ["Directory", "d/"],
          ["Symlink", "s"],
          ["Hardlink", "h"],
          ["CharacterDevice", "c"],
          ["BlockDevice", "b"],
          ["Fifo", "p"]
        ]
      )
      assert.deepInclude(entries[0], { size: 4, content: { layer: 0, offset: 512 } })
      assert.deepInclude(entries[4], { major: 4095, minor: 1048575 })
    })

    it("gives each file its data, also when it ends with its block", () => {
      const files = ["", "a", "b".repeat(511), "c".repeat(512), "d".repeat(513), "e".repeat(100_000)]
      const { data } = contents(
        Tar.archive(...files.map((text, index) => Tar.member({ name: `${index}` }, text)))
      )
      assert.deepStrictEqual([...data.values()], files)
    })
  })

  const accepted: ReadonlyArray<readonly [string, ReadonlyArray<Uint8Array>, ReadonlyArray<string>]> = [
    ["18: the ustar prefix", [Tar.member({ name: "b", prefix: "a" })], ["a/b"]],
    ["18: a PAX path", [Tar.pax([["path", long(3000)]]), Tar.member({ name: "x" })], [long(3000)]],
    ["18: a GNU long name", [Tar.longName(long(3000)), Tar.member({ name: "x" })], [long(3000)]],
    [
      "18: a PAX path for one member only",
      [Tar.pax([["path", "a"]]), Tar.member({ name: "x" }), Tar.member({ name: "y" })],
      ["a", "y"]
    ],
    [
      "18: two PAX headers: the last wins",
      [Tar.pax([["path", "a"]]), Tar.pax([["path", "b"]]), Tar.member({})],
      ["b"]
    ],
    ["18: two GNU long names: the last wins", [Tar.longName("a"), Tar.longName("b"), Tar.member({})], ["b"]],
    [
      "18: a PAX path that says what the GNU name says",
      [Tar.longName("a"), Tar.pax([["path", "a"]]), Tar.member({})],
      ["a"]
    ],
    ["18: global headers create nothing", [Tar.pax([["path", "a"]], "g"), Tar.member({ name: "x" })], ["x"]],
    ["18: a global header may be nonsense", [Tar.pax("\0\0nonsense", "g"), Tar.member({ name: "x" })], ["x"]],
    [
      "18: a global header between PAX and its member",
      [Tar.pax([["path", "a"]]), Tar.pax([], "g"), Tar.member({})],
      ["a"]
    ],
    [
      "21: names that differ in bytes only",
      [Tar.member({ name: "\xff" }), Tar.member({ name: "\xfe" }), Tar.member({ name: "a\nb" })],
      ["\xff", "\xfe", "a\nb"]
    ],
    [
      "21: both normal forms",
      [Tar.member({ name: "e\xcc\x81" }), Tar.member({ name: "\xc3\xa9" })],
      ["e\xcc\x81", "\xc3\xa9"]
    ],
    ["21: a depth of 300", [Tar.longName("d/".repeat(300)), Tar.member({ type: "5" })], ["d/".repeat(300)]],
    ["21: a name of 255 bytes", [Tar.longName("n".repeat(255)), Tar.member({})], ["n".repeat(255)]],
    ["21: a path of 4096 bytes", [Tar.longName(long(4096)), Tar.member({})], [long(4096)]],
    ["22: no end of archive at all", [], []],
    ["22: type V is ignored", [Tar.member({ type: "V" }, "x"), Tar.member({ name: "a" })], ["a"]],
    ["22: type 7 is a file", [Tar.member({ name: "a", type: "7" }, "x")], ["a"]],
    ["23: v7", [Tar.member({ name: "a", type: "\0", magic: Tar.V7 }, "x")], ["a"]]
  ]
  it.each(accepted)("rule %s", (_, parts, paths) => assert.deepStrictEqual(pathsOf(...parts), paths))

  it.each<readonly [string, Uint8Array, number]>([
    ["zero bytes", new Uint8Array(0), 0],
    ["an empty tar", Tar.END, 0],
    ["one block of zeros", Tar.ZEROS, 0],
    ["no end of archive", Tar.member({}), 1],
    ["half an end of archive", Buffer.concat([Tar.member({}), Tar.ZEROS]), 1],
    ["zeros after the end", Buffer.concat([Tar.archive(Tar.member({})), Buffer.alloc(10_000)]), 1],
    [
      "an archive after the end, which GNU tar ignores",
      Buffer.concat([Tar.archive(Tar.member({})), Tar.archive(Tar.member({}))]),
      1
    ],
    ["part of a block after the end", Buffer.concat([Tar.archive(Tar.member({})), Buffer.from("garbage")]), 1]
  ])("rule 22: %s is fine", (_, archive, count) => assert.lengthOf(contents(archive).entries, count))

  const refused: ReadonlyArray<readonly [string, Uint8Array, string]> = [
    [
      "18: PAX path and GNU long name in conflict",
      Tar.archive(Tar.longName("a"), Tar.pax([["path", "b"]]), Tar.member({})),
      "long name"
    ],
    [
      "18: PAX linkpath and GNU long link in conflict",
      Tar.archive(Tar.longName("a", "K"), Tar.pax([["linkpath", "b"]]), Tar.member({ type: "2", link: "c" })),
      "long link"
    ],
    ["18: a PAX header without a member", Tar.archive(Tar.pax([["path", "b"]])), "without a member"],
    ["18: a GNU long name without a member", Tar.longName("b"), "without a member"],
    ["19: uid 2³²−1", Tar.archive(Tar.pax([["uid", "4294967295"]]), Tar.member({})), "uid"],
    ["19: uid 2³²+5", Tar.archive(Tar.member({ uid: Tar.base256(2 ** 32 + 5, 8) })), "uid"],
    ["19: gid 2³²−1", Tar.archive(Tar.member({ gid: Tar.base256(2 ** 32 - 1, 8) })), "gid"],
    ["19: a negative gid", Tar.archive(Tar.member({ gid: Tar.base256(-2, 8) })), "gid"],
    ["19: device major 4096", Tar.archive(Tar.member({ type: "3", major: 4096 })), "device major"],
    ["19: device minor 2²⁰", Tar.archive(Tar.member({ type: "4", minor: 2 ** 20 })), "device minor"],
    ["21: NUL in a PAX path", Tar.archive(Tar.pax([["path", "a\0b"]]), Tar.member({})), "NUL"],
    [
      "21: a name of 256 bytes",
      Tar.archive(Tar.longName("n".repeat(256)), Tar.member({})),
      "component over 255"
    ],
    ["21: a path of 4097 bytes", Tar.archive(Tar.longName(long(4097)), Tar.member({})), "over 4096"],
    [
      "21: a hard link's target of 4097 bytes",
      Tar.archive(Tar.longName(long(4097), "K"), Tar.member({ type: "1" })),
      "over 4096"
    ],
    [
      "21: a symlink's target of 4096 bytes",
      Tar.archive(Tar.longName(long(4096), "K"), Tar.member({ type: "2" })),
      "over 4095"
    ],
    ["22: a bad checksum", Tar.archive(Tar.member({ checksum: "1" })), "checksum"],
    ["22: text instead of a tar", Buffer.from("x".repeat(2000)), "checksum"],
    ["22: cut off in a header", Tar.member({}).subarray(0, 300), "cut off"],
    ["22: cut off in data", Tar.member({}, "x".repeat(1000)).subarray(0, 700), "cut off"],
    ["22: cut off in padding", Tar.member({}, "x").subarray(0, 700), "cut off"],
    ["22: cut off in a PAX header", Tar.pax([["path", "a"]]).subarray(0, 600), "cut off"],
    ["22: cut off before the data", Tar.header({ size: 5 }), "cut off"],
    ["22: a huge size", Tar.archive(Tar.member({ size: Tar.base256(2n ** 62n, 12) })), "size"],
    ["22: a huge PAX size", Tar.archive(Tar.pax([["size", "9".repeat(19)]]), Tar.member({})), "size"],
    ["22: a negative size", Tar.archive(Tar.member({ size: Tar.base256(-1, 12) })), "size"],
    [
      "22: one block of zeros, then a header",
      Buffer.concat([Tar.member({}), Tar.ZEROS, Tar.member({}), Tar.END]),
      "single block of zeros"
    ],
    ["22: a bad PAX length", Tar.archive(Tar.pax("3 path=a\n"), Tar.member({})), "length"],
    [
      "22: a PAX header over 1 MiB",
      Tar.archive(Tar.pax([["comment", "x".repeat(1 << 20)]]), Tar.member({})),
      "1048576"
    ],
    [
      "22: a GNU long name over 1 MiB",
      Tar.archive(Tar.longName("x".repeat(1 << 20)), Tar.member({})),
      "1048576"
    ],
    ["22: a global header over 1 MiB", Tar.archive(Tar.pax("x".repeat((1 << 20) + 1), "g")), "1048576"],
    ["22: a size on a directory", Tar.archive(Tar.member({ name: "d", type: "5" }, "x")), "size"],
    ["22: a size on a directory by its slash", Tar.archive(Tar.member({ name: "d/" }, "x")), "size"],
    ["22: a size on a symlink", Tar.archive(Tar.member({ type: "2", link: "a" }, "x")), "size"],
    [
      "22: a PAX size on a symlink",
      Tar.archive(Tar.pax([["size", "1"]]), Tar.member({ type: "2", link: "a" })),
      "size"
    ],
    ["17: a size on a hard link", Tar.archive(Tar.member({ type: "1", link: "a" }, "x")), "size"],
    ["a symlink to nothing", Tar.archive(Tar.member({ type: "2" })), "link target"],
    ["a hard link to nothing", Tar.archive(Tar.member({ type: "1" })), "link target"],
    ["22: type D", Tar.archive(Tar.member({ type: "D" }, "x")), "type"],
    ["22: type M", Tar.archive(Tar.member({ type: "M" }, "x")), "type"],
    ["22: type Z", Tar.archive(Tar.member({ type: "Z" })), "type"],
    ["22: a type nobody knows", Tar.archive(Tar.member({ type: "\xff" })), "type"],
    [
      "23: an attribute over 64 KiB",
      Tar.archive(Tar.pax([["SCHILY.xattr.user.a", "x".repeat(65_537)]]), Tar.member({})),
      "65536"
    ],
    [
      "19: a sparse map that goes back",
      Tar.archive(
        Tar.member({ type: "S", magic: Tar.GNU, tail: Tar.oldGnuTail([10, 5, 5, 5], 20) }, "x".repeat(10))
      ),
      "begins before"
    ],
    [
      "19: a sparse map past the end",
      Tar.archive(
        Tar.member({ type: "S", magic: Tar.GNU, tail: Tar.oldGnuTail([10, 15], 20) }, "x".repeat(15))
      ),
      "after the file's end"
    ],
    [
      "19: a sparse map of other data",
      Tar.archive(
        Tar.member({ type: "S", magic: Tar.GNU, tail: Tar.oldGnuTail([0, 5], 20) }, "x".repeat(15))
      ),
      "that the archive holds"
    ],
    [
      "19: a sparse map longer than the data",
      Tar.archive(sparse10(9, Buffer.from("900000\n"))),
      "sparse map"
    ],
    ["19: a sparse map that is no text", Tar.archive(sparse10(9, Tar.padded("1\nx"))), "decimal line"],
    ["19: a sparse map of too many runs", Tar.archive(sparse10(9, Tar.padded("131073\n"))), "more than"]
  ]
  it.each(refused)("rule %s: error", (_, archive, words) => {
    const result = read(archive)
    assert.isTrue(Either.isLeft(result))
    if (Either.isLeft(result)) assert.include(result.left.message, words)
  })

  it("says where the member is and what it is called", () => {
    const result = read(
      Tar.archive(Tar.member({ name: "a" }, "x"), Tar.longName("b\xff"), Tar.member({ type: "D" }))
    )
    assert.isTrue(Either.isLeft(result))
    if (Either.isRight(result)) return
    assert.strictEqual(result.left.offset, 1024)
    assert.strictEqual(result.left.entry, "b\\xff")
    assert.strictEqual(
      result.left.message,
      'member "b\\\\xff" at offset 1024: its type "D" is not one that a layer may have'
    )
  })

  it("rule 19: base-256 numbers", () => {
    const { uid, gid } = metadataOf(
      only(Tar.member({ uid: Tar.base256(2 ** 32 - 2, 8), gid: Tar.base256(70_000_000, 8) }))
    )
    assert.deepStrictEqual([uid, gid], [2 ** 32 - 2, 70_000_000])
  })

  it("rule 19: PAX numbers replace those of the header, even impossible ones", () => {
    const { uid } = metadataOf(only(Tar.pax([["uid", "5"]]), Tar.member({ uid: Tar.base256(2 ** 40, 8) })))
    assert.strictEqual(uid, 5)
  })

  it("rule 20: times before 1970, far ones and parts of seconds", () => {
    const times = [
      entriesOf(Tar.member({ mtime: Tar.base256(-5, 12) })),
      entriesOf(Tar.member({ mtime: Tar.base256(2 ** 40, 12) })),
      entriesOf(Tar.pax([["mtime", "-1.25"]]), Tar.member({}))
    ].map(([entry]) => metadataOf(entry as LayerEntry).mtime)
    assert.deepStrictEqual(times, [
      { seconds: -5, nanoseconds: 0 },
      { seconds: 2 ** 40, nanoseconds: 0 },
      { seconds: -2, nanoseconds: 750_000_000 }
    ])
  })

  it("rule 18: long targets of links, by PAX and by GNU", () => {
    const targets = [
      only(Tar.longName(long(3000), "K"), Tar.member({ type: "2", link: "short" })),
      only(Tar.pax([["linkpath", long(3000)]]), Tar.member({ type: "2", link: "short" })),
      only(Tar.longName(long(3000), "K"), Tar.member({ type: "1", link: "short" })),
      only(Tar.pax([["linkpath", long(3000)]]), Tar.member({ type: "1", link: "short" })),
      only(Tar.longName(long(3000), "K"), Tar.pax([["linkpath", long(3000)]]), Tar.member({ type: "2" }))
    ].map((entry) => ("target" in entry ? (entry.target as string) : undefined))
    assert.deepStrictEqual(targets, Array(5).fill(long(3000)))
  })

  it("rule 18: global headers change nothing: not names, owners, times or attributes", () => {
    const everything = [
      ["path", "b"],
      ["linkpath", "b"],
      ["uid", "5"],
      ["mtime", "5"],
      ["size", "5"],
      ["SCHILY.xattr.user.a", "b"]
    ] as const
    const member = Tar.member({ name: "a" }, "x")
    const header = Tar.pax(everything, "g")
    const [preceded, alone] = [contents(Tar.archive(header, member)), contents(Tar.archive(member))]
    const moved = { content: { layer: 0, offset: header.length + 512 } }
    assert.deepStrictEqual(preceded.data, alone.data)
    assert.deepStrictEqual<ReadonlyArray<object>>(
      preceded.entries,
      alone.entries.map((entry) => ({ ...entry, ...moved }))
    )
  })

  it("rule 19: the highest valid owner and the lowest invalid one, in PAX", () => {
    const { gid, uid } = metadataOf(
      only(
        Tar.pax([
          ["uid", "4294967294"],
          ["gid", "4294967294"]
        ]),
        Tar.member({})
      )
    )
    assert.deepStrictEqual([uid, gid], [2 ** 32 - 2, 2 ** 32 - 2])
    for (const key of ["uid", "gid"]) {
      for (const value of ["4294967295", "4294967296", "4294967301", "18446744073709551615", "-1"]) {
        assert.isTrue(
          Either.isLeft(read(Tar.archive(Tar.pax([[key, value]]), Tar.member({})))),
          `${key} ${value}`
        )
      }
    }
  })

  it("rule 23: an attribute of exactly 64 KiB, and a name of every kind", () => {
    const { xattrs } = metadataOf(
      only(
        Tar.pax([
          ["SCHILY.xattr.user.a=b", "c=d"],
          ["SCHILY.xattr.user.large", "x".repeat(65_536)],
          ["SCHILY.xattr.security.ima", "\0"]
        ]),
        Tar.member({})
      )
    )
    assert.deepStrictEqual(
      [...xattrs].map(([name, value]) => [name as string, Buffer.from(value).toString("latin1").slice(0, 5)]),
      [
        ["user.a", "b=c=d"],
        ["user.large", "xxxxx"],
        ["security.ima", "\0"]
      ]
    )
  })

  it("rule 23: attributes of a symlink are read, and the writer decides about them", () => {
    const { xattrs } = metadataOf(
      only(Tar.pax([["SCHILY.xattr.user.a", "b"]]), Tar.member({ type: "2", link: "x" }))
    )
    assert.deepStrictEqual([...xattrs.keys()] as Array<string>, ["user.a"])
  })

  it("rule 23: attributes are bytes", () => {
    const value = Uint8Array.of(1, 0, 0, 2, 0xff)
    const { xattrs } = metadataOf(
      only(Tar.pax([["SCHILY.xattr.security.capability", value]]), Tar.member({}))
    )
    assert.deepStrictEqual(
      [...xattrs].map(([name, bytes]) => [name as string, [...bytes]]),
      [["security.capability", [...value]]]
    )
  })

  it("rule 23: a trailing slash makes a directory", () => {
    assert.strictEqual(only(Tar.member({ name: "d/", type: "\0", magic: Tar.V7 }))._tag, "Directory")
    assert.strictEqual(only(Tar.pax([["path", "d/"]]), Tar.member({ name: "x" }))._tag, "Directory")
  })

  it("rule 17: a hard link's own metadata does not count, however wrong", () => {
    assert.strictEqual(only(Tar.member({ type: "1", link: "a", uid: Tar.base256(-1, 8) }))._tag, "Hardlink")
  })

  describe("rule 19: sparse files", () => {
    const expected = `${"\0".repeat(10)}aaaaa${"\0".repeat(5)}bbb${"\0".repeat(7)}`
    const runs = [10, 5, 20, 3]
    const stored = "aaaaabbb"
    it.each<readonly [string, ReadonlyArray<Uint8Array>]>([
      [
        "old GNU",
        [
          Tar.member(
            { name: "real", type: "S", magic: Tar.GNU, tail: Tar.oldGnuTail([...runs, 30, 0], 30) },
            stored
          )
        ]
      ],
      [
        "old GNU with more blocks",
        [
          Tar.header({
            name: "real",
            type: "S",
            magic: Tar.GNU,
            size: 8,
            tail: Tar.oldGnuTail([10, 5], 30, true)
          }),
          Tar.oldGnuBlock([20, 1], true),
          Tar.oldGnuBlock([21, 2, 30, 0]),
          Tar.padded(stored)
        ]
      ],
      [
        "PAX 0.0",
        [
          Tar.pax([
            ["path", "real"],
            ["GNU.sparse.size", "30"],
            ["GNU.sparse.numblocks", "2"],
            ["GNU.sparse.offset", "10"],
            ["GNU.sparse.numbytes", "5"],
            ["GNU.sparse.offset", "20"],
            ["GNU.sparse.numbytes", "3"]
          ]),
          Tar.member({}, stored)
        ]
      ],
      [
        "PAX 0.1",
        [
          Tar.pax([
            ["GNU.sparse.name", "real"],
            ["GNU.sparse.size", "30"],
            ["GNU.sparse.numblocks", "2"],
            ["GNU.sparse.map", runs.join(",")]
          ]),
          Tar.member({ name: "GNUSparseFile.0/x" }, stored)
        ]
      ],
      ["PAX 1.0", [sparse10(30, Buffer.concat([mapText(...runs), Buffer.from(stored)]))]]
    ])("%s", (_, parts) => {
      const { entries, data } = contents(Tar.archive(...parts, Tar.member({ name: "next" }, "n")))
      assert.deepStrictEqual(
        entries.map((entry) => entry.path as string),
        ["real", "next"]
      )
      assert.deepInclude(entries[0], { size: 30 })
      assert.deepStrictEqual([...data.values()], [expected, "n"])
    })

    it("all hole", () => {
      const { data, entries } = contents(Tar.archive(sparse10(1000, mapText(1000, 0))))
      assert.deepInclude(entries[0], { size: 1000 })
      assert.deepStrictEqual([...data.values()], ["\0".repeat(1000)])
    })
  })

  describe("rule 18: what GNU tar writes", () => {
    const at = fs.mkdtempSync(path.join(os.tmpdir(), "tar-reader-"))
    afterAll(() => fs.rmSync(at, { recursive: true }))
    const source = path.join(at, "source")
    fs.mkdirSync(path.join(source, "d".repeat(120), "e".repeat(120)), { recursive: true })
    fs.writeFileSync(path.join(source, "d".repeat(120), "e".repeat(120), "file"), "content")
    fs.symlinkSync("t".repeat(300), path.join(source, "link"))
    const holes = fs.openSync(path.join(source, "sparse"), "w")
    for (let index = 0; index < 40; index++) fs.writeSync(holes, `run ${index}`, index * 65_536)
    fs.ftruncateSync(holes, 3_000_000)
    fs.closeSync(holes)
    fs.writeFileSync(path.join(source, "time"), "t")
    fs.utimesSync(path.join(source, "time"), 1, 1.5)

    it.each([
      ["gnu", ["--format=gnu", "--sparse"]],
      ["pax with sparse 1.0", ["--format=pax", "--sparse"]],
      ["pax with sparse 0.1", ["--format=pax", "--sparse", "--sparse-version=0.1"]],
      ["pax with sparse 0.0", ["--format=pax", "--sparse", "--sparse-version=0.0"]],
      ["pax without sparse files", ["--format=pax"]]
    ])("%s", (_, options) => {
      const archive = execFileSync("tar", ["-C", source, "--sort=name", ...options, "-cf", "-", "."], {
        maxBuffer: 1 << 26
      })
      const { data, entries } = contents(archive)
      const found = new Map(
        entries.map((entry, index) => [
          entry.path.replace(/^\.\/|\/$/g, "") as string,
          [entry, data.get(index)] as const
        ])
      )
      const deep = `${"d".repeat(120)}/${"e".repeat(120)}`
      assert.deepStrictEqual(
        [...found.keys()].sort(),
        ["", "d".repeat(120), deep, `${deep}/file`, "link", "sparse", "time"].sort()
      )
      assert.strictEqual(found.get(`${deep}/file`)?.[1], "content")
      assert.deepInclude(found.get("link")?.[0], { _tag: "Symlink", target: "t".repeat(300) as ByteString })
      assert.isTrue(found.get("sparse")?.[1] === fs.readFileSync(path.join(source, "sparse"), "latin1"))
      const nanoseconds = options[0] === "--format=pax" ? 500_000_000 : 0
      assert.deepStrictEqual(metadataOf(found.get("time")?.[0] as LayerEntry).mtime, {
        seconds: 1,
        nanoseconds
      })
    })
  })

  it("rule 18: what tar-stream writes", async () => {
    const pack = tarStream.pack()
    pack.entry({ name: "ä".repeat(90), mode: 0o4711, uid: 7, gid: 8, mtime: new Date(5000) }, "content")
    pack.entry({ name: "link", type: "symlink", linkname: "ö".repeat(90) })
    pack.finalize()
    const chunks: Array<Uint8Array> = []
    for await (const chunk of pack) chunks.push(chunk as Uint8Array)
    const { data, entries } = contents(Buffer.concat(chunks))
    assert.strictEqual(Buffer.from(entries[0]?.path ?? "", "latin1").toString(), "ä".repeat(90))
    assert.deepInclude(metadataOf(entries[0] as LayerEntry), {
      mode: 0o4711,
      uid: 7,
      gid: 8,
      mtime: { seconds: 5, nanoseconds: 0 }
    })
    assert.deepInclude(entries[1], { target: Buffer.from("ö".repeat(90)).toString("latin1") as ByteString })
    assert.strictEqual(data.get(0), "content")
  })
})
