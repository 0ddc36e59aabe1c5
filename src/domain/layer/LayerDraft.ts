/** What one layer makes of a tree: the changes that its entries ask for, with the tree below the layer still in reach. */
import * as Either from "effect/Either"
import type { ByteString } from "../text/ByteString.ts"
import { IMPLIED, type InodeId } from "../root/Inodes.ts"
import { MAX_COMPONENT, MAX_PATH } from "./LayerPath.ts"
import { ABSENT, components, MAX_LINKS, Mark, type NodeId, type RootTree } from "../root/RootTree.ts"

/** Why a directory cannot be had: too many symlinks, or one that leads to a name no file system has. */
export type DraftProblem = "loop" | "component-too-long" | "path-too-long"

export class RootDraft {
  readonly tree: RootTree
  /** The tree below the layer, as `RootTree.resolve` wants it. */
  readonly before: { readonly size: number; readonly root: NodeId }
  readonly #layer: number
  /** Told when something that this very layer brought gives way. */
  readonly #onDuplicate: () => void

  constructor(tree: RootTree, layer: number, onDuplicate: () => void) {
    this.tree = tree
    this.before = { size: tree.size, root: tree.root }
    this.#layer = layer
    this.#onDuplicate = onDuplicate
  }

  /**
   * The directory at a path, through symlinks and inside the root. What is missing on the way, dangling targets
   * included, is made, and anything else that stands in the way gives way: 0755 0:0, time 0. `room` is how many bytes
   * the caller will add to the path.
   */
  directory(path: ReadonlyArray<ByteString>, room: number): Either.Either<NodeId, DraftProblem> {
    const { tree } = this
    let here = tree.root
    let links = 0
    let todo = path
    for (let next = 0; next < todo.length; next++) {
      const name = todo[next] as ByteString
      if (name === "..") {
        here = tree.parent(here)
        continue
      }
      const child = tree.child(here, name)
      const kind = child === undefined ? "Absent" : tree.kind(child)
      if (child !== undefined && kind === "Symlink") {
        if (++links > MAX_LINKS) return Either.left("loop")
        const target = tree.inodes.target(tree.inode(child))
        if (target.startsWith("/")) here = tree.root
        todo = [...components(target), ...todo.slice(next + 1)]
        next = -1
        continue
      }
      if (name.length > MAX_COMPONENT) return Either.left("component-too-long")
      here = child !== undefined && kind === "Directory" ? child : this.put(here, name, IMPLIED)
    }
    // Without links the name was checked when it was parsed.
    if (links > 0 && tree.path(here).length + 1 + room > MAX_PATH) return Either.left("path-too-long")
    return Either.right(here)
  }

  /** Gives an inode a name, in place of whatever had it. */
  put(directory: NodeId, name: ByteString, inode: InodeId): NodeId {
    const old = this.tree.child(directory, name)
    if (old !== undefined && this.#isOwn(old)) this.#onDuplicate()
    return this.tree.put(this.before.size, directory, name, inode)
  }

  /** An entry that describes a directory: what is in it stays where there was one. */
  describe(directory: NodeId, name: ByteString, inode: InodeId): void {
    const old = this.tree.child(directory, name)
    if (old !== undefined && this.tree.kind(old) === "Directory") this.describeItself(old, inode)
    else this.put(directory, name, inode)
  }

  describeItself(directory: NodeId, inode: InodeId): void {
    if (this.#isDescribed(directory)) this.#onDuplicate()
    this.tree.setInode(directory, inode)
  }

  /** Removes a node of the lower tree, if it still is there. */
  remove(node: NodeId): void {
    const { tree } = this
    if (this.#isThere(node)) tree.put(this.before.size, tree.parent(node), tree.name(node), ABSENT)
  }

  /** Empties a directory of the lower tree, if it still is there. */
  clear(directory: NodeId): void {
    if (this.#isThere(directory)) this.tree.empty(this.before.size, directory)
  }

  #isOwn(node: NodeId): boolean {
    const isNew = node >= this.before.size && !this.tree.isMarked(node, Mark.CARRIED)
    return isNew || (this.tree.kind(node) === "Directory" && this.#isDescribed(node))
  }

  #isDescribed(directory: NodeId): boolean {
    return this.tree.inodes.isDescribedBy(this.tree.inode(directory), this.#layer)
  }

  #isThere(node: NodeId): boolean {
    const { tree } = this
    for (let at = node; ; at = tree.parent(at)) {
      if (tree.isMarked(at, Mark.SUPERSEDED)) return false
      if (at === tree.root) return true
    }
  }
}
