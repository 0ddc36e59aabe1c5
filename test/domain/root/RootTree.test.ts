import * as Either from "effect/Either"
import { assert, describe, it } from "vitest"
import { IMPLIED_PARENT, LayerEntry } from "../../../src/domain/archive/LayerEntry.ts"
import * as LayerMerge from "../../../src/domain/layer/LayerMerge.ts"
import * as RootTree from "../../../src/domain/root/RootTree.ts"
import { fromText } from "../../../src/domain/text/ByteString.ts"

const metadata = IMPLIED_PARENT
const file = (path: string) =>
  LayerEntry.File({ path: fromText(path), metadata, size: 0, content: { layer: 0, offset: 0 } })
const symlink = (path: string, target: string) =>
  LayerEntry.Symlink({ path: fromText(path), metadata, target: fromText(target) })
const link = (path: string, target: string) =>
  LayerEntry.Hardlink({ path: fromText(path), target: fromText(target) })

const treeOf = (...layers: ReadonlyArray<ReadonlyArray<LayerEntry>>) =>
  Either.getOrThrow(LayerMerge.merge(layers.map((entries) => ({ entries })))).tree

const tree = treeOf(
  [
    file("usr/sbin/nginx"),
    symlink("sbin", "usr/sbin"),
    symlink("usr/bin", "/usr/sbin"),
    symlink("etc/out", "../../../usr"),
    symlink("etc/deep/top", "/../usr"),
    symlink("dangling", "nowhere/at/all"),
    symlink("loop", "loop"),
    symlink("a", "b"),
    symlink("b", "a")
  ],
  [link("usr/sbin/again", "usr/sbin/nginx")]
)

/** `what at, through links`. */
const lookedUp = (path: string, options?: RootTree.ResolveOptions): string => {
  const found = RootTree.find(tree, fromText(path), options)
  const what = found._tag === "Found" ? tree.kind(found.node) : found._tag
  const at =
    found._tag === "Missing"
      ? [tree.path(found.directory), found.name].filter((part) => part !== "").join("/")
      : tree.path(found.node)
  const through = found.links
    .map((link) => `${tree.path(link)} -> ${tree.inodes.target(tree.inode(link))}`)
    .join(", ")
  return `${what} /${at}${through === "" ? "" : ` through ${through}`}`
}

describe("a path is looked up as Linux would", () => {
  const cases: ReadonlyArray<readonly [path: string, found: string]> = [
    ["/", "Directory /"],
    ["", "Directory /"],
    ["../..", "Directory /"],
    ["/usr/sbin/nginx", "File /usr/sbin/nginx"],
    ["usr//./sbin/../sbin/nginx", "File /usr/sbin/nginx"],
    ["/sbin/nginx", "File /usr/sbin/nginx through sbin -> usr/sbin"],
    ["/usr/bin/nginx", "File /usr/sbin/nginx through usr/bin -> /usr/sbin"],
    ["/sbin/../lib", "Missing /usr/lib through sbin -> usr/sbin"],
    ["/etc/out/bin", "Directory /usr/sbin through etc/out -> ../../../usr, usr/bin -> /usr/sbin"],
    ["/etc/deep/top/sbin", "Directory /usr/sbin through etc/deep/top -> /../usr"],
    ["/usr/lib/x", "Missing /usr/lib"],
    ["/dangling", "Missing /nowhere through dangling -> nowhere/at/all"],
    ["/usr/sbin/nginx/x", "NotADirectory /usr/sbin/nginx"],
    ["/usr/sbin/nginx/..", "NotADirectory /usr/sbin/nginx"]
  ]
  for (const [path, found] of cases) it(path || "nothing", () => assert.strictEqual(lookedUp(path), found))

  it("a loop ends after 40 links", () => {
    for (const path of ["loop", "a", "a/x"]) {
      const found = RootTree.find(tree, fromText(path))
      assert.strictEqual(found._tag, "Loop")
      assert.lengthOf(found.links, RootTree.MAX_LINKS)
    }
  })

  it("the last link is not followed where it is not asked for", () => {
    assert.strictEqual(lookedUp("loop", { followLast: false }), "Symlink /loop")
    assert.strictEqual(
      lookedUp("sbin/../bin", { followLast: false }),
      "Symlink /usr/bin through sbin -> usr/sbin"
    )
  })

  it("a link that is refused ends the walk before it", () => {
    assert.strictEqual(lookedUp("usr/bin/nginx", { passes: () => false }), "Loop /usr/bin")
  })
})

it("hardlinks share their inode, and nothing else does", () => {
  const inodes = ["usr/sbin/nginx", "usr/sbin/again", "sbin"].map((path) => {
    const found = RootTree.find(tree, fromText(path), { followLast: false })
    return found._tag === "Found" ? tree.inode(found.node) : undefined
  })
  assert.strictEqual(inodes[0], inodes[1])
  assert.notStrictEqual(inodes[0], inodes[2])
  assert.deepStrictEqual(
    inodes.map((inode) => inode !== undefined && tree.inodes.isShared(inode)),
    [true, true, false]
  )
})

it("a path is the names from the root down, whichever was asked for before", () => {
  const paths = ["usr/sbin/nginx", "usr", "usr/sbin", "usr/sbin/again", "etc/deep/top", "sbin", ""]
  for (const path of [...paths, ...paths]) {
    const found = RootTree.find(tree, fromText(path), { followLast: false })
    assert.strictEqual(found._tag === "Found" ? tree.path(found.node) : undefined, path)
  }
})

it("the tree below a layer can be looked at while the layer is applied", () => {
  const under = treeOf([file("a/x"), symlink("l", "a"), file("b")])
  const before = { size: under.size, root: under.root }
  const [a, l, b] = ["a", "l", "b"].map((name) => under.child(under.root, fromText(name)) ?? 0)
  under.empty(before.size, a as number)
  under.put(before.size, under.root, fromText("l"), under.inode(b as number))
  under.put(before.size, under.root, fromText("b"), RootTree.ABSENT)
  under.empty(before.size, under.root)
  assert.strictEqual(under.child(under.root, fromText("a")), undefined)
  const found = (path: string) => {
    const there = RootTree.find(under, fromText(path), { before, followLast: false })
    return there._tag === "Found" ? there.node : there._tag
  }
  assert.deepStrictEqual([found("a"), found("l"), found("b")], [a, l, b])
  assert.strictEqual(
    under.kind(
      RootTree.find(under, fromText("l/x"), { before })._tag === "Found" ? (found("a/x") as number) : 0
    ),
    "File"
  )
})
