import * as Either from "effect/Either"
import { assert, describe, it } from "vitest"
import { fromText } from "../../src/domain/ByteString.ts"
import { IMPLIED_PARENT, LayerEntry } from "../../src/domain/LayerEntry.ts"
import * as LayerMerge from "../../src/domain/LayerMerge.ts"
import * as RootTree from "../../src/domain/RootTree.ts"

const metadata = IMPLIED_PARENT
const file = (path: string) =>
  LayerEntry.File({ path: fromText(path), metadata, size: 0, content: { layer: 0, entry: 0 } })
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
  const what =
    found._tag !== "Found" ? found._tag : found.node._tag === "Name" ? found.node.inode._tag : "Directory"
  const through = found.links.map(({ at, target }) => `${at.join("/")} -> ${target}`).join(", ")
  return `${what} /${found.at.join("/")}${through === "" ? "" : ` through ${through}`}`
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

it("hardlinks share their inode, and each name knows the layer that brought it", () => {
  const [nginx, again] = ["usr/sbin/nginx", "usr/sbin/again"].map((path) =>
    RootTree.find(tree, fromText(path))
  )
  assert.isTrue(nginx?._tag === "Found" && again?._tag === "Found")
  if (nginx?._tag !== "Found" || again?._tag !== "Found") return
  assert.isTrue(
    nginx.node._tag === "Name" && again.node._tag === "Name" && nginx.node.inode === again.node.inode
  )
  assert.deepStrictEqual([nginx.node.layer, again.node.layer], [0, 1])
})

it("children are sorted by their bytes", () => {
  const names = ["b", "a", "Z", "\xff", "a-"].map((path) => ({ ...file(""), path }) as LayerEntry)
  assert.deepStrictEqual(
    RootTree.sorted(treeOf(names).root).map(([name]) => name as string),
    ["Z", "a", "a-", "b", "\xff"]
  )
})
