/** The changes that one layer makes to a tree, while the tree below the layer can still be read. */
import * as Either from "effect/Either"
import { IMPLIED, type InodeId } from "../root/Inodes.ts"
import { ABSENT, components, MAX_LINKS, Mark, type NodeId, type RootTree } from "../root/RootTree.ts"
import type { ByteString } from "../text/ByteString.ts"
import { NAME_MAX, PATH_MAX } from "../text/PathLimits.ts"

/** Why a directory cannot be reached: too many symlinks, or a symlink to a name that no file system allows. */
export type DraftProblem = "loop" | "component-too-long" | "path-too-long"

export class LayerDraft {
  readonly tree: RootTree
  /** The tree below the layer, as `RootTree.resolve` expects it. */
  readonly before: { readonly size: number; readonly root: NodeId }
  readonly #layer: number
  /** Called when an entry replaces something that the same layer added. */
  readonly #onDuplicate: () => void

  /** Whether the last call of `directory` followed a symlink. */
  #followedLinks = false
  /** The name of the last entry without its last component, and the directory to which that leads. */
  #lastPrefix: string | undefined
  #lastDirectory: NodeId = 0
  #lastReplacements = 0

  constructor(tree: RootTree, layer: number, onDuplicate: () => void) {
    this.tree = tree
    this.before = { size: tree.size, root: tree.root }
    this.#layer = layer
    this.#onDuplicate = onDuplicate
  }

  /**
   * Returns the directory at a path, following symlinks inside the root. Missing directories are made with 0755 0:0
   * and time 0, also those at dangling targets, and anything else in the way is replaced. `room` is how many bytes
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
      if (name.length > NAME_MAX) return Either.left("component-too-long")
      here = child !== undefined && kind === "Directory" ? child : this.put(here, name, IMPLIED)
    }
    this.#followedLinks = links > 0
    // A path without links was checked when it was parsed.
    if (links > 0 && tree.path(here).length + 1 + room > PATH_MAX) return Either.left("path-too-long")
    return Either.right(here)
  }

  /**
   * Returns the last component of a name, if the name leads to the same directory as that of the entry before: an
   * archive lists most files beside one another. The directory is then `lastDirectory`.
   */
  besideLast(name: ByteString): ByteString | undefined {
    const prefix = this.#lastPrefix
    if (prefix === undefined || this.tree.replacements !== this.#lastReplacements) return undefined
    if (!name.startsWith(prefix) || name.length > PATH_MAX) return undefined
    const last = name.slice(prefix.length) as ByteString
    return isComponent(last) ? last : undefined
  }

  /** The directory of the entry before, if `besideLast` returns a name. */
  get lastDirectory(): NodeId {
    return this.#lastDirectory
  }

  /** Records which directory a name leads to. `component` is the last component of the name. */
  remember(name: ByteString, component: ByteString, directory: NodeId): void {
    const prefix = name.slice(0, name.length - component.length)
    const isPlain =
      !this.#followedLinks && name.endsWith(component) && (prefix === "" || prefix.endsWith("/"))
    this.#lastPrefix = isPlain ? prefix : undefined
    this.#lastDirectory = directory
    this.#lastReplacements = this.tree.replacements
  }

  /** Gives an inode a name, and replaces whatever had that name. */
  put(directory: NodeId, name: ByteString, inode: InodeId): NodeId {
    const old = this.tree.child(directory, name)
    if (old !== undefined && this.#isOwn(old)) this.#onDuplicate()
    return this.tree.put(this.before.size, directory, name, inode)
  }

  /** Applies an entry that describes a directory. An existing directory keeps its content. */
  describe(directory: NodeId, name: ByteString, inode: InodeId): void {
    const old = this.tree.child(directory, name)
    if (old !== undefined && this.tree.kind(old) === "Directory") this.describeItself(old, inode)
    else this.put(directory, name, inode)
  }

  describeItself(directory: NodeId, inode: InodeId): void {
    if (this.#isDescribed(directory)) this.#onDuplicate()
    this.tree.setInode(directory, inode)
  }

  /** Removes a node of the lower tree, if it still exists. */
  remove(node: NodeId): void {
    const { tree } = this
    if (this.#isThere(node)) tree.put(this.before.size, tree.parent(node), tree.name(node), ABSENT)
  }

  /** Empties a directory of the lower tree, if it still exists. */
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

/** Whether a text is one component that means itself. */
const isComponent = (text: string): boolean =>
  text !== "" &&
  text !== "." &&
  text !== ".." &&
  text.length <= NAME_MAX &&
  !text.includes("/") &&
  !text.includes("\0")
