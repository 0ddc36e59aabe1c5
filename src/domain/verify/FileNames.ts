/** The living names of a tree's files, by inode: two numbers for each, and no list. */
import type { InodeId } from "../root/Inodes.ts"
import type { NodeId, RootTree } from "../root/RootTree.ts"

export class FileNames {
  readonly #first: Int32Array
  readonly #next: Int32Array

  constructor(tree: RootTree, living: Uint8Array) {
    this.#first = new Int32Array(tree.inodes.size).fill(NONE)
    this.#next = new Int32Array(living.length)
    for (let node = living.length - 1; node >= 0; node--) {
      if (living[node] !== 1 || tree.kind(node) !== "File") continue
      const inode = tree.inode(node)
      this.#next[node] = this.#first[inode] ?? NONE
      this.#first[inode] = node
    }
  }

  /** Negative where there is none. */
  first(inode: InodeId): NodeId {
    return this.#first[inode] ?? NONE
  }

  next(node: NodeId): NodeId {
    return this.#next[node] ?? NONE
  }
}

const NONE = -1
