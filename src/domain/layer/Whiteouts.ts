/**
 * The parts of lower layers that a layer hides (image-spec layer.md, "Whiteouts").
 *
 * All whiteouts are looked up in the lower tree as it was before the layer, and only then take effect. Neither their
 * order nor their position in the layer has a meaning, and they cannot hide entries of the layer itself.
 *
 * A whiteout follows symlinks of lower layers, but not one whose path its own layer names: a layer that replaces a
 * symlink by a directory and marks that as opaque (as overlayfs does) means the directory, not the link's target.
 */
import * as Either from "effect/Either"
import type { LayerEntry } from "../archive/LayerEntry.ts"
import * as Grow from "../root/GrowingNumbers.ts"
import { Mark, type NodeId, type RootTree, resolve } from "../root/RootTree.ts"
import type { LayerDraft } from "./LayerDraft.ts"
import {
  type LayerPath,
  type LayerPathError,
  type LayerPathRole,
  maySpeak,
  parent as parentOf,
  role
} from "./LayerPath.ts"

/** The whiteouts of one layer. It marks nodes of the tree until it is closed. */
export class Whiteouts {
  readonly #tree: RootTree
  readonly #entries: Iterable<LayerEntry>
  readonly #removed = Grow.int32()
  readonly #emptied = Grow.int32()
  readonly #named = Grow.int32()
  #namesAreMarked = false

  /** Begins with the tree below the layer of `entries`. */
  constructor(tree: RootTree, entries: Iterable<LayerEntry>) {
    this.#tree = tree
    this.#entries = entries
  }

  /** Looks up what an entry hides, if it is a whiteout. All entries must be looked at before any is applied. */
  look(entry: LayerEntry): Either.Either<void, LayerPathError> {
    if (!maySpeak(entry.path)) return NOTHING
    const spoken = role(entry.path)
    if (Either.isLeft(spoken)) return Either.left(spoken.left)
    if (spoken.right._tag === "Opaque") {
      const directory = this.#directory(spoken.right.directory)
      if (directory !== undefined) this.#mark(directory, Mark.EMPTIED, this.#emptied)
    } else if (spoken.right._tag === "Whiteout") {
      const parent = this.#directory(parentOf(spoken.right.path))
      const name = spoken.right.path.at(-1)
      if (parent === undefined || name === undefined) return NOTHING
      const hidden = this.#tree.child(parent, name)
      if (hidden !== undefined) this.#mark(hidden, Mark.REMOVED, this.#removed)
    }
    return NOTHING
  }

  /** Removes what is hidden. Removal precedes emptying, because an emptied directory is a new node. */
  apply(draft: LayerDraft): void {
    for (let index = 0; index < this.#removed.length; index++) draft.remove(this.#removed.get(index))
    for (let index = 0; index < this.#emptied.length; index++) draft.clear(this.#emptied.get(index))
  }

  /** Whether a node of the lower tree, whose root was `root`, is hidden. */
  hide(node: NodeId, root: NodeId): boolean {
    if (this.#removed.length === 0 && this.#emptied.length === 0) return false
    const tree = this.#tree
    if (tree.isMarked(node, Mark.REMOVED)) return true
    for (let at = node; at !== root; ) {
      at = tree.parent(at)
      if (tree.isMarked(at, Mark.REMOVED | Mark.EMPTIED)) return true
    }
    return false
  }

  /** Ends the layer. */
  close(): void {
    for (const marked of [this.#removed, this.#emptied, this.#named]) {
      for (let index = 0; index < marked.length; index++) {
        this.#tree.unmark(marked.get(index), Mark.REMOVED | Mark.EMPTIED | Mark.NAMED)
      }
    }
  }

  #directory(path: LayerPath): NodeId | undefined {
    const found = resolve(this.#tree, path, { passes: (link) => !this.#isNamed(link) })
    return found._tag === "Found" && this.#tree.kind(found.node) === "Directory" ? found.node : undefined
  }

  #isNamed(link: NodeId): boolean {
    if (!this.#namesAreMarked) {
      this.#namesAreMarked = true
      for (const entry of this.#entries) {
        const path = Either.map(role(entry.path), pathOf)
        if (Either.isRight(path) && path.right !== undefined) this.#markLinkAt(path.right)
      }
    }
    return this.#tree.isMarked(link, Mark.NAMED)
  }

  /** Marks the symlink at exactly this path, without following another one on the way. */
  #markLinkAt(path: LayerPath): void {
    let node: NodeId | undefined = this.#tree.root
    for (const name of path) {
      node = this.#tree.child(node, name)
      if (node === undefined) return
    }
    if (this.#tree.kind(node) === "Symlink") this.#mark(node, Mark.NAMED, this.#named)
  }

  #mark(node: NodeId, mark: number, marked: Grow.GrowingNumbers<Int32Array>): void {
    if (this.#tree.isMarked(node, mark)) return
    this.#tree.mark(node, mark)
    marked.push(node)
  }
}

/** Returns the path that an entry or a whiteout of the layer names, as it is spelt there after cleaning. */
const pathOf = (spoken: LayerPathRole): LayerPath | undefined =>
  spoken._tag === "Ordinary" || spoken._tag === "Whiteout" ? spoken.path : undefined

const NOTHING: Either.Either<void, never> = Either.void
