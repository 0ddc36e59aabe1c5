/**
 * The hardlinks of one layer: which inode each one names, be it in this layer, in a lower one, or yet to come.
 *
 * A target is looked for (1) in the tree as the layer has made it so far, (2) among what the layer's whiteouts hide of
 * the lower tree, and where neither has it (3) once more in the tree when the layer is through. Until then the name is
 * there and waits, so that later entries replace it as they would the link.
 */
import * as Either from "effect/Either"
import type { ByteString } from "../text/ByteString.ts"
import { GrowingBytes } from "../root/GrowingBytes.ts"
import * as Grow from "../root/GrowingNumbers.ts"
import type { InodeId } from "../root/Inodes.ts"
import type { LayerEntry } from "../archive/LayerEntry.ts"
import { isAufsMetadata, type LayerPath, parse } from "./LayerPath.ts"
import type { RootDraft } from "./LayerDraft.ts"
import { ABSENT, type NodeId, type Resolution, resolve } from "../root/RootTree.ts"
import type { Whiteouts } from "./Whiteouts.ts"

export type HardlinkEntry = Extract<LayerEntry, { readonly _tag: "Hardlink" }>

export type HardlinkProblem = "link-missing" | "link-directory" | "link-itself"

/** A link without a target. */
export interface BrokenLink {
  readonly path: ByteString
  readonly target: ByteString
  readonly problem: HardlinkProblem
}

export interface LayerLinksOptions {
  readonly whiteouts: Whiteouts
  readonly draft: RootDraft
  /** Where the layer's AUFS metadata is while it is applied. */
  readonly aufs: RootDraft
}

/** Owned by the fold, for one layer. */
export class LayerLinks {
  readonly #options: LayerLinksOptions
  /** Of each name that waits: its node, whether that is in the AUFS draft, and its target. */
  readonly #nodes = Grow.int32()
  readonly #inAufs = Grow.uint8()
  readonly #targetAt = Grow.uint32()
  readonly #targetLengths = Grow.uint32()
  readonly #targets = new GrowingBytes()

  constructor(options: LayerLinksOptions) {
    this.#options = options
  }

  /** Makes the link `name` in `directory`, now or when the layer is through. `entry` says where to. */
  add(
    entry: HardlinkEntry,
    target: LayerPath,
    draft: RootDraft,
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

  /** Finds what is still waited for. A link must have a target even where a later entry has replaced it. */
  settle(): Either.Either<void, BrokenLink> {
    /** 1 while a link is in the chain, 2 when it is settled. */
    const states = new Uint8Array(this.#nodes.length)
    for (let first = 0; first < states.length; first++) {
      if (states[first] !== 0) continue
      // Links that wait for one another, the one to settle first last; a chain may be as long as the layer.
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

  #wait(draft: RootDraft, node: NodeId, target: ByteString): void {
    this.#nodes.push(node)
    this.#inAufs.push(draft === this.#options.aufs ? 1 : 0)
    this.#targetAt.push(this.#targets.add(target))
    this.#targetLengths.push(target.length)
  }

  #target(waiting: number): ByteString {
    return this.#targets.text(this.#targetAt.get(waiting), this.#targetLengths.get(waiting))
  }

  #draftOfWaiting(waiting: number): RootDraft {
    return this.#inAufs.get(waiting) === 1 ? this.#options.aufs : this.#options.draft
  }

  #broken(waiting: number, problem: HardlinkProblem): Either.Either<never, BrokenLink> {
    const path = this.#draftOfWaiting(waiting).tree.path(this.#nodes.get(waiting))
    return Either.left({ path, target: this.#target(waiting), problem })
  }

  #place(draft: RootDraft, directory: NodeId, name: ByteString, inode: InodeId): void {
    draft.put(directory, name, inode)
    draft.tree.inodes.share(inode)
  }

  #draftOf(target: LayerPath): RootDraft {
    return isAufsMetadata(target) ? this.#options.aufs : this.#options.draft
  }

  #look(target: LayerPath): Resolution {
    return resolve(this.#draftOf(target).tree, target, { followLast: false })
  }

  /** What the lower tree has there, if this layer's whiteouts hide it. */
  #lookBelow(target: LayerPath): InodeId | undefined {
    const { draft, whiteouts } = this.#options
    const { before, tree } = draft
    const found = resolve(tree, target, { followLast: false, before })
    if (found._tag !== "Found" || tree.kind(found.node) === "Directory") return undefined
    return whiteouts.hide(found.node, before.root) ? tree.inode(found.node) : undefined
  }
}

/** From the number of a link that waits to the inode of its node, and back. */
const inodeOf = (number: number): number => ABSENT - 1 - number
