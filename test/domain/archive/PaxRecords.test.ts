import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Pax from "../../../src/domain/archive/PaxRecords.ts"
import * as Tar from "../../support/TarWriter.ts"

const decode = (list: Parameters<typeof Tar.records>[0]) => Pax.decode(Tar.records(list))
const decoded = (list: Parameters<typeof Tar.records>[0]) => Either.getOrThrow(decode(list))

describe("PaxRecords", () => {
  it("reads what entries are made of, and passes over the rest", () => {
    const records = decoded([
      ["path", "a/\xc3\xa9"],
      ["linkpath", "b=c"],
      ["size", "12345678901"],
      ["uid", "70000"],
      ["gid", "4294967294"],
      ["mtime", "1.5"],
      ["atime", "garbage"],
      ["comment", "a\0b"],
      ["uname", "root"]
    ])
    assert.deepStrictEqual(records, {
      xattrs: new Map(),
      path: "a/\xc3\xa9",
      linkPath: "b=c",
      size: 12345678901,
      uid: 70000,
      gid: 4294967294,
      mtime: { seconds: 1, nanoseconds: 500_000_000 }
    } as never)
  })

  it("takes the last of several, and an empty value for none", () => {
    assert.strictEqual(
      decoded([
        ["path", "a"],
        ["path", "b"]
      ]).path as string,
      "b"
    )
    assert.isUndefined(
      decoded([
        ["path", "a"],
        ["path", ""]
      ]).path
    )
    assert.isUndefined(decoded([["size", ""]]).size)
  })

  it("keeps extended attributes as bytes, named up to the first '='", () => {
    const value = Uint8Array.of(0, 1, 2, 0xff, 0x0a, 0x3d)
    const { xattrs } = decoded([
      ["SCHILY.xattr.security.capability", value],
      ["SCHILY.xattr.user.a", "b=c"],
      ["SCHILY.xattr.user.empty", ""]
    ])
    assert.deepStrictEqual([...xattrs.keys()] as Array<string>, [
      "security.capability",
      "user.a",
      "user.empty"
    ])
    assert.deepStrictEqual(
      [...xattrs.values()].map((bytes) => [...bytes]),
      [[...value], [0x62, 0x3d, 0x63], []]
    )
  })

  it("keeps nothing of the bytes it was given", () => {
    const bytes = Tar.records([["SCHILY.xattr.user.a", "value"]])
    const { xattrs } = Either.getOrThrow(Pax.decode(bytes))
    bytes.fill(0)
    assert.strictEqual(Buffer.from([...xattrs.values()][0] ?? []).toString(), "value")
  })

  it.each<readonly [string, number, number]>([
    ["0", 0, 0],
    ["1", 1, 0],
    ["1.", 1, 0],
    ["1.000000001", 1, 1],
    ["1.9999999999", 1, 999_999_999],
    ["-1", -1, 0],
    ["-0.5", -1, 500_000_000],
    ["-1.5", -2, 500_000_000],
    ["-1.0000000001", -2, 999_999_999],
    ["253402300800.25", 253402300800, 250_000_000]
  ])("reads the time %s", (text, seconds, nanoseconds) => {
    assert.deepStrictEqual(decoded([["mtime", text]]).mtime, { seconds, nanoseconds })
  })

  it.each<readonly [string, ReadonlyArray<readonly [string, string]>]>([
    ["a NUL in the path", [["path", "a\0b"]]],
    ["a NUL in the link target", [["linkpath", "a\0"]]],
    ["a NUL in a key", [["pa\0th", "a"]]],
    ["a record without a key", [["", "a"]]],
    ["an attribute without a name", [["SCHILY.xattr.", "a"]]],
    ["an attribute's name over 255 bytes", [[`SCHILY.xattr.user.${"a".repeat(251)}`, "a"]]],
    ["an attribute over 64 KiB", [["SCHILY.xattr.user.a", "a".repeat(65_537)]]],
    ["a negative size", [["size", "-1"]]],
    ["a size over 2⁵³", [["size", "9007199254740993"]]],
    ["a size that is no number", [["size", "0x10"]]],
    ["an owner that is no number", [["uid", "1e3"]]],
    ["a time that is no number", [["mtime", "now"]]],
    ["a time with a plus", [["mtime", "+1"]]],
    [
      "a sparse map of odd length",
      [
        ["GNU.sparse.offset", "1"],
        ["GNU.sparse.offset", "1"],
        ["GNU.sparse.size", "1"]
      ]
    ],
    ["a sparse map without a size", [["GNU.sparse.map", "0,1"]]],
    [
      "a sparse map that is no list",
      [
        ["GNU.sparse.map", "0,1,"],
        ["GNU.sparse.size", "1"]
      ]
    ],
    [
      "a sparse map of other length than it says",
      [
        ["GNU.sparse.map", "0,1"],
        ["GNU.sparse.numblocks", "2"],
        ["GNU.sparse.size", "1"]
      ]
    ],
    [
      "an unknown version of sparse files",
      [
        ["GNU.sparse.major", "2"],
        ["GNU.sparse.minor", "0"],
        ["GNU.sparse.size", "1"]
      ]
    ]
  ])("refuses %s", (_, list) => {
    const result = decode(list)
    assert.isTrue(Either.isLeft(result))
    if (Either.isLeft(result)) assert.isBelow(result.left.message.length, 500)
  })

  it.each([
    ["no number", "path=a\n"],
    ["a length too small", "9 path=ab\n"],
    ["a length too large", "12 path=ab\n9 path=a\n"],
    ["a length past the end", "99 path=a\n"],
    ["a length of zero", "0 path=a\n"],
    ["a length that ends at its own space", "2 path=a\n"],
    ["a negative length", "-9 path=a\n"],
    ["an endless length", "99999999999999999999 path=a\n"],
    ["no line feed", "9 path=aX"],
    ["no equals sign", "9 path:a\n"],
    ["an equals sign of the next record only", "7 path\n9 path=a\n"],
    ["padding", "9 path=a\n\0\0"]
  ])("refuses a header with %s", (_, text) => {
    assert.isTrue(Either.isLeft(Pax.decode(Buffer.from(text))))
  })

  it("refuses a header over 1 MiB", () => {
    assert.isTrue(Either.isRight(Pax.decode(Tar.record("comment", "a".repeat(Pax.MAX_HEADER_BYTES - 17)))))
    assert.isTrue(Either.isLeft(Pax.decode(Tar.record("comment", "a".repeat(Pax.MAX_HEADER_BYTES)))))
  })
})
