/**
 * The hardlinks of one layer: which inode each one names, be it in this layer, in a lower one, or yet to come.
 *
 * A target is looked for (1) in the tree as the layer has made it so far, (2) among what the layer's whiteouts hide of
 * the lower tree, and where neither has it (3) once more in the tree when the layer is through. Until then a
 * placeholder holds the link's place, so that later entries replace it as they would the link.
 */
import * as Either from "effect/Either"
import type { ByteString } from "./ByteString.ts"
import { IMPLIED_PARENT, LayerEntry } from "./LayerEntry.ts"
import { isAufsMetadata, type LayerPath } from "./LayerPath.ts"
import type { DraftDirectory, DraftName, RootDraft } from "./RootDraft.ts"
import {
  type Inode,
  type Resolution,
  type RootDirectory,
  type RootName,
  type RootTree,
  resolve
} from "./RootTree.ts"
import { hide, type Whiteouts } from "./Whiteouts.ts"

export type HardlinkEntry = Extract<LayerEntry, { readonly _tag: "Hardlink" }>

export type HardlinkProblem = "link-missing" | "link-directory" | "link-itself"

/** A link that waits for its target. */
interface Waiting {
  readonly entry: HardlinkEntry
  readonly target: LayerPath
}

export interface LayerLinksOptions {
  readonly lower: RootTree
  readonly whiteouts: Whiteouts
  readonly draft: RootDraft
  /** Where the layer's AUFS metadata is while it is applied. */
  readonly aufs: RootDraft
}

const PLACEHOLDER: Inode = LayerEntry.Fifo({ path: "" as ByteString, metadata: IMPLIED_PARENT })

/** Owned by the fold, for one layer. */
export class LayerLinks {
  readonly #options: LayerLinksOptions
  readonly #waiting = new Map<RootName, Waiting>()

  constructor(options: LayerLinksOptions) {
    this.#options = options
  }

  /** Makes the link `name` in `directory`, now or when the layer is through. */
  add(
    entry: HardlinkEntry,
    target: LayerPath,
    draft: RootDraft,
    directory: DraftDirectory,
    name: ByteString
  ): Either.Either<void, HardlinkProblem> {
    const found = this.#look(target)
    if (found._tag === "Found" && found.node._tag === "Name") {
      const { node } = found
      if (directory.children.get(name) === node) return Either.left("link-itself")
      if (!this.#waiting.has(node)) return Either.right(this.#place(draft, directory, name, node.inode))
    } else {
      const hidden = this.#lookBelow(target)
      if (hidden !== undefined) return Either.right(this.#place(draft, directory, name, hidden))
    }
    this.#waiting.set(draft.put(directory, name, PLACEHOLDER), { entry, target })
    return Either.right(undefined)
  }

  /** Finds what is still waited for. A link must have a target even where a later entry has replaced it. */
  settle(): Either.Either<void, { readonly entry: HardlinkEntry; readonly problem: HardlinkProblem }> {
    for (const [name, link] of this.#waiting) {
      // Links that wait for one another, the one to settle first last; a chain may be as long as the layer.
      const chain: Array<readonly [RootName, Waiting]> = [[name, link]]
      const inChain = new Set<RootName>([name])
      for (let last = chain.at(-1); last !== undefined; last = chain.at(-1)) {
        const [link, { entry, target }] = last
        const found = this.#look(target)
        const node = "node" in found ? found.node : undefined
        const blocked = node?._tag === "Name" ? this.#waiting.get(node) : undefined
        if (node?._tag === "Name" && blocked !== undefined) {
          if (inChain.has(node))
            return Either.left({ entry, problem: node === link ? "link-itself" : "link-missing" })
          inChain.add(node)
          chain.push([node, blocked])
          continue
        }
        if (found._tag !== "Found") return Either.left({ entry, problem: "link-missing" })
        if (found.node._tag === "Directory") return Either.left({ entry, problem: "link-directory" })
        ;(link as DraftName).inode = found.node.inode
        this.#options.draft.share(found.node.inode)
        this.#waiting.delete(link)
        chain.pop()
      }
    }
    return Either.right(undefined)
  }

  #place(draft: RootDraft, directory: DraftDirectory, name: ByteString, inode: Inode): void {
    draft.put(directory, name, inode)
    this.#options.draft.share(inode)
  }

  #look(target: LayerPath): Resolution {
    const root: RootDirectory = isAufsMetadata(target) ? this.#options.aufs.root : this.#options.draft.root
    return resolve(root, target, { followLast: false })
  }

  /** What the lower tree has there, if this layer's whiteouts hide it. */
  #lookBelow(target: LayerPath): Inode | undefined {
    const { lower, whiteouts } = this.#options
    const found = resolve(lower.root, target, { followLast: false })
    const hidden = found._tag === "Found" && found.node._tag === "Name" && hide(whiteouts, found.at)
    return hidden ? (found.node as RootName).inode : undefined
  }
}
