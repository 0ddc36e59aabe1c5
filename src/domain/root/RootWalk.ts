/** Walks a root filesystem in memory: each name with what it stands for. */
import type { FileContent, Metadata } from "../archive/LayerEntry.ts"
import type { ByteString } from "../text/ByteString.ts"
import type { InodeId, InodeKind } from "./Inodes.ts"
import type { NodeId, RootTree } from "./RootTree.ts"

/** A name in the tree. */
export interface TreeNode {
  readonly id: NodeId
  /** Relative to the root, which is `""`. */
  readonly path: ByteString
  readonly kind: InodeKind
  readonly metadata: Metadata
  /** The layer that brought it, the lowest is 0; `undefined` for directories that no entry describes. */
  readonly layer: number | undefined
  /** The size of a file, in bytes. */
  readonly size?: number
  /** Where the data of a file is. */
  readonly content?: FileContent
  /** What a symbolic link leads to. */
  readonly target?: ByteString
  /** The numbers of a device. */
  readonly device?: { readonly major: number; readonly minor: number }
  /** The path of the first name of the same file, if this is a further one: a hard link. */
  readonly linkOf?: ByteString
}

/** Yields all names, the root first and each directory before what is in it. The tree may have a million names. */
export function* walk(tree: RootTree): Generator<TreeNode, void, undefined> {
  const living = tree.living()
  const firstNames = new Map<InodeId, NodeId>()
  yield nodeOf(tree, tree.root, firstNames)
  // The number of a node is higher than its parent's; a root that was emptied got a higher one than what came before.
  for (let id = 0; id < living.length; id++) {
    if (living[id] === 1 && id !== tree.root) yield nodeOf(tree, id, firstNames)
  }
}

/** Returns what a name stands for, as `RootTree.find` finds it. */
export const node = (tree: RootTree, id: NodeId): TreeNode => nodeOf(tree, id, new Map())

const nodeOf = (tree: RootTree, id: NodeId, firstNames: Map<InodeId, NodeId>): TreeNode => {
  const { inodes } = tree
  const inode = tree.inode(id)
  const kind = inodes.kind(inode)
  const isShared = kind !== "Directory" && inodes.isShared(inode)
  const first = isShared ? firstNames.get(inode) : undefined
  if (isShared && first === undefined) firstNames.set(inode, id)
  const isDevice = kind === "CharacterDevice" || kind === "BlockDevice"
  return {
    id,
    path: tree.path(id),
    kind,
    metadata: inodes.metadata(inode),
    layer: inodes.layer(inode),
    ...(kind === "File" ? { size: inodes.size(inode), content: inodes.content(inode) } : {}),
    ...(kind === "Symlink" ? { target: inodes.target(inode) } : {}),
    ...(isDevice ? { device: inodes.device(inode) } : {}),
    ...(first === undefined ? {} : { linkOf: tree.path(first) })
  }
}
