/**
 * Which names of a root have one inode, held against the tree that its layers make: names that should share one and do not,
 * and names that share one and should not.
 *
 * The first name that is found of an inode of the file system holds it.
 */
import type { Digest } from "../document/Digest.ts"
import { InodeNumbers } from "./InodeNumbers.ts"
import type { InodeId } from "../root/Inodes.ts"
import { Difference } from "./PathFacts.ts"
import type { NodeId, RootTree } from "../root/RootTree.ts"

export class SharedInodes {
  readonly #tree: RootTree
  readonly #diffIds: ReadonlyArray<Digest>
  #numbers: InodeNumbers
  /** First names of an inode of the tree, and who had their inode of the file system before: few. */
  readonly #holders = new Map<NodeId, NodeId>()

  /** `diffIds` are of the tree's layers: those of one diff id are in a root with the same files, not with equal ones. */
  constructor(tree: RootTree, diffIds: ReadonlyArray<Digest>, living: Uint8Array) {
    this.#tree = tree
    this.#diffIds = diffIds
    let names = 0
    for (let node = 0; node < living.length; node++) {
      if (living[node] === 1 && tree.kind(node) !== "Directory") names++
    }
    this.#numbers = new InodeNumbers(names)
  }

  /** Gives its memory back; no more is asked afterwards. */
  forget(): void {
    this.#numbers = new InodeNumbers()
  }

  /** `inode` is the file system's of the name `node`; `first` the first name found of its inode of the tree, if another. */
  differences(node: NodeId, inode: bigint, first: NodeId | undefined): ReadonlyArray<Difference> {
    const tree = this.#tree
    const holder = this.#numbers.claim(inode, node)
    const all: Array<Difference> = []
    if (first === undefined) {
      if (holder !== node) this.#holders.set(node, holder)
    } else if (holder !== (this.#holders.get(first) ?? first)) {
      all.push(Difference.Unlinked({ from: tree.path(first) }))
    }
    if (!this.#isOne(tree.inode(holder), tree.inode(node))) {
      all.push(Difference.Linked({ with: tree.path(holder) }))
    }
    return all
  }

  /** Whether two inodes of the tree are one in the root. */
  #isOne(a: InodeId, b: InodeId): boolean {
    const { inodes } = this.#tree
    if (a === b) return true
    if (inodes.kind(a) !== "File" || inodes.kind(b) !== "File") return false
    const [one, other] = [inodes.content(a), inodes.content(b)]
    return one.entry === other.entry && this.#diffIds[one.layer] === this.#diffIds[other.layer]
  }
}
