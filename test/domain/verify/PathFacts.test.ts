import { assert, describe, it } from "vitest"
import { IMPLIED_PARENT, type Metadata } from "../../../src/domain/archive/LayerEntry.ts"
import { type ByteString, fromText } from "../../../src/domain/text/ByteString.ts"
import {
  Difference,
  differences,
  type PathFacts,
  render,
  toJson
} from "../../../src/domain/verify/PathFacts.ts"

const facts = (metadata: Partial<Metadata> = {}, more: Partial<PathFacts> = {}): PathFacts => ({
  kind: "File",
  metadata: { ...IMPLIED_PARENT, ...metadata },
  ...more
})
const at = (seconds: number, nanoseconds = 0) => ({ mtime: { seconds, nanoseconds } })
const xattrs = (...names: ReadonlyArray<string>) => ({
  xattrs: new Map(names.map((name) => [fromText(name), new Uint8Array([1])]))
})

describe("the differences of two paths", () => {
  const cases: ReadonlyArray<readonly [string, PathFacts, PathFacts, ReadonlyArray<string>]> = [
    ["none", facts(), facts(), []],
    [
      "everything that metadata say",
      facts({ mode: 0o755, uid: 1, gid: 2, ...at(5) }, { size: 1 }),
      facts({ mode: 0o4755, uid: 3, gid: 4, ...at(6, 7) }, { size: 2 }),
      ["mode 755 is 4755", "uid 1 is 3", "gid 2 is 4", "mtime 5 is 6.000000007", "size 1 is 2"]
    ],
    [
      "no more than the kind of another",
      facts({ mode: 0o755 }),
      facts({ mode: 0o700 }, { kind: "Socket" }),
      ["a file is a socket"]
    ],
    [
      "not the mode of a symlink",
      facts({ mode: 0o755 }, { kind: "Symlink", target: fromText("a") }),
      facts({ mode: 0o777 }, { kind: "Symlink", target: "\xff\n" as ByteString }),
      ['target "a" is "\\xff\\x0a"']
    ],
    [
      "both numbers of a device",
      facts({}, { kind: "BlockDevice", device: { major: 1, minor: 2 } }),
      facts({}, { kind: "BlockDevice", device: { major: 1, minor: 3 } }),
      ["device 1:2 is 1:3"]
    ],
    [
      "attributes that are gone and that are new, but not the host's labels and signatures",
      facts(xattrs("user.a", "user.b")),
      facts(xattrs("user.b", "user.c", "security.selinux", "security.ima")),
      ["xattr user.a is missing", "xattr user.c was added"]
    ]
  ]
  for (const [what, expected, found, texts] of cases) {
    it(`are ${what}`, () => assert.deepEqual(differences(expected, found).map(render), texts))
  }
})

describe("times", () => {
  const EXT4_END = 15_032_385_535
  const same: ReadonlyArray<readonly [expected: number, found: number]> = [
    [2 ** 40, EXT4_END],
    [EXT4_END + 1, EXT4_END],
    [-(2 ** 31) - 1, -(2 ** 31)],
    [2 ** 31, 2 ** 31 - 1]
  ]
  for (const [expected, found] of same) {
    it(`${expected} is kept as ${found} where a file system ends there`, () =>
      assert.deepEqual(differences(facts(at(expected, 5)), facts(at(found))), []))
  }
  const other: ReadonlyArray<readonly [expected: number, found: number]> = [
    [EXT4_END - 1, EXT4_END],
    [-(2 ** 31) + 1, -(2 ** 31)],
    [2 ** 40, 2 ** 39],
    [0, 2 ** 31 - 1]
  ]
  for (const [expected, found] of other) {
    it(`${expected} is not ${found}`, () =>
      assert.lengthOf(differences(facts(at(expected)), facts(at(found))), 1))
  }

  const texts: ReadonlyArray<readonly [seconds: number, nanoseconds: number, text: string]> = [
    [0, 0, "0"],
    [1, 5, "1.000000005"],
    [-1, 0, "-1"],
    [-1, 500_000_000, "-0.500000000"],
    [-2, 999_999_999, "-1.000000001"]
  ]
  for (const [seconds, nanoseconds, text] of texts) {
    it(`${seconds} s and ${nanoseconds} ns are ${text}`, () =>
      assert.equal(
        toJson(
          Difference.Mtime({ expected: { seconds, nanoseconds }, found: { seconds: 9, nanoseconds: 0 } })
        ).expected,
        text
      ))
  }
})

describe("a difference for machines", () => {
  it("says bytes in hex, and null for none", () =>
    assert.deepEqual(
      toJson(
        Difference.Xattr({
          name: fromText("user.a"),
          expected: new Uint8Array([0, 255]),
          found: undefined
        })
      ),
      { what: "xattr", name: "user.a", expected: "00ff", found: null }
    ))

  it("says modes as people write them", () =>
    assert.deepEqual(toJson(Difference.Mode({ expected: 0o644, found: 0o4755 })), {
      what: "mode",
      expected: "0644",
      found: "4755"
    }))
})
