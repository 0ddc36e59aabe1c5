/**
 * A root filesystem in memory. It can tell what is at a path and through which symlinks, with no system call and
 * without leaving the root.
 *
 * Nodes are numbers, and a node's number is higher than its parent's. Nodes are never removed: a replaced node stays
 * as the `lower` of its replacement, so while a layer is being applied, the tree below that layer can still be read.
 * Nodes are packed into typed arrays, since an image may have a million. The fold that makes the tree (`LayerMerge`)
 * owns it, and it is read-only for all others.
 */
import type * as Data from "effect/Data"
import type { ByteString } from "../text/ByteString.ts"
import { GrowingBytes } from "./GrowingBytes.ts"
import * as Grow from "./GrowingNumbers.ts"
import { IMPLIED, type InodeId, type InodeKind, Inodes } from "./Inodes.ts"
import { NameTable } from "./NameTable.ts"

/** The number of a node of one tree. */
export type NodeId = number

/**
 * The inode of a name that a whiteout removed. Lower numbers belong to hardlinks that wait for their target.
 *
 * @internal
 */
export const ABSENT: InodeId = -1

/** Marks that the tree stores for the code that changes it. @internal */
export const Mark = {
  /** Another node has the name now. */
  SUPERSEDED: 1,
  /** A layer made the node for a directory of a lower layer that it emptied. */
  CARRIED: 2,
  /** `Whiteouts` sets this while a layer is applied. */
  REMOVED: 4,
  EMPTIED: 8,
  NAMED: 16
} as const

