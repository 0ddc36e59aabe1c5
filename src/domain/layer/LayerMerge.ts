/**
 * Merges an image's layers to one tree (image-spec layer.md, "Applying Changesets").
 *
 * This is a fold over the layers and, within each, over its entries. Within a layer, whiteouts come first and are
 * looked up in the lower tree; then the entries follow in archive order, then hardlinks to later entries. The tree
 * belongs to the fold and is changed in place, but every function is pure as seen by its caller.
 */

import * as Either from "effect/Either"
import type { LayerEntry, Metadata } from "../archive/LayerEntry.ts"
import type { InodeEntry, InodeId } from "../root/Inodes.ts"
import { type NodeId, RootTree } from "../root/RootTree.ts"
import type { ByteString } from "../text/ByteString.ts"
import { LONGEST_PATH } from "../text/PathLimits.ts"
import { TaggedError } from "../text/TaggedError.ts"
import { type DraftProblem, LayerDraft } from "./LayerDraft.ts"
import { type HardlinkProblem, LayerLinks } from "./LayerLinks.ts"
import { type LayerNotice, LayerNotices } from "./LayerNotice.ts"
import {
  type LayerPath,
  type LayerPathError,
  maySpeak,
  parent as parentOf,
  parse,
  role,
  show
} from "./LayerPath.ts"
import { dropReason, kept } from "./LayerXattrs.ts"
import { LIMITS, type MergeLimits } from "./MergeLimits.ts"
import { Whiteouts } from "./Whiteouts.ts"

export { LIMITS, type MergeLimits }

/** The kinds of faults in an entry. */
export type LayerMergeProblem =
  /** The name or the hardlink's target is malformed; `cause` says how. */
  | "name"
  /** An entry makes the root something other than a directory. */
  | "root"
  | "symlink-target"
  | keyof MergeLimits
  | DraftProblem
  | HardlinkProblem

/** Why a layer cannot be applied. `layer` counts from 0; `path` and `target` are printable. */
export class LayerMergeError extends TaggedError("LayerMergeError")<{
  readonly layer: number
  readonly path: string
  readonly problem: LayerMergeProblem
  readonly target?: string
  readonly cause?: LayerPathError
}> {
  override get message(): string {
    return `layer ${this.layer}: entry "${this.path}": ${PROBLEMS[this.problem](this)}`
  }
}

const PROBLEMS: Record<LayerMergeProblem, (error: LayerMergeError) => string> = {
  name: ({ cause }) => cause?.message ?? "the name is malformed",
  root: () => "the root can only be a directory",
  "symlink-target": ({ target }) => `the symlink's target "${target}" is empty, too long, or has a NUL byte`,
  nodes: () => "with it the image has more files and directories than are allowed (maxentries)",
  lookups: () => "with it the image's names lead through more directories and symlinks than are allowed",
  loop: () => "its parent leads through too many symlinks",
  "component-too-long": () => "its parent leads through a symlink to a name that is too long",
  "path-too-long": () => "its parent leads through a symlink to a path that is too long",
  "link-missing": ({ target }) => `the hardlink's target "${target}" is neither in the layer nor below it`,
  "link-directory": ({ target }) => `the hardlink's target "${target}" is a directory`,
  "link-itself": ({ target }) => `the hardlink's target "${target}" is the link itself`
}

/** A layer's entries in archive order. They are iterated more than once. */
export interface MergeLayer {
  readonly entries: Iterable<LayerEntry>
  /** False if it is known that no name holds `.wh.`: the entries are then iterated once. */
  readonly mayHide?: boolean
}

/** The result of a merge. */
export interface Merged {
  readonly tree: RootTree
  /** Ordered by layer, and within a layer by first occurrence. */
  readonly notices: ReadonlyArray<LayerNotice>
}

