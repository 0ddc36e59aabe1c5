/** The names of all directories of a tree. The names of each directory are in the order of their bytes. */
import type { NodeId, RootTree } from "../root/RootTree.ts"

/**
 * Takes a name of a directory: the node that has it, and `dots`, which is 1 for the name `.`, 2 for `..` and 0 for the
 * node's own name.
 */
export type Visit = (node: NodeId, dots: number) => void

export class SortedChildren {
  readonly #tree: RootTree
  /** All nodes of the tree except the root, one directory's children after another's. */
  readonly #order: Int32Array
  /** Where the children of each directory begin in `#order`. They end where those of the next node begin. */
  readonly #starts: Uint32Array

  constructor(tree: RootTree) {
    this.#tree = tree
    const living = tree.living()
    const starts = new Uint32Array(living.length + 1)
    let count = 0
    for (let node = 0; node < living.length; node++) {
      if (living[node] !== 1 || node === tree.root) continue
      const after = tree.parent(node) + 1
      starts[after] = (starts[after] ?? 0) + 1
      count++
    }
    for (let node = 0; node < living.length; node++)
      starts[node + 1] = at(starts, node + 1) + at(starts, node)
    const order = new Int32Array(count)
    const filled = starts.slice(0, living.length)
    for (let node = 0; node < living.length; node++) {
      if (living[node] !== 1 || node === tree.root) continue
      const parent = tree.parent(node)
      const place = at(filled, parent)
      order[place] = node
      filled[parent] = place + 1
    }
    this.#order = order
    this.#starts = starts
    for (let node = 0; node < living.length; node++) this.#sort(node)
  }

  /** Number of nodes in the tree. */
  get count(): number {
    return this.#order.length + 1
  }

  /**
   * Returns a node by its number: first the root, then directory by directory, parents before their children.
   */
  node(index: number): NodeId {
    return index === 0 ? this.#tree.root : (this.#order[index - 1] ?? 0)
  }

  /** Visits the names of a directory, `.` and `..` included, in the order of their bytes. */
  forEach(directory: NodeId, visit: Visit): void {
    const end = at(this.#starts, directory + 1)
    let dots = 0
    for (let index = at(this.#starts, directory); index < end; index++) {
      const node = this.#order[index] ?? 0
      if (dots < DOTS.length) {
        const name = this.#tree.name(node)
        while (dots < DOTS.length && (DOTS[dots] ?? "") < name) this.#dot(directory, ++dots, visit)
      }
      visit(node, 0)
    }
    while (dots < DOTS.length) this.#dot(directory, ++dots, visit)
  }

  /** Returns the length in bytes of a name as `forEach` gives it. */
  nameLength(node: NodeId, dots: number): number {
    return dots > 0 ? dots : this.#tree.nameLength(node)
  }

  /** Copies the bytes of a name, as `forEach` gives it, to `at`. */
  putName(node: NodeId, dots: number, into: Uint8Array, at: number): void {
    if (dots > 0) into.fill(DOT, at, at + dots)
    else this.#tree.putName(node, into, at)
  }

  #dot(directory: NodeId, dots: number, visit: Visit): void {
    visit(dots === 1 ? directory : this.#tree.parent(directory), dots)
  }

  /** Sorts the children of a directory. Archives are often sorted; such children are left as they are. */
  #sort(directory: NodeId): void {
    const start = at(this.#starts, directory)
    const end = at(this.#starts, directory + 1)
    for (let index = start + 1; index < end; index++) {
      if (this.#tree.compareNames(this.#order[index - 1] ?? 0, this.#order[index] ?? 0) > 0) {
        this.#order.subarray(start, end).sort((a, b) => this.#tree.compareNames(a, b))
        return
      }
    }
  }
}

const at = (numbers: Uint32Array, index: number): number => numbers[index] ?? 0
const DOTS = [".", ".."]
const DOT = 0x2e
