import * as Either from "effect/Either"
import { assert, describe, it } from "vitest"
import * as LayerPath from "../../../src/domain/layer/LayerPath.ts"
import type { ByteString } from "../../../src/domain/text/ByteString.ts"

const bytes = (text: string) => text as ByteString

/** `a/b`, or the problem. */
const parsed = (name: string): string =>
  Either.match(LayerPath.parse(bytes(name)), {
    onLeft: ({ problem }) => `! ${problem}`,
    onRight: LayerPath.join
  })

/** `role path`, or the problem. */
const spoken = (name: string): string =>
  Either.match(LayerPath.role(bytes(name)), {
    onLeft: ({ problem }) => `! ${problem}`,
    onRight: LayerPath.LayerPathRole.$match({
      Ordinary: ({ path }) => `ordinary ${LayerPath.join(path)}`,
      Whiteout: ({ path }) => `whiteout ${LayerPath.join(path)}`,
      Opaque: ({ directory }) => `opaque ${LayerPath.join(directory)}`,
      AufsMetadata: ({ path }) => `aufs ${LayerPath.join(path)}`
    })
  })

const NAME_255 = "n".repeat(255)
const PATH_4096 = `${"d/".repeat(2047)}ee`

describe("a name", () => {
  const cases: ReadonlyArray<readonly [name: string, parsed: string]> = [
    ["", ""],
    [".", ""],
    ["/", ""],
    ["./", ""],
    ["..", ""],
    ["../../a", "a"],
    ["a/../..", ""],
    ["a/../../b", "b"],
    ["//a///b//", "a/b"],
    ["./a/./b/.", "a/b"],
    ["a/b/../c", "a/c"],
    ["...", "..."],
    ["a\n/\xff\xfe", "a\n/\xff\xfe"],
    [NAME_255, NAME_255],
    [`${NAME_255}n`, "! component-too-long"],
    [`${NAME_255}n/../a`, "a"],
    [PATH_4096, PATH_4096],
    [`./${PATH_4096}/`, PATH_4096],
    [`${PATH_4096}e`, "! path-too-long"],
    ["a\0b", "! nul"]
  ]
  for (const [name, expected] of cases) {
    it(`${JSON.stringify(name.slice(0, 20))} leads to ${JSON.stringify(expected.slice(0, 20))}`, () =>
      assert.strictEqual(parsed(name), expected))
  }
})

describe("the whiteout grammar", () => {
  const cases: ReadonlyArray<readonly [name: string, spoken: string]> = [
    ["a/b", "ordinary a/b"],
    ["a.wh.b", "ordinary a.wh.b"],
    [".wh", "ordinary .wh"],
    [".whx/a", "ordinary .whx/a"],
    [".wh.a", "whiteout a"],
    ["a/.wh.b/", "whiteout a/b"],
    [".wh.a/../b", "ordinary b"],
    ["../.wh.a", "whiteout a"],
    [".wh..a", "whiteout .a"],
    [".wh..wh", "whiteout .wh"],
    [".wh.....", "whiteout ...."],
    [".wh..wh..opq", "opaque "],
    ["a/.wh..wh..opq", "opaque a"],
    [".wh..wh.aufs", "aufs .wh..wh.aufs"],
    [".wh..wh.", "aufs .wh..wh."],
    [".wh..wh..opqx", "aufs .wh..wh..opqx"],
    ["a/.wh..wh.plnk/1.2", "aufs a/.wh..wh.plnk/1.2"],
    [".wh..wh.orph/.wh.", "aufs .wh..wh.orph/.wh."],
    [".wh.", "! bad-whiteout"],
    [".wh..", "! bad-whiteout"],
    ["a/.wh...", "! bad-whiteout"],
    [".wh.a/b", "! below-whiteout"],
    [".wh./b", "! below-whiteout"],
    [".wh.a/.wh..wh.plnk", "! below-whiteout"],
    ["a/.wh..wh..opq/b", "! below-whiteout"]
  ]
  for (const [name, expected] of cases) {
    it(`${name} is ${expected}`, () => assert.strictEqual(spoken(name), expected))
  }
})

it("a message shows a line of a long name, with its control characters escaped", () => {
  const error = Either.getOrThrow(Either.flip(LayerPath.parse(bytes(`\n${"x".repeat(5000)}`))))
  assert.strictEqual(
    error.message,
    `the name "\\x0a${"x".repeat(255)}…" has a component of 5001 bytes (the limit is 255)`
  )
})
