/**
 * Compares the hard links of a root with the tree that its layers make: finds names that should share an inode and do
 * not, and names that share one and should not.
 *
 * The first name found for an inode of the file system holds it.
 */
import type { NodeId, RootTree } from "../root/RootTree.ts"
import { InodeNumbers } from "./InodeNumbers.ts"
import { Difference } from "./PathFacts.ts"

export class SharedInodes {
  readonly #tree: RootTree
  #numbers: InodeNumbers
  /**
   * First names of inodes of the tree, and the node that already held their inode of the file system. There are few.
   */
  readonly #holders = new Map<NodeId, NodeId>()

  /**
   * `diffIds` belong to the tree's layers. Two layers with one diff id share their files in a root; their files are
   * not just equal.
   */
  constructor(tree: RootTree, living: Uint8Array) {
    this.#tree = tree
    let names = 0
    for (let node = 0; node < living.length; node++) {
      if (living[node] === 1 && tree.kind(node) !== "Directory") names++
    }
    this.#numbers = new InodeNumbers(names)
  }

  /** Frees the memory. No method may be called afterwards. */
  forget(): void {
    this.#numbers = new InodeNumbers()
  }

  /**
   * Returns the differences of the name `node`, whose inode of the file system is `inode`. `first` is the first name
   * found of the same inode of the tree, if that is another.
   */
  differences(node: NodeId, inode: bigint, first: NodeId | undefined): ReadonlyArray<Difference> {
    const tree = this.#tree
    const holder = this.#numbers.claim(inode, node)
    const all: Array<Difference> = []
    if (first === undefined) {
      if (holder !== node) this.#holders.set(node, holder)
    } else if (holder !== (this.#holders.get(first) ?? first)) {
      all.push(Difference.Unlinked({ from: tree.path(first) }))
    }
    if (tree.inode(holder) !== tree.inode(node)) {
      all.push(Difference.Linked({ with: tree.path(holder) }))
    }
    return all
  }
}
