import * as Either from "effect/Either"
import { assert, describe, it } from "vitest"
import { LayerEntry, type Metadata } from "../../../src/domain/archive/LayerEntry.ts"
import * as LayerMerge from "../../../src/domain/layer/LayerMerge.ts"
import * as RootTree from "../../../src/domain/root/RootTree.ts"
import * as RootWalk from "../../../src/domain/root/RootWalk.ts"
import { display, fromText } from "../../../src/domain/text/ByteString.ts"

const metadata = (mode: number, uid = 0): Metadata => ({
  mode,
  uid,
  gid: 5,
  mtime: { seconds: 9, nanoseconds: 1 },
  xattrs: new Map()
})
const file = (path: string, offset: number, mode = 0o640, uid = 7) =>
  LayerEntry.File({
    path: fromText(path),
    metadata: metadata(mode, uid),
    size: 10 * offset,
    content: { layer: 0, offset }
  })

const LOWER = [
  LayerEntry.Directory({ path: fromText("d"), metadata: metadata(0o700) }),
  file("d/file", 1),
  file("gone", 2),
  LayerEntry.Hardlink({ path: fromText("further"), target: fromText("d/file") })
]
const UPPER = [
  file(".wh.gone", 3),
  LayerEntry.Symlink({ path: fromText("e/link"), metadata: metadata(0o777), target: fromText("../d") }),
  LayerEntry.CharacterDevice({ path: fromText("null"), metadata: metadata(0o666), major: 1, minor: 3 })
]

const merged = (...layers: ReadonlyArray<Iterable<LayerEntry>>) =>
  Either.getOrThrow(LayerMerge.merge(layers.map((entries) => ({ entries })))).tree

describe("walking a tree", () => {
  it("gives each name its type, its true attributes and its origin", () => {
    const nodes = [...RootWalk.walk(merged(LOWER, UPPER))].map(
      ({ content: _content, id: _id, metadata, path, ...more }) => [
        display(path),
        metadata.mode,
        metadata.uid,
        more
      ]
    )
    assert.deepEqual(nodes, [
      ["", 0o755, 0, { kind: "Directory", layer: undefined }],
      ["d", 0o700, 0, { kind: "Directory", layer: 0 }],
      ["d/file", 0o640, 7, { kind: "File", layer: 0, size: 10 }],
      ["further", 0o640, 7, { kind: "File", layer: 0, size: 10, linkOf: fromText("d/file") }],
      ["e", 0o755, 0, { kind: "Directory", layer: undefined }],
      ["e/link", 0o777, 0, { kind: "Symlink", layer: 1, target: fromText("../d") }],
      ["null", 0o666, 0, { kind: "CharacterDevice", layer: 1, device: { major: 1, minor: 3 } }]
    ])
  })

  it("says of one name what the walk says", () => {
    const tree = merged(LOWER)
    const found = RootTree.find(tree, fromText("d/file"))
    if (found._tag !== "Found") return assert.fail("it is there")
    assert.deepEqual(
      RootWalk.node(tree, found.node),
      [...RootWalk.walk(tree)].find(({ path }) => path === "d/file")
    )
  })

  it("begins with the root, also where a layer emptied it", () => {
    const opaque = [file(".wh..wh..opq", 1), file("new", 2)]
    assert.deepEqual(
      [...RootWalk.walk(merged(LOWER, opaque))].map(({ path }) => path),
      ["", "new"]
    )
  })
})

describe("a merge", () => {
  it("takes entries that can be gone through once, as a generator's", () => {
    function* once(entries: ReadonlyArray<LayerEntry>) {
      yield* entries
    }
    assert.deepEqual(
      [...RootWalk.walk(merged(once(LOWER), once(UPPER)))],
      [...RootWalk.walk(merged(LOWER, UPPER))]
    )
    assert.deepEqual([...RootWalk.walk(merged(LOWER.values()))], [...RootWalk.walk(merged(LOWER))])
  })
})