/** A tree. Read it with `find` and its methods; `LayerMerge` makes it. */
export class RootTree {
  readonly inodes: Inodes
  #root: NodeId = 0
  readonly #parents = Grow.int32()
  readonly #nameAt = Grow.uint32()
  readonly #nameLengths = Grow.uint8()
  readonly #inodes = Grow.int32()
  readonly #lowers = Grow.int32()
  readonly #marks = Grow.uint8()
  readonly #names = new GrowingBytes()
  readonly #table = new NameTable(
    (id, directory, name) =>
      this.#parents.get(id) === directory &&
      this.#names.equals(this.#nameAt.get(id), this.#nameLengths.get(id), name)
  )
  #lookups = 0
  #replacements = 0
  #lastParent: NodeId = NONE
  #lastPath = "" as ByteString

  /** Makes a tree with an empty root. Trees with the same inodes can share hardlinks. */
  constructor(inodes: Inodes = new Inodes()) {
    this.inodes = inodes
    this.#push(0, "" as ByteString, IMPLIED, NONE)
  }

  get root(): NodeId {
    return this.#root
  }

  /** Number of nodes, those that were replaced included. */
  get size(): number {
    return this.#parents.length
  }

  /** Number of names looked up so far, the cost of the fold. */
  get lookups(): number {
    return this.#lookups
  }

  /**
   * Number of directories that were replaced so far. As long as it is the same, a path of directories leads where it led.
   *
   * @internal
   */
  get replacements(): number {
    return this.#replacements
  }

  /** Returns the parent; for the root, the root itself. */
  parent(node: NodeId): NodeId {
    return node === this.#root ? node : this.#parents.get(node)
  }

  /** Returns the last component of the node's path. */
  name(node: NodeId): ByteString {
    return this.#names.text(this.#nameAt.get(node), this.#nameLengths.get(node))
  }

  /** Returns the length of the name in bytes. */
  nameLength(node: NodeId): number {
    return this.#nameLengths.get(node)
  }

  /** Copies the bytes of the name to `at`. */
  putName(node: NodeId, into: Uint8Array, at: number): void {
    this.#names.copy(this.#nameAt.get(node), this.#nameLengths.get(node), into, at)
  }

  /** Compares the names of two nodes byte by byte: negative if that of `a` comes first. */
  compareNames(a: NodeId, b: NodeId): number {
    return this.#names.compare(
      this.#nameAt.get(a),
      this.#nameLengths.get(a),
      this.#nameAt.get(b),
      this.#nameLengths.get(b)
    )
  }

  /** Returns the inode, see `inodes`. */
  inode(node: NodeId): InodeId {
    return this.#inodes.get(node)
  }

  /** Returns the kind; `Absent` if a whiteout removed the node. */
  kind(node: NodeId): InodeKind | "Absent" | "Waiting" {
    const inode = this.#inodes.get(node)
    return inode >= 0 ? this.inodes.kind(inode) : inode === ABSENT ? "Absent" : "Waiting"
  }

  /** Returns the path relative to the root, which is `""`. */
  path(node: NodeId): ByteString {
    if (this.#isTop(node)) return "" as ByteString
    const parent = this.#parents.get(node)
    if (parent !== this.#lastParent) {
      const names: Array<ByteString> = []
      for (let at = parent; !this.#isTop(at); at = this.#parents.get(at)) names.push(this.name(at))
      this.#lastParent = parent
      this.#lastPath = names.reverse().join("/") as ByteString
    }
    const name = this.name(node)
    return (this.#lastPath === "" ? name : `${this.#lastPath}/${name}`) as ByteString
  }

  /** Returns the child of a directory with this name. */
  child(directory: NodeId, name: ByteString): NodeId | undefined {
    this.#lookups++
    const node = this.#table.get(directory, name)
    return node === 0 || this.#inodes.get(node) === ABSENT ? undefined : node
  }

  /** Returns the child at the time when the tree had at most `size` nodes. @internal */
  childBefore(size: number, directory: NodeId, name: ByteString): NodeId | undefined {
    this.#lookups++
    let node = this.#table.get(directory, name)
    while (node >= size) node = this.#lowers.get(node)
    return node <= 0 || this.#inodes.get(node) === ABSENT ? undefined : node
  }

  /** Returns which nodes are in the tree now: 1 at the number of each. */
  living(): Uint8Array {
    const living = new Uint8Array(this.size)
    living[this.#root] = 1
    for (let node = 1; node < living.length; node++) {
      if (node === this.#root) continue
      const isThere = living[this.#parents.get(node)] === 1 && !this.isMarked(node, Mark.SUPERSEDED)
      living[node] = isThere && this.#inodes.get(node) !== ABSENT ? 1 : 0
    }
    return living
  }

  // ── For the code that makes the tree
  // ────────────────────────────────────────────────────────────────────────────────

  /**
   * Gives an inode a name, and replaces what had it. `size` is the size of the tree before the current layer.
   *
   * @internal
   */
  put(size: number, directory: NodeId, name: ByteString, inode: InodeId): NodeId {
    const old = this.#table.get(directory, name)
    let lower = old === 0 ? NONE : old
    if (lower >= size) lower = this.#lowers.get(lower)
    if (old !== 0) {
      if (this.kind(old) === "Directory") this.#replacements++
      this.mark(old, Mark.SUPERSEDED)
    }
    const made = this.#push(directory, name, inode, lower)
    this.#table.set(directory, name, made)
    return made
  }

  /** Gives a node another inode. A directory keeps its content. @internal */
  setInode(node: NodeId, inode: InodeId): void {
    this.#inodes.set(node, inode)
  }

  /** Replaces a directory by the same directory without content. @internal */
  empty(size: number, directory: NodeId): void {
    const inode = this.inode(directory)
    if (directory !== this.#root) {
      this.mark(this.put(size, this.#parents.get(directory), this.name(directory), inode), Mark.CARRIED)
      return
    }
    this.mark(directory, Mark.SUPERSEDED)
    this.#replacements++
    this.#root = this.#push(0, "" as ByteString, inode, directory)
    this.mark(this.#root, Mark.CARRIED)
  }

  /** @internal */
  mark(node: NodeId, mark: number): void {
    this.#marks.set(node, this.#marks.get(node) | mark)
  }

  /** @internal */
  unmark(node: NodeId, mark: number): void {
    this.#marks.set(node, this.#marks.get(node) & ~mark)
  }

  /** @internal */
  isMarked(node: NodeId, mark: number): boolean {
    return (this.#marks.get(node) & mark) !== 0
  }

  /** Whether a node is a present or past root, which has no name. */
  #isTop(node: NodeId): boolean {
    return this.#nameLengths.get(node) === 0
  }

  #push(parent: NodeId, name: ByteString, inode: InodeId, lower: NodeId): NodeId {
    this.#parents.push(parent)
    this.#nameAt.push(this.#names.add(name))
    this.#nameLengths.push(name.length)
    this.#inodes.push(inode)
    this.#lowers.push(lower)
    this.#marks.push(0)
    return this.#parents.length - 1
  }
}

const NONE = -1

/** MAXSYMLINKS of Linux. One more symlink in a path is ELOOP. */
export const MAX_LINKS = 40

/** The result of looking up a path. `links` are the symlinks that were followed, in order. */
export type Resolution = Data.TaggedEnum<{
  Found: { readonly node: NodeId; readonly links: ReadonlyArray<NodeId> }
  /** The directory has no entry with this name. */
  Missing: { readonly directory: NodeId; readonly name: ByteString; readonly links: ReadonlyArray<NodeId> }
  /** A component that must be a directory is not one. */
  NotADirectory: { readonly node: NodeId; readonly links: ReadonlyArray<NodeId> }
  /** The symlink at `node` was one too many, or `passes` refused it. */
  Loop: { readonly node: NodeId; readonly links: ReadonlyArray<NodeId> }
}>

/** Options of a lookup. */
export interface ResolveOptions {
  /** Whether a symlink as the last component is followed, as by `stat` (the default) and not by `lstat`. */
  readonly followLast?: boolean
  /** Returns whether a symlink may be followed. If not, the lookup ends as a `Loop`. */
  readonly passes?: (link: NodeId) => boolean
  /** Looks the path up in the tree as it was with this number of nodes and this root. */
  readonly before?: { readonly size: number; readonly root: NodeId }
}

/**
 * Looks up a path as Linux would with the tree's root as its root directory: absolute targets start there, and `..`
 * stops there (path_resolution(7)). `path` consists of components and may contain `..`; `components` splits a text.
 */
export const resolve = (
  tree: RootTree,
  path: ReadonlyArray<ByteString>,
  { followLast = true, passes, before }: ResolveOptions = {}
): Resolution => {
  const root = before?.root ?? tree.root
  const links: Array<NodeId> = []
  let node = root
  let todo = path
  for (let next = 0; next < todo.length; next++) {
    const name = todo[next] as ByteString
    if (tree.kind(node) !== "Directory") return { _tag: "NotADirectory", node, links }
    if (name === "..") {
      if (node !== root) node = tree.parent(node)
      continue
    }
    const child = before === undefined ? tree.child(node, name) : tree.childBefore(before.size, node, name)
    if (child === undefined) return { _tag: "Missing", directory: node, name, links }
    if (tree.kind(child) === "Symlink" && (followLast || next < todo.length - 1)) {
      if (links.length === MAX_LINKS || passes?.(child) === false) {
        return { _tag: "Loop", node: child, links }
      }
      const target = tree.inodes.target(tree.inode(child))
      links.push(child)
      if (target.startsWith("/")) node = root
      todo = [...components(target), ...todo.slice(next + 1)]
      next = -1
    } else {
      node = child
    }
  }
  return { _tag: "Found", node, links }
}

/** Splits a path into the components that Linux sees: empty ones and `.` are dropped, `..` is kept. */
export const components = (path: ByteString): ReadonlyArray<ByteString> =>
  path.split("/").filter((component) => component !== "" && component !== ".") as Array<ByteString>

/** Looks up a path given as text, relative to the root, with or without a leading slash. */
export const find = (tree: RootTree, path: ByteString, options?: ResolveOptions): Resolution =>
  resolve(tree, components(path), options)
