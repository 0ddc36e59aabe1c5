/**
 * A root filesystem in memory: what is at a path, through which symlinks, with no system call and no way out.
 *
 * A tree is never changed; `LayerMerge` makes a new one a layer, which shares what the layer left alone. Directories
 * are a strict tree. Everything else is a name for an inode, and names of one inode are hardlinks of one another.
 * The entry that brought an inode stands for it: two names are hardlinks where they hold the same object.
 */
import * as Data from "effect/Data"
import type { ByteString } from "./ByteString.ts"
import { IMPLIED_PARENT, type LayerEntry, type Metadata } from "./LayerEntry.ts"

export type Inode = Extract<
  LayerEntry,
  { readonly _tag: "File" | "Symlink" | "CharacterDevice" | "BlockDevice" | "Fifo" }
>

/** A name of anything but a directory. `layer` brought the name; a hardlink's inode may be of a lower one. */
export interface RootName {
  readonly _tag: "Name"
  readonly layer: number
  readonly inode: Inode
}

/** `layer` described the directory last, or, where `implied`, needed it as a parent that nothing described. */
export interface RootDirectory {
  readonly _tag: "Directory"
  readonly layer: number
  readonly implied: boolean
  readonly metadata: Metadata
  readonly children: ReadonlyMap<ByteString, RootNode>
}

export type RootNode = RootDirectory | RootName

export interface RootTree {
  readonly root: RootDirectory
  /** Every inode that has, or had, more than one name. */
  readonly shared: ReadonlySet<Inode>
}

/** The layer of the root directory that no layer described. */
const NO_LAYER = -1

/** A root without anything in it. */
export const empty: RootTree = {
  root: { _tag: "Directory", layer: NO_LAYER, implied: true, metadata: IMPLIED_PARENT, children: new Map() },
  shared: new Set()
}

/** Linux's MAXSYMLINKS: one more in a path is ELOOP. */
export const MAX_LINKS = 40

/** Where a node is: real components from the root down, none of them a symlink but perhaps the last. */
export type Location = ReadonlyArray<ByteString>

/** A symlink that was passed on the way. */
export interface PassedLink {
  readonly at: Location
  readonly target: ByteString
}

/** What came of looking for a path; `at` is where the walk ended and `links` are in the order of passing. */
export type Resolution = Data.TaggedEnum<{
  Found: { readonly node: RootNode; readonly at: Location; readonly links: ReadonlyArray<PassedLink> }
  /** Nothing has this name. */
  Missing: { readonly at: Location; readonly links: ReadonlyArray<PassedLink> }
  /** Something had to be a directory and is none. */
  NotADirectory: { readonly node: RootName; readonly at: Location; readonly links: ReadonlyArray<PassedLink> }
  /** The symlink at `at` was one too many, or one that `passes` refused. */
  Loop: { readonly at: Location; readonly links: ReadonlyArray<PassedLink> }
}>
export const Resolution = Data.taggedEnum<Resolution>()

export interface ResolveOptions {
  /** Whether a symlink as the last component is passed: `stat` does (the default), `lstat` does not. */
  readonly followLast?: boolean
  /** Refuses to pass a symlink at this location; the walk then ends as a `Loop`. */
  readonly passes?: (at: Location) => boolean
}

/**
 * Looks for a path as Linux would with `root` as its root directory: absolute targets start there and `..` stops there
 * (path_resolution(7)). `path` are components, `..` among them allowed; see `components` for text.
 */
export const resolve = (
  root: RootDirectory,
  path: ReadonlyArray<ByteString>,
  { followLast = true, passes }: ResolveOptions = {}
): Resolution => {
  const links: Array<PassedLink> = []
  const at: Array<ByteString> = []
  const above: Array<RootDirectory> = []
  let node: RootNode = root
  let todo = path
  for (let next = 0; next < todo.length; next++) {
    const name = todo[next] as ByteString
    if (node._tag === "Name") return Resolution.NotADirectory({ node, at, links })
    if (name === "..") {
      node = above.pop() ?? node
      at.pop()
      continue
    }
    const child: RootNode | undefined = node.children.get(name)
    at.push(name)
    if (child === undefined) return Resolution.Missing({ at, links })
    if (child._tag === "Name" && child.inode._tag === "Symlink" && (followLast || next < todo.length - 1)) {
      if (links.length === MAX_LINKS || passes?.(at) === false) return Resolution.Loop({ at, links })
      const target = child.inode.target
      links.push({ at: at.slice(), target })
      at.pop()
      if (target.startsWith("/")) {
        node = root
        at.length = above.length = 0
      }
      todo = [...components(target), ...todo.slice(next + 1)]
      next = -1
    } else {
      above.push(node)
      node = child
    }
  }
  return Resolution.Found({ node, at, links })
}

/** A path's components as Linux sees them: empty ones and `.` mean nothing, `..` is left for the walk. */
export const components = (path: ByteString): ReadonlyArray<ByteString> =>
  path.split("/").filter((component) => component !== "" && component !== ".") as Array<ByteString>

/** `resolve` for a path as text, relative to the root with or without a leading slash. */
export const find = (tree: RootTree, path: ByteString, options?: ResolveOptions): Resolution =>
  resolve(tree.root, components(path), options)

/** The children in the order of their bytes. */
export const sorted = (directory: RootDirectory): ReadonlyArray<readonly [ByteString, RootNode]> =>
  [...directory.children].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
