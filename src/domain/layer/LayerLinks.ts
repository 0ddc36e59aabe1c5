/**
 * The hardlinks of one layer, and the inode that each one names: in this layer, in a lower one, or added later.
 *
 * A target is looked up (1) in the tree as the layer has made it so far, (2) among the parts of the lower tree that
 * the layer's whiteouts hide, and if neither has it (3) again in the tree at the end of the layer. Until then the
 * link waits under its name, so that later entries replace it as they would replace the link.
 */
import * as Either from "effect/Either"
import type { LayerEntry } from "../archive/LayerEntry.ts"
import { GrowingBytes } from "../root/GrowingBytes.ts"
import * as Grow from "../root/GrowingNumbers.ts"
import type { InodeId } from "../root/Inodes.ts"
import { ABSENT, type NodeId, type Resolution, resolve } from "../root/RootTree.ts"
import type { ByteString } from "../text/ByteString.ts"
import type { LayerDraft } from "./LayerDraft.ts"
import { isAufsMetadata, type LayerPath, parse } from "./LayerPath.ts"
import type { Whiteouts } from "./Whiteouts.ts"

export type HardlinkEntry = Extract<LayerEntry, { readonly _tag: "Hardlink" }>

/** What is wrong with a hard link. */
export type HardlinkProblem = "link-missing" | "link-directory" | "link-itself"

/** A hardlink without a target. */
export interface BrokenLink {
  readonly path: ByteString
  readonly target: ByteString
  readonly problem: HardlinkProblem
}

export interface LayerLinksOptions {
  readonly whiteouts: Whiteouts
  readonly draft: LayerDraft
  /** Holds the layer's AUFS metadata while the layer is applied. */
  readonly aufs: LayerDraft
}

/** The hardlinks of one layer. The fold owns them. */
export class LayerLinks {
  readonly #options: LayerLinksOptions
  /** The node of each waiting name, whether it is in the AUFS draft, and its target. */
  readonly #nodes = Grow.int32()
  readonly #inAufs = Grow.uint8()
  readonly #targetAt = Grow.uint32()
  readonly #targetLengths = Grow.uint32()
  readonly #targets = new GrowingBytes()

  constructor(options: LayerLinksOptions) {
    this.#options = options
  }

  /** Makes the link `name` in `directory`, now or at the end of the layer. `entry` has the target. */
  add(
    entry: HardlinkEntry,
    target: LayerPath,
    draft: LayerDraft,
    directory: NodeId,
    name: ByteString
  ): Either.Either<void, HardlinkProblem> {
    const { tree } = this.#draftOf(target)
    const found = this.#look(target)
    if (found._tag === "Found" && tree.kind(found.node) !== "Directory") {
      if (tree === draft.tree && tree.child(directory, name) === found.node) return Either.left("link-itself")
      if (tree.kind(found.node) !== "Waiting") {
        return Either.right(this.#place(draft, directory, name, tree.inode(found.node)))
      }
    } else {
      const hidden = this.#lookBelow(target)
      if (hidden !== undefined) return Either.right(this.#place(draft, directory, name, hidden))
    }
    this.#wait(draft, draft.put(directory, name, inodeOf(this.#nodes.length)), entry.target)
    return Either.right(undefined)
  }

  /** Finds the targets of waiting links. A link must have a target even if a later entry has replaced it. */
  settle(): Either.Either<void, BrokenLink> {
    /** The state of a link: 1 in the current chain, 2 settled. */
    const states = new Uint8Array(this.#nodes.length)
    for (let first = 0; first < states.length; first++) {
      if (states[first] !== 0) continue
      // Links that wait for each other, the one to settle first at the end. A chain may be as long as the layer.
      const chain = [first]
      states[first] = 1
      for (let last = chain.at(-1); last !== undefined; last = chain.at(-1)) {
        const target = Either.getOrThrow(parse(this.#target(last)))
        const { tree } = this.#draftOf(target)
        const found = this.#look(target)
        const inode = "node" in found ? tree.inode(found.node) : ABSENT
        if (inode < ABSENT) {
          const blocked = inodeOf(inode)
          if (states[blocked] === 1)
            return this.#broken(last, blocked === last ? "link-itself" : "link-missing")
          states[blocked] = 1
          chain.push(blocked)
          continue
        }
        if (found._tag !== "Found") return this.#broken(last, "link-missing")
        if (tree.kind(found.node) === "Directory") return this.#broken(last, "link-directory")
        this.#draftOfWaiting(last).tree.setInode(this.#nodes.get(last), inode)
        tree.inodes.share(inode)
        states[last] = 2
        chain.pop()
      }
    }
    return Either.right(undefined)
  }

  #wait(draft: LayerDraft, node: NodeId, target: ByteString): void {
    this.#nodes.push(node)
    this.#inAufs.push(draft === this.#options.aufs ? 1 : 0)
    this.#targetAt.push(this.#targets.add(target))
    this.#targetLengths.push(target.length)
  }

  #target(waiting: number): ByteString {
    return this.#targets.text(this.#targetAt.get(waiting), this.#targetLengths.get(waiting))
  }

  #draftOfWaiting(waiting: number): LayerDraft {
    return this.#inAufs.get(waiting) === 1 ? this.#options.aufs : this.#options.draft
  }

  #broken(waiting: number, problem: HardlinkProblem): Either.Either<never, BrokenLink> {
    const path = this.#draftOfWaiting(waiting).tree.path(this.#nodes.get(waiting))
    return Either.left({ path, target: this.#target(waiting), problem })
  }

  #place(draft: LayerDraft, directory: NodeId, name: ByteString, inode: InodeId): void {
    draft.put(directory, name, inode)
    draft.tree.inodes.share(inode)
  }

  #draftOf(target: LayerPath): LayerDraft {
    return isAufsMetadata(target) ? this.#options.aufs : this.#options.draft
  }

  #look(target: LayerPath): Resolution {
    return resolve(this.#draftOf(target).tree, target, { followLast: false })
  }

  /** Returns what the lower tree has at the target, if this layer's whiteouts hide it. */
  #lookBelow(target: LayerPath): InodeId | undefined {
    const { draft, whiteouts } = this.#options
    const { before, tree } = draft
    const found = resolve(tree, target, { followLast: false, before })
    if (found._tag !== "Found" || tree.kind(found.node) === "Directory") return undefined
    return whiteouts.hide(found.node, before.root) ? tree.inode(found.node) : undefined
  }
}

/** Converts the number of a waiting link to the inode of its node, and back. */
const inodeOf = (number: number): number => ABSENT - 1 - number
