import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as TarHeader from "../../../src/domain/archive/TarHeader.ts"
import * as Tar from "../../support/TarWriter.ts"

const decode = (fields: Tar.Fields) => TarHeader.decode(Tar.header(fields), 0, 1024)
const decoded = (fields: Tar.Fields) => Either.getOrThrow(decode(fields))

describe("TarHeader", () => {
  it("reads a POSIX header", () => {
    const header = decoded({
      name: "bin/sh",
      mode: 0o104755,
      uid: 1000,
      gid: 100,
      size: 12,
      mtime: 1_700_000_000,
      type: "2",
      link: "dash"
    })
    assert.deepStrictEqual(header, {
      format: "ustar",
      type: "2",
      name: "bin/sh",
      linkName: "dash",
      mode: 0o4755,
      uid: 1000,
      gid: 100,
      size: 12,
      mtime: 1_700_000_000,
      major: 0,
      minor: 0
    } as never)
  })

  it("joins the prefix of POSIX to the name, and that of no other format", () => {
    assert.strictEqual(decoded({ name: "b", prefix: "a" }).name, "a/b")
    assert.strictEqual(decoded({ name: "b", tail: "a", magic: Tar.GNU }).name, "b")
    assert.strictEqual(decoded({ name: "b", tail: "a", magic: Tar.V7 }).name, "b")
  })

  it("takes names that fill their field, and bytes that are no text", () => {
    const name = "\xff\n".repeat(50)
    assert.strictEqual(decoded({ name }).name, name)
    assert.strictEqual(decoded({ link: name, type: "2" }).linkName, name)
  })

  it("tells the formats apart", () => {
    assert.deepStrictEqual(
      [Tar.USTAR, Tar.GNU, Tar.V7, "ustar\0\0\0"].map((magic) => decoded({ magic }).format),
      ["ustar", "gnu", "v7", "ustar"]
    )
  })

  it("takes the NUL type of v7 for a file", () => {
    assert.strictEqual(decoded({ type: "\0", magic: Tar.V7 }).type, "0")
  })

  it.each<readonly [string, string | Uint8Array, number]>([
    ["octal", "00000000017\0", 15],
    ["octal without an end", "777777777777", 8 ** 12 - 1],
    ["octal between spaces", "     17     ", 15],
    ["octal, then NUL, then anything", "17\0garbage  ", 15],
    ["nothing", "\0\0\0\0\0\0\0\0\0\0\0\0", 0],
    ["spaces alone", "            ", 0],
    ["base-256", Tar.base256(2 ** 40 + 7, 12), 2 ** 40 + 7],
    ["base-256, the largest", Tar.base256(2 ** 53 - 1, 12), 2 ** 53 - 1]
  ])("reads a number in %s", (_, size, expected) => {
    assert.strictEqual(decoded({ size }).size, expected)
  })

  it("reads a time before 1970", () => {
    assert.strictEqual(decoded({ mtime: Tar.base256(-1, 12) }).mtime, -1)
    assert.strictEqual(decoded({ mtime: Tar.base256(-(2 ** 40), 12) }).mtime, -(2 ** 40))
  })

  it.each<readonly [string, Tar.Fields, string, string]>([
    ["a size that is no number", { size: "12x" }, "size", "12x"],
    ["a decimal size", { size: "89" }, "size", "89"],
    ["digits after a space", { size: "1 2" }, "size", "1 2"],
    ["a negative size", { size: Tar.base256(-2, 12) }, "size", "-2"],
    ["a signed size", { size: "-2" }, "size", "-2"],
    ["a size over 2⁵³", { size: Tar.base256(2n ** 53n, 12) }, "size", ""],
    ["a size over 2⁶³", { size: Tar.base256(2n ** 80n, 12) }, "size", ""],
    ["an owner that is no number", { uid: "root" }, "uid", "root"],
    ["a negative mode", { mode: Tar.base256(-1, 8) }, "mode", "-1"],
    ["a device number that is no number", { type: "3", major: "x" }, "device major", "x"],
    ["a wrong checksum", { checksum: "0001234\0" }, "checksum", "1234"],
    ["a checksum that is no number", { checksum: "abc" }, "checksum", "abc"]
  ])("refuses %s", (_, fields, field, value) => {
    const result = decode(fields)
    assert.isTrue(Either.isLeft(result))
    if (Either.isRight(result)) return
    assert.strictEqual(result.left.field, field)
    if (value !== "") assert.include(result.left.value, value)
    assert.isAtLeast(result.left.offset, 1024)
    assert.include(result.left.message, field)
  })

  it("does not read device numbers of what is no device", () => {
    assert.strictEqual(decoded({ type: "0", major: "x" }).major, 0)
  })

  it("takes a checksum of signed bytes", () => {
    const name = "\xff\xfe"
    const unsigned = Tar.header({ name })
    const sum = unsigned
      .fill(0x20, 148, 156)
      .reduce((total, byte) => total + (byte > 127 ? byte - 256 : byte), 0)
    assert.strictEqual(decoded({ name, checksum: `${sum.toString(8)}\0` }).name, name)
  })
})
