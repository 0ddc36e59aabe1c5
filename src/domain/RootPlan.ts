/**
 * The steps that write a tree into an empty directory, in an order in which no write can follow a link:
 *
 *     1. directories, parents before children     4. symlinks
 *     2. files, devices, fifos                     5. further names of symlinks
 *     3. further names of those                    6. directories' metadata, children before parents, the root last
 *
 * Within each, by the bytes of the names: one tree has one plan, however it came to be.
 */
import type { ByteString } from "./ByteString.ts"
import { RootStep } from "./RootStep.ts"
import { type Inode, type RootDirectory, type RootTree, sorted } from "./RootTree.ts"

/**
 * Yields as it goes: what it holds on to is the directories, the symlinks and the hardlinks, not the files.
 * Staged data that no name is left of is not mentioned.
 */
export function* of(tree: RootTree): Generator<RootStep, void, undefined> {
  const directories: Array<Placed<RootDirectory>> = []
  for (const directory of walk({ path: "" as ByteString, node: tree.root })) {
    directories.push(directory)
    if (directory.path !== "") yield RootStep.MakeDirectory({ path: directory.path })
  }

  const first = new Map<Inode, ByteString>()
  const links: Array<Extra> = []
  const symlinks: Array<Placed<Symlink>> = []
  const symlinkLinks: Array<Extra> = []
  for (const { path: parent, node: directory } of directories) {
    for (const [name, node] of sorted(directory)) {
      if (node._tag === "Directory") continue
      const { inode } = node
      const path = below(parent, name)
      const existing = tree.shared.has(inode) ? first.get(inode) : undefined
      if (existing !== undefined) {
        ;(inode._tag === "Symlink" ? symlinkLinks : links).push({ path, existing })
        continue
      }
      if (tree.shared.has(inode)) first.set(inode, path)
      if (inode._tag === "Symlink") symlinks.push({ path, node: inode })
      else yield made(path, inode)
    }
  }

  for (const link of links) yield RootStep.MakeLink(link)
  for (const { path, node } of symlinks) {
    yield RootStep.MakeSymlink({ path, target: node.target, metadata: node.metadata })
  }
  for (const link of symlinkLinks) yield RootStep.MakeLink(link)
  for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
    yield RootStep.SetDirectory({ path: directory.path, metadata: directory.node.metadata })
  }
}

type Symlink = Extract<Inode, { readonly _tag: "Symlink" }>

interface Placed<A> {
  readonly path: ByteString
  readonly node: A
}

/** Another name of what is made at `existing`. */
interface Extra {
  readonly path: ByteString
  readonly existing: ByteString
}

/** A directory and all below it, each before its children; with a stack of its own, as names may be 2,000 deep. */
function* walk(top: Placed<RootDirectory>): Generator<Placed<RootDirectory>, void, undefined> {
  const todo = [top]
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    yield next
    for (const [name, node] of sorted(next.node).toReversed()) {
      if (node._tag === "Directory") todo.push({ path: below(next.path, name), node })
    }
  }
}

const made = (path: ByteString, inode: Exclude<Inode, Symlink>): RootStep => {
  switch (inode._tag) {
    case "File":
      return RootStep.PlaceFile({ path, content: inode.content })
    case "Fifo":
      return RootStep.MakeNode({ path, kind: "fifo", major: 0, minor: 0, metadata: inode.metadata })
    case "CharacterDevice":
    case "BlockDevice": {
      const { major, minor, metadata } = inode
      const kind = inode._tag === "CharacterDevice" ? "character" : "block"
      return RootStep.MakeNode({ path, kind, major, minor, metadata })
    }
  }
}

const below = (parent: ByteString, name: ByteString): ByteString =>
  (parent === "" ? name : `${parent}/${name}`) as ByteString
