/**
 * A root filesystem in memory: what is at a path, through which symlinks, with no system call and no way out.
 *
 * Nodes are numbers, and a node's number is higher than its parent's. Nothing is ever taken away: what gives way to
 * something else stays as the `lower` of what came in its place. So, while a layer is being applied, the tree as it was
 * below that layer can still be walked. Packed into typed arrays, since an image may have a million nodes; owned by the
 * fold that makes it (`LayerMerge`), and read-only for everybody else.
 */
import type * as Data from "effect/Data"
import type { ByteString } from "../text/ByteString.ts"
import { GrowingBytes } from "./GrowingBytes.ts"
import * as Grow from "./GrowingNumbers.ts"
import { IMPLIED, type InodeId, type InodeKind, Inodes } from "./Inodes.ts"
import { NameTable } from "./NameTable.ts"

/** The number of a node of one tree. */
export type NodeId = number

/** The inode of a name that a whiteout took away. Those below it are of hardlinks that wait for their target. @internal */
export const ABSENT: InodeId = -1

/** What the tree keeps for those who change it. @internal */
export const Mark = {
  /** Something else has its name. */
  SUPERSEDED: 1,
  /** Made by a layer, for a directory of a lower one that the layer emptied. */
  CARRIED: 2,
  /** Of `Whiteouts`, for as long as a layer is applied. */
  REMOVED: 4,
  EMPTIED: 8,
  NAMED: 16
} as const

/** Read it with `find` and its methods; `LayerMerge` makes it. */
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
  #lastParent: NodeId = NONE
  #lastPath = "" as ByteString

  /** With nothing in its root. Trees of one set of inodes can have hardlinks in common. */
  constructor(inodes: Inodes = new Inodes()) {
    this.inodes = inodes
    this.#push(0, "" as ByteString, IMPLIED, NONE)
  }

  get root(): NodeId {
    return this.#root
  }

  /** Nodes so far, those that gave way included. */
  get size(): number {
    return this.#parents.length
  }

  /** Names looked up so far: what the fold has cost. */
  get lookups(): number {
    return this.#lookups
  }

  /** The root's is the root itself. */
  parent(node: NodeId): NodeId {
    return node === this.#root ? node : this.#parents.get(node)
  }

  /** The last component of its path. */
  name(node: NodeId): ByteString {
    return this.#names.text(this.#nameAt.get(node), this.#nameLengths.get(node))
  }

  /** What it is a name of: see `inodes`. */
  inode(node: NodeId): InodeId {
    return this.#inodes.get(node)
  }

  /** Absent is what a whiteout took away. */
  kind(node: NodeId): InodeKind | "Absent" | "Waiting" {
    const inode = this.#inodes.get(node)
    return inode >= 0 ? this.inodes.kind(inode) : inode === ABSENT ? "Absent" : "Waiting"
  }

  /** Relative to the root, which is `""`. */
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

  /** What a directory has under a name. */
  child(directory: NodeId, name: ByteString): NodeId | undefined {
    this.#lookups++
    const node = this.#table.get(directory, name)
    return node === 0 || this.#inodes.get(node) === ABSENT ? undefined : node
  }

  /** What it had when the tree had no more than `size` nodes. @internal */
  childBefore(size: number, directory: NodeId, name: ByteString): NodeId | undefined {
    this.#lookups++
    let node = this.#table.get(directory, name)
    while (node >= size) node = this.#lowers.get(node)
    return node <= 0 || this.#inodes.get(node) === ABSENT ? undefined : node
  }

  /** Which nodes are in the tree now, by number: 1 where one is. */
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

  // ── For who makes the tree ─────────────────────────────────────────────────────────────────────────────────────

  /** Gives an inode a name, in place of what had it. `size` is the tree's before the layer that does. @internal */
  put(size: number, directory: NodeId, name: ByteString, inode: InodeId): NodeId {
    const old = this.#table.get(directory, name)
    let lower = old === 0 ? NONE : old
    if (lower >= size) lower = this.#lowers.get(lower)
    if (old !== 0) this.mark(old, Mark.SUPERSEDED)
    const made = this.#push(directory, name, inode, lower)
    this.#table.set(directory, name, made)
    return made
  }

  /** Another inode for a node; a directory keeps what is in it. @internal */
  setInode(node: NodeId, inode: InodeId): void {
    this.#inodes.set(node, inode)
  }

  /** The same directory with nothing in it. @internal */
  empty(size: number, directory: NodeId): void {
    const inode = this.inode(directory)
    if (directory !== this.#root) {
      this.mark(this.put(size, this.#parents.get(directory), this.name(directory), inode), Mark.CARRIED)
      return
    }
    this.mark(directory, Mark.SUPERSEDED)
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

  /** Roots, present and past, are what has no name. */
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

/** Linux's MAXSYMLINKS: one more in a path is ELOOP. */
export const MAX_LINKS = 40

/** What came of looking for a path; `links` are the symlinks that were passed, in that order. */
export type Resolution = Data.TaggedEnum<{
  Found: { readonly node: NodeId; readonly links: ReadonlyArray<NodeId> }
  /** The directory has nothing of this name. */
  Missing: { readonly directory: NodeId; readonly name: ByteString; readonly links: ReadonlyArray<NodeId> }
  /** Something had to be a directory and is none. */
  NotADirectory: { readonly node: NodeId; readonly links: ReadonlyArray<NodeId> }
  /** The symlink at `node` was one too many, or one that `passes` refused. */
  Loop: { readonly node: NodeId; readonly links: ReadonlyArray<NodeId> }
}>

/** How a path is looked for. */
export interface ResolveOptions {
  /** Whether a symlink as the last component is passed: `stat` does (the default), `lstat` does not. */
  readonly followLast?: boolean
  /** Refuses to pass this symlink; the walk then ends as a `Loop`. */
  readonly passes?: (link: NodeId) => boolean
  /** Looks at the tree as it was when it had this many nodes and this root. */
  readonly before?: { readonly size: number; readonly root: NodeId }
}

/**
 * Looks for a path as Linux would with the tree's root as its root directory: absolute targets start there and `..`
 * stops there (path_resolution(7)). `path` are components, `..` among them allowed; see `components` for text.
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

/** A path's components as Linux sees them: empty ones and `.` mean nothing, `..` is left for the walk. */
export const components = (path: ByteString): ReadonlyArray<ByteString> =>
  path.split("/").filter((component) => component !== "" && component !== ".") as Array<ByteString>

/** `resolve` for a path as text, relative to the root with or without a leading slash. */
export const find = (tree: RootTree, path: ByteString, options?: ResolveOptions): Resolution =>
  resolve(tree, components(path), options)
