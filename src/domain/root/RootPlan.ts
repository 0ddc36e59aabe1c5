/**
 * The steps that write a tree into an empty directory, in an order in which no step can follow a link:
 *
 *     1. directories, parents before children     4. symlinks
 *     2. files, devices, fifos                     5. further names of symlinks
 *     3. further names of those                    6. directories' metadata, children before parents, the root last
 *
 * Within each group the nodes keep the order of the layers, so that neighbours in an archive stay neighbours.
 */
import * as Grow from "./GrowingNumbers.ts"
import type { InodeId } from "./Inodes.ts"
import { RootStep } from "./RootStep.ts"
import type { NodeId, RootTree } from "./RootTree.ts"

/** Yields the steps one by one, since a tree may have a million. */
export function* of(tree: RootTree): Generator<RootStep, void, undefined> {
  const { inodes, root } = tree
  const living = tree.living()
  const first = new Map<InodeId, NodeId>()
  const further = Grow.int32()

  /** Whether the node has the first name of its inode. Further names are remembered. */
  const isFirst = (node: NodeId): boolean => {
    const inode = tree.inode(node)
    if (!inodes.isShared(inode)) return true
    if (first.has(inode)) further.push(node)
    else first.set(inode, node)
    return first.get(inode) === node
  }
  function* furtherNames(): Generator<RootStep, void, undefined> {
    for (let index = 0; index < further.length; index++) {
      const node = further.get(index)
      const existing = first.get(tree.inode(node))
      if (existing !== undefined) {
        yield RootStep.MakeLink({ path: tree.path(node), existing: tree.path(existing) })
      }
    }
    further.clear()
  }

  for (let node = 0; node < living.length; node++) {
    if (living[node] === 1 && node !== root && tree.kind(node) === "Directory") {
      yield RootStep.MakeDirectory({ path: tree.path(node) })
    }
  }
  for (let node = 0; node < living.length; node++) {
    if (living[node] !== 1) continue
    const inode = tree.inode(node)
    switch (tree.kind(node)) {
      case "File":
        if (isFirst(node)) {
          yield RootStep.MakeFile({
            path: tree.path(node),
            content: inodes.content(inode),
            size: inodes.size(inode),
            metadata: inodes.metadata(inode)
          })
        }
        break
      case "Fifo":
      case "CharacterDevice":
      case "BlockDevice":
        if (isFirst(node)) yield nodeStep(tree, node)
    }
  }
  yield* furtherNames()
  for (let node = 0; node < living.length; node++) {
    if (living[node] !== 1 || tree.kind(node) !== "Symlink" || !isFirst(node)) continue
    const inode = tree.inode(node)
    yield RootStep.MakeSymlink({
      path: tree.path(node),
      target: inodes.target(inode),
      metadata: inodes.metadata(inode)
    })
  }
  yield* furtherNames()
  for (let node = living.length - 1; node >= 0; node--) {
    if (living[node] === 1 && tree.kind(node) === "Directory") {
      yield RootStep.SetDirectory({ path: tree.path(node), metadata: inodes.metadata(tree.inode(node)) })
    }
  }
}

/** Returns the number of steps. */
export const size = (tree: RootTree): number => {
  const living = tree.living()
  let steps = 0
  for (let node = 0; node < living.length; node++) {
    // A directory is made first and described at the end. The root exists already.
    if (living[node] === 1) steps += tree.kind(node) === "Directory" && node !== tree.root ? 2 : 1
  }
  return steps
}

const nodeStep = (tree: RootTree, node: NodeId): RootStep => {
  const path = tree.path(node)
  const inode = tree.inode(node)
  const metadata = tree.inodes.metadata(inode)
  const kind = tree.kind(node)
  if (kind === "Fifo") return RootStep.MakeNode({ path, kind: "fifo", major: 0, minor: 0, metadata })
  const { major, minor } = tree.inodes.device(inode)
  return RootStep.MakeNode({
    path,
    kind: kind === "CharacterDevice" ? "character" : "block",
    major,
    minor,
    metadata
  })
}