/** Merges layers, the lowest first. */
export const merge = (
  layers: Iterable<MergeLayer>,
  limits: MergeLimits = LIMITS
): Either.Either<Merged, LayerMergeError> => {
  const steps = stepwise(layers, limits)
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** Does the same in many small steps, so that the caller can do other work in between. It yields after each entry. */
export function* stepwise(
  layers: Iterable<MergeLayer>,
  limits: MergeLimits = LIMITS
): Generator<void, Either.Either<Merged, LayerMergeError>, undefined> {
  const tree = new RootTree()
  const notices: Array<LayerNotice> = []
  let layer = 0
  for (const { entries: given, mayHide = true } of layers) {
    const entries = mayHide ? repeatable(given) : given
    const whiteouts = new Whiteouts(tree, entries)
    if (mayHide) {
      for (const entry of entries) {
        const looked = whiteouts.look(entry)
        if (Either.isLeft(looked)) return Either.left(failure(layer, entry, "name", looked.left))
        yield
      }
    }
    const application = new LayerApplication(tree, layer, whiteouts, limits)
    for (const entry of entries) {
      const applied = application.apply(entry)
      if (Either.isLeft(applied)) return Either.left(applied.left)
      yield
    }
    const finished = application.finish()
    if (Either.isLeft(finished)) return Either.left(finished.left)
    notices.push(...finished.right)
    layer++
  }
  return Either.right({ tree, notices })
}

/** An iterator, such as a generator, gives its entries once, and a merge goes through them several times. */
const repeatable = (entries: Iterable<LayerEntry>): Iterable<LayerEntry> =>
  entries[Symbol.iterator]() === (entries as unknown) ? [...entries] : entries

type Applied = Either.Either<void, LayerMergeError>

const DONE: Applied = Either.right(undefined)

/** Applies one layer. */
class LayerApplication {
  readonly #layer: number
  readonly #limits: MergeLimits
  readonly #draft: LayerDraft
  /** AUFS metadata. Hardlinks may name it; afterwards it is discarded. */
  readonly #aufs: LayerDraft
  readonly #whiteouts: Whiteouts
  readonly #links: LayerLinks
  readonly #notices: LayerNotices
  #current = "" as ByteString

  constructor(tree: RootTree, layer: number, whiteouts: Whiteouts, limits: MergeLimits) {
    this.#layer = layer
    this.#limits = limits
    this.#whiteouts = whiteouts
    this.#notices = new LayerNotices(layer)
    this.#draft = new LayerDraft(tree, layer, () => this.#notices.duplicate(this.#current))
    this.#aufs = new LayerDraft(new RootTree(tree.inodes), layer, () => {})
    this.#links = new LayerLinks({ whiteouts, draft: this.#draft, aufs: this.#aufs })
    whiteouts.apply(this.#draft)
  }

  /** Applies one entry, the single step of the fold. */
  apply(entry: LayerEntry): Applied {
    if (entry._tag !== "Hardlink" && !maySpeak(entry.path)) {
      const beside = this.#draft.besideLast(entry.path)
      if (beside !== undefined) {
        this.#current = entry.path
        return this.#put(this.#draft, this.#draft.lastDirectory, beside, entry)
      }
    }
    const spoken = role(entry.path)
    if (Either.isLeft(spoken)) return this.#failure(entry, "name", spoken.left)
    this.#current = entry.path
    switch (spoken.right._tag) {
      case "Ordinary":
        return this.#bring(this.#draft, spoken.right.path, entry)
      case "AufsMetadata":
        return this.#bring(this.#aufs, spoken.right.path, entry)
      case "Whiteout":
      case "Opaque":
        return DONE
    }
  }

  finish(): Either.Either<ReadonlyArray<LayerNotice>, LayerMergeError> {
    const settled = this.#links.settle()
    this.#whiteouts.close()
    if (Either.isRight(settled)) return Either.right(this.#notices.toArray())
    const { path, problem, target } = settled.left
    return Either.left(
      new LayerMergeError({ layer: this.#layer, path: show(path), problem, target: show(target) })
    )
  }

  #bring(draft: LayerDraft, path: LayerPath, entry: LayerEntry): Applied {
    const name = path.at(-1)
    if (name === undefined) {
      if (entry._tag !== "Directory") return this.#failure(entry, "root")
      draft.describeItself(draft.tree.root, this.#inode(entry))
      return DONE
    }
    const parent = draft.directory(parentOf(path), name.length)
    if (Either.isLeft(parent)) return this.#failure(entry, parent.left)
    draft.remember(entry.path, name, parent.right)
    if (entry._tag !== "Hardlink") return this.#put(draft, parent.right, name, entry)
    const target = parse(entry.target)
    if (Either.isLeft(target)) return this.#failure(entry, "name", target.left)
    if (samePath(path, target.right)) return this.#failure(entry, "link-itself")
    const added = this.#links.add(entry, target.right, draft, parent.right, name)
    if (Either.isLeft(added)) return this.#failure(entry, added.left)
    return this.#withinLimits(draft.tree, entry)
  }

  /** Gives an entry its name in a directory. */
  #put(draft: LayerDraft, directory: NodeId, name: ByteString, entry: InodeEntry): Applied {
    switch (entry._tag) {
      case "Directory":
        draft.describe(directory, name, this.#inode(entry))
        break
      case "Symlink":
        if (!isSymlinkTarget(entry.target)) return this.#failure(entry, "symlink-target")
        draft.put(directory, name, this.#inode(entry))
        break
      case "CharacterDevice":
        if (entry.major === 0 && entry.minor === 0) this.#notices.whiteoutDevice(entry.path)
        draft.put(directory, name, this.#inode(entry))
        break
      default:
        draft.put(directory, name, this.#inode(entry))
    }
    return this.#withinLimits(draft.tree, entry)
  }

  #withinLimits(tree: RootTree, entry: LayerEntry): Applied {
    if (tree.size > this.#limits.nodes) return this.#failure(entry, "nodes")
    return tree.lookups > this.#limits.lookups ? this.#failure(entry, "lookups") : DONE
  }

  /** Returns the inode of an entry without the attributes that are left out. */
  #inode(entry: InodeEntry): InodeId {
    const metadata = this.#metadata(entry)
    const { inodes } = this.#draft.tree
    return inodes.add(metadata === entry.metadata ? entry : { ...entry, metadata }, this.#layer)
  }

  #metadata(entry: InodeEntry): Metadata {
    if (entry.metadata.xattrs.size === 0) return entry.metadata
    const xattrs = kept(entry._tag, entry.metadata.xattrs)
    if (xattrs === entry.metadata.xattrs) return entry.metadata
    for (const name of entry.metadata.xattrs.keys()) {
      const reason = dropReason(entry._tag, name)
      if (reason !== undefined) this.#notices.droppedXattr(entry.path, name, reason)
    }
    return { ...entry.metadata, xattrs }
  }

  #failure(
    entry: LayerEntry,
    problem: LayerMergeProblem,
    cause?: LayerPathError
  ): Either.Either<never, LayerMergeError> {
    return Either.left(failure(this.#layer, entry, problem, cause))
  }
}

const failure = (layer: number, entry: LayerEntry, problem: LayerMergeProblem, cause?: LayerPathError) =>
  new LayerMergeError({
    layer,
    path: show(entry.path),
    problem,
    ...(entry._tag === "Hardlink" || entry._tag === "Symlink" ? { target: show(entry.target) } : {}),
    ...(cause === undefined ? {} : { cause })
  })

const isSymlinkTarget = (target: ByteString): boolean =>
  target !== "" && target.length <= LONGEST_PATH && !target.includes("\0")

const samePath = (a: LayerPath, b: LayerPath): boolean =>
  a.length === b.length && a.every((component, index) => component === b[index])
