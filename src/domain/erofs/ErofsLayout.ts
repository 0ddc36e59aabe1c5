/**
 * Decides where each part of an EROFS image goes, before the first byte is written. Inodes come first, in the
 * order of `SortedChildren`, each followed by its attributes and its chunks or inline data. Then come the
 * blocks of inodes with too much data for that, and last the shared attributes.
 */
import type { Metadata } from "../archive/LayerEntry.ts"
import type { InodeId, InodeKind } from "../root/Inodes.ts"
import { settled } from "../root/PosixAcl.ts"
import type { NodeId, RootTree } from "../root/RootTree.ts"
import { display } from "../text/ByteString.ts"
import * as DirectoryBlocks from "./DirectoryBlocks.ts"
import { ErofsUnfit } from "./ErofsUnfit.ts"
import * as FileChunks from "./FileChunks.ts"
import { BLOCK, CHUNK, HOLE, INODE, roundUp, SLOT, xattrsLength } from "./OnDisk.ts"
import { problemOf, SharedXattrs } from "./SharedXattrs.ts"
import { SortedChildren } from "./SortedChildren.ts"

export class ErofsLayout {
  readonly children: SortedChildren
  readonly xattrs = new SharedXattrs()
  /** Number of inodes that have a name. */
  inodes = 0
  /**
   * Length of all inodes in bytes. The lengths of the parts after them, and of the data file, are in blocks.
   */
  inodesLength = FIRST_INODE
  blocks = 0
  dataBlocks = 0
  /** Why the tree cannot be an image. */
  problem: ErofsUnfit | undefined
  readonly #tree: RootTree
  /**
   * The number of each node's inode. Further names of an inode have the number of the first one, and take no
   * space.
   */
  readonly #nids: Uint32Array
  readonly #links: Uint16Array
  /** The numbers of links that do not fit into 16 bits. */
  readonly #manyLinks = new Map<NodeId, number>()
  readonly #firstNames = new Map<InodeId, NodeId>()

  constructor(tree: RootTree) {
    this.#tree = tree
    this.children = new SortedChildren(tree)
    this.#nids = new Uint32Array(tree.size)
    this.#links = new Uint16Array(tree.size)
    for (let index = 0; index < this.children.count && this.problem === undefined; index++) {
      this.#place(this.children.node(index))
    }
  }

  nid(node: NodeId): number {
    return this.#nids[node] ?? 0
  }

  /**
   * Returns the number of links. A directory has its name, its `.` and the `..` of each directory in it; other
   * inodes have their names.
   */
  links(node: NodeId): number {
    const links = this.#links[node] ?? 0
    return links < MANY_LINKS ? links : (this.#manyLinks.get(node) ?? links)
  }

  /** Returns the size of the data of a directory, a symlink or a file. */
  size(node: NodeId): number {
    const kind = kindOf(this.#tree, node)
    const inode = this.#tree.inode(node)
    if (kind === "Directory") return DirectoryBlocks.size(this.children, node)
    if (kind === "Symlink") return this.#tree.inodes.targetLength(inode)
    return kind === "File" ? this.#tree.inodes.size(inode) : 0
  }

  metadata(node: NodeId): Metadata {
    return settled(this.#tree.inodes.metadata(this.#tree.inode(node)))
  }

  /** Returns the number of extended attributes. */
  xattrCount(node: NodeId): number {
    const own = this.#tree.inodes.xattrs(this.#tree.inode(node)).size
    return own === 0 ? 0 : this.metadata(node).xattrs.size
  }

  /** Whether the node is the first name of its inode, which decides the place of the inode. */
  isFirst(node: NodeId): boolean {
    const inode = this.#tree.inode(node)
    if (!this.#tree.inodes.isShared(inode) || kindOf(this.#tree, node) === "Directory") return true
    return this.#firstNames.get(inode) === node
  }

  #place(node: NodeId): void {
    const { inodes } = this.#tree
    const inode = this.#tree.inode(node)
    const kind = kindOf(this.#tree, node)
    if (kind === "Directory") {
      this.#addLinks(node, 2)
      if (node !== this.#tree.root) this.#addLinks(this.#tree.parent(node), 1)
    } else {
      const first = inodes.isShared(inode) ? this.#firstNames.get(inode) : undefined
      this.#addLinks(first ?? node, 1)
      if (first !== undefined) {
        this.#nids[node] = this.nid(first)
        return
      }
      if (inodes.isShared(inode)) this.#firstNames.set(inode, node)
    }
    this.inodes++
    let length = INODE
    const given = inodes.xattrs(inode)
    if (given.size > 0) {
      const problem = problemOf(kind, given)
      if (problem !== undefined) {
        this.#refuse(node, problem)
        return
      }
      const { xattrs } = this.metadata(node)
      this.xattrs.add(xattrs)
      length += xattrsLength(xattrs.size)
    }
    this.#placeInode(node, kind, length)
  }

  /** Places an inode. `length` is the length of the inode with its attributes. */
  #placeInode(node: NodeId, kind: InodeKind, length: number): void {
    const size = this.size(node)
    let all = length
    if (kind === "File" && size > 0) all = roundUp(length, CHUNK) + CHUNK * this.#placeChunks(node, size)
    else if (isInline(length, size)) {
      all = length + size
      // Inline data lies in the same block as its inode.
      if ((this.inodesLength % BLOCK) + all > BLOCK) this.inodesLength = roundUp(this.inodesLength, BLOCK)
    } else if (kind !== "File") {
      this.blocks += Math.ceil(size / BLOCK)
    }
    this.#nids[node] = this.inodesLength / SLOT
    this.inodesLength = roundUp(this.inodesLength + all, SLOT)
  }

  /** Places the chunks of a file and returns their number. */
  #placeChunks(node: NodeId, size: number): number {
    const content = this.#tree.inodes.content(this.#tree.inode(node))
    const chunks = FileChunks.of(size, content)
    if (chunks.isCopied) {
      this.dataBlocks += FileChunks.forEach(chunks, size, content, 0, () => {})
      if (this.dataBlocks >= HOLE) this.#refuse(node, "sparse files come to more than two tebibytes of data")
    }
    return chunks.count
  }

  #addLinks(node: NodeId, count: number): void {
    const links = this.links(node) + count
    this.#links[node] = Math.min(links, MANY_LINKS)
    if (links >= MANY_LINKS) this.#manyLinks.set(node, links)
  }

  #refuse(node: NodeId, problem: string): void {
    this.problem = new ErofsUnfit({ path: display(this.#tree.path(node)), problem })
  }
}

/** Whether data fits into the block of its inode. `length` is the length of the inode itself. */
export const isInline = (length: number, size: number): boolean => size > 0 && length + size <= BLOCK

/** Returns the kind of a node. Every node with a name has a kind. */
export const kindOf = (tree: RootTree, node: NodeId): InodeKind => {
  const kind = tree.kind(node)
  if (kind === "Absent" || kind === "Waiting") throw new Error("a name in the tree has no node")
  return kind
}

/**
 * The first inode's offset. Number 0 means "no inode" elsewhere in the format, so the first inode has the next
 * aligned number.
 */
const FIRST_INODE = INODE
/** The number in the inode of a file with this many links, or more. */
const MANY_LINKS = 2 ** 16 - 1
