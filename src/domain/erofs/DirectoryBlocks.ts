/** The data of a directory: blocks of dirents, each followed by the names of its dirents (`OnDisk`). */
import type { NodeId, RootTree } from "../root/RootTree.ts"
import type { ImageOutput } from "./ImageOutput.ts"
import { BLOCK, DIRENT, putDirent } from "./OnDisk.ts"
import type { SortedChildren } from "./SortedChildren.ts"

/** Returns the length of the data: whole blocks, and the used part of the last one. */
export const size = (children: SortedChildren, directory: NodeId): number => {
  let full = 0
  let used = 0
  children.forEach(directory, (node, dots) => {
    const length = DIRENT + children.nameLength(node, dots)
    if (used + length > BLOCK) {
      full += BLOCK
      used = 0
    }
    used += length
  })
  return full + used
}

/** Writes the blocks. The last block is cut to its used part. */
export const write = (
  output: ImageOutput,
  tree: RootTree,
  children: SortedChildren,
  directory: NodeId,
  nidOf: (node: NodeId) => number
): void => {
  /** The names of the current block, as `SortedChildren` gives them. */
  const nodes: Array<NodeId> = []
  const dotted: Array<number> = []
  let used = 0
  const flush = (length: number) => {
    const { at, bytes, view } = output.reserve(length)
    let nameAt = nodes.length * DIRENT
    for (let index = 0; index < nodes.length; index++) {
      const [node = 0, dots = 0] = [nodes[index], dotted[index]]
      const kind = tree.kind(node)
      if (kind === "Absent" || kind === "Waiting") throw new Error("a name in the tree has no node")
      putDirent(view, at + index * DIRENT, nidOf(node), nameAt, kind)
      children.putName(node, dots, bytes, at + nameAt)
      nameAt += children.nameLength(node, dots)
    }
    nodes.length = 0
    dotted.length = 0
    used = 0
  }
  children.forEach(directory, (node, dots) => {
    const length = DIRENT + children.nameLength(node, dots)
    if (used + length > BLOCK) flush(BLOCK)
    nodes.push(node)
    dotted.push(dots)
    used += length
  })
  flush(used)
}
