/** Each kind of entry that an upper directory may have, over each kind that may have been there before. */
import { assert, describe, it } from "vitest"
import type { ByteString } from "../../../src/domain/text/ByteString.ts"
import * as RootChange from "../../../src/domain/verify/RootChange.ts"

const entry = (more: Partial<RootChange.UpperEntry> = {}): RootChange.UpperEntry => ({
  kind: "File",
  uid: 0,
  gid: 0,
  mode: 0o644,
  size: 0,
  isWhiteout: false,
  isOpaque: false,
  isRedirected: false,
  ...more
})
const directory = (more: Partial<RootChange.UpperEntry> = {}) =>
  entry({ kind: "Directory", mode: 0o755, size: 4096, ...more })
const WHITEOUT = entry({ kind: "CharacterDevice", mode: 0, isWhiteout: true })
const nothing = undefined

type Row = readonly [
  what: string,
  upper: RootChange.UpperEntry,
  lower: RootChange.PathEntry | undefined,
  made: RootChange.PathEntry | undefined,
  change: RootChange.Change | undefined,
  isSameDirectory: boolean
]

const ROWS: readonly Row[] = [
  ["a new file", entry(), nothing, nothing, "added", false],
  ["a new directory", directory(), nothing, nothing, "added", false],
  ["a new directory that is opaque", directory({ isOpaque: true }), nothing, nothing, "added", false],
  ["the new name of a directory", directory({ isRedirected: true }), nothing, nothing, "added", false],
  ["a file of the image", entry({ size: 5 }), entry({ size: 3 }), nothing, "changed", false],
  ["a file of the image that was only copied", entry(), entry(), nothing, "changed", false],
  ["a link of the image", entry({ kind: "Symlink" }), entry({ kind: "Symlink" }), nothing, "changed", false],
  ["a directory for the sake of what is in it", directory(), directory(), nothing, undefined, true],
  ["a directory of another size", directory({ size: 8192 }), directory(), nothing, undefined, true],
  ["a directory with another owner", directory({ uid: 1 }), directory(), nothing, "changed", true],
  ["a directory with another group", directory({ gid: 1 }), directory(), nothing, "changed", true],
  ["a directory with another mode", directory({ mode: 0o1755 }), directory(), nothing, "changed", true],
  ["another directory in its place", directory({ isOpaque: true }), directory(), nothing, "changed", false],
  ["one with another name before", directory({ isRedirected: true }), directory(), nothing, "changed", false],
  ["a directory for a file", directory({ isOpaque: true }), entry(), nothing, "changed", false],
  ["a file for a directory", entry(), directory(), nothing, "changed", false],
  ["a whiteout of a file", WHITEOUT, entry(), nothing, "removed", false],
  ["a whiteout of a directory", WHITEOUT, directory(), nothing, "removed", false],
  ["a whiteout of nothing", WHITEOUT, nothing, nothing, undefined, false],
  ["a device that is no whiteout", entry({ kind: "CharacterDevice" }), nothing, nothing, "added", false],
  ["a mount point", directory(), nothing, directory(), undefined, true],
  ["a mount point made again", directory({ isOpaque: true }), nothing, directory(), undefined, true],
  ["a mount point with another owner", directory({ uid: 1 }), nothing, directory(), "changed", true],
  ["a way to a mount point", directory(), directory(), directory(), undefined, true],
  ["a mount point that is a file", entry(), nothing, entry(), undefined, false],
  ["a mount point that was written", entry({ size: 1 }), nothing, entry(), "changed", false],
  ["a link for a mount point", entry({ kind: "Symlink" }), nothing, directory(), "changed", false]
]

describe("RootChange.classify", () => {
  for (const [what, upper, lower, made, change, isSameDirectory] of ROWS) {
    it(`${what}: ${change ?? "no change"}${isSameDirectory ? ", and a look inside" : ""}`, () =>
      assert.deepStrictEqual(RootChange.classify(upper, { lower, made }), { change, isSameDirectory }))
  }
})

describe("RootChange.isMadeBySystemd", () => {
  for (const [name, made, target, is] of [
    ["root", directory({ mode: 0o750 }), undefined, true],
    ["root", directory(), undefined, false],
    ["var", directory(), undefined, true],
    ["var", directory({ uid: 1 }), undefined, false],
    ["srv", directory(), undefined, false],
    ["bin", entry({ kind: "Symlink", mode: 0o777 }), "usr/bin", true],
    ["lib64", entry({ kind: "Symlink", mode: 0o777 }), "usr/lib/x86_64-linux-gnu", true],
    ["bin", entry({ kind: "Symlink", mode: 0o777 }), "/tmp", false],
    ["etc", entry({ kind: "Symlink", mode: 0o777 }), "usr/etc", false],
    ["bin", entry(), undefined, false]
  ] as const) {
    it(`${name}, ${made.kind} ${target ?? made.mode.toString(8)}: ${is}`, () =>
      assert.strictEqual(
        RootChange.isMadeBySystemd(name as ByteString, made, target as ByteString | undefined),
        is
      ))
  }
})

describe("RootChange.toJson", () => {
  it("leaves no field out, and escapes what is no text", () =>
    assert.deepStrictEqual(
      RootChange.toJson({
        change: "added",
        path: "tmp/\xff\n" as ByteString,
        kind: "Fifo",
        before: undefined,
        files: undefined,
        size: undefined
      }),
      { change: "added", path: "/tmp/\\xff\\x0a", type: "fifo", before: null, files: null, size: null }
    ))

  it("names the root itself by its slash", () =>
    assert.strictEqual(
      RootChange.toJson({
        change: "changed",
        path: "" as ByteString,
        kind: "Directory",
        before: "Directory",
        files: undefined,
        size: undefined
      }).path,
      "/"
    ))
})
