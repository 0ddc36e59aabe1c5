/** The names of a tree's files that still exist, by inode: two numbers for each, without a list. */
import type { InodeId } from "../root/Inodes.ts"
import type { NodeId, RootTree } from "../root/RootTree.ts"

export class FileNames {
  readonly #first: Int32Array
  readonly #next: Int32Array

  constructor(tree: RootTree, living: Uint8Array) {
    this.#first = new Int32Array(tree.inodes.count).fill(NONE)
    this.#next = new Int32Array(living.length)
    for (let node = living.length - 1; node >= 0; node--) {
      if (living[node] !== 1 || tree.kind(node) !== "File") continue
      const inode = tree.inode(node)
      this.#next[node] = this.#first[inode] ?? NONE
      this.#first[inode] = node
    }
  }

  /** Returns the first name of the inode; negative if it has none. */
  first(inode: InodeId): NodeId {
    return this.#first[inode] ?? NONE
  }

  next(node: NodeId): NodeId {
    return this.#next[node] ?? NONE
  }
}

const NONE = -1
