/**
 * An image's layers become one tree (image-spec layer.md, "Applying Changesets").
 *
 * A fold over the layers and, within each, over its entries. Within a layer: whiteouts first, looked up in the lower
 * tree; then the entries in archive order; then hardlinks to what came after them. The tree belongs to the fold and is
 * changed in place; from the outside every function here is pure.
 */
import * as Data from "effect/Data"
import * as Either from "effect/Either"
import type { ByteString } from "../text/ByteString.ts"
import type { InodeId } from "../root/Inodes.ts"
import type { LayerEntry, Metadata } from "../archive/LayerEntry.ts"
import { type HardlinkProblem, LayerLinks } from "./LayerLinks.ts"
import { type LayerNotice, LayerNotices } from "./LayerNotice.ts"
import { type LayerPath, type LayerPathError, parent as parentOf, parse, role, show } from "./LayerPath.ts"
import { dropReason, kept } from "./LayerXattrs.ts"
import { LIMITS, type MergeLimits } from "./MergeLimits.ts"
import { type DraftProblem, RootDraft } from "./LayerDraft.ts"
import { RootTree } from "../root/RootTree.ts"
import { Whiteouts } from "./Whiteouts.ts"

/** PATH_MAX without its NUL: symlink(2) takes no more. */
const MAX_SYMLINK_TARGET = 4095

export { LIMITS, type MergeLimits }

/** What is wrong with an entry. */
export type LayerMergeProblem =
  /** `cause` says what is wrong with the name, or with the hardlink's target. */
  | "name"
  /** The root is a directory, nothing else. */
  | "root"
  | "symlink-target"
  | keyof MergeLimits
  | DraftProblem
  | HardlinkProblem

/** Why a layer cannot be applied. `layer` counts from 0, `path` and `target` are for people. */
export class LayerMergeError extends Data.TaggedError("LayerMergeError")<{
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
  name: ({ cause }) => cause?.message ?? "the name is none",
  root: () => "the root can only be a directory",
  "symlink-target": ({ target }) => `the symlink's target "${target}" is empty, too long, or has a NUL byte`,
  nodes: () => "with it the image has more files and directories than are allowed",
  lookups: () => "with it the image's names lead through more directories and symlinks than are allowed",
  loop: () => "its parent leads through too many symlinks",
  "component-too-long": () => "its parent leads through a symlink to a name that is too long",
  "path-too-long": () => "its parent leads through a symlink to a path that is too long",
  "link-missing": ({ target }) => `the hardlink's target "${target}" is neither in the layer nor below it`,
  "link-directory": ({ target }) => `the hardlink's target "${target}" is a directory`,
  "link-itself": ({ target }) => `the hardlink's target "${target}" is the link itself`
}

/** A layer's entries, in archive order; they are gone through more than once. */
export interface MergeLayer {
  readonly entries: Iterable<LayerEntry>
}

/** What layers come to. */
export interface Merged {
  readonly tree: RootTree
  /** By layer, in the order in which each first came up. */
  readonly notices: ReadonlyArray<LayerNotice>
}

/** The tree of all layers, the lowest first. */
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

/** `merge` in many small steps, for who has other things to do meanwhile: yields after each entry. */
export function* stepwise(
  layers: Iterable<MergeLayer>,
  limits: MergeLimits = LIMITS
): Generator<void, Either.Either<Merged, LayerMergeError>, undefined> {
  const tree = new RootTree()
  const notices: Array<LayerNotice> = []
  let layer = 0
  for (const { entries } of layers) {
    const whiteouts = new Whiteouts(tree, entries)
    for (const entry of entries) {
      const looked = whiteouts.look(entry)
      if (Either.isLeft(looked)) return Either.left(failure(layer, entry, "name", looked.left))
      yield
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

type Applied = Either.Either<void, LayerMergeError>

const DONE: Applied = Either.right(undefined)

/** One layer being applied. */
class LayerApplication {
  readonly #layer: number
  readonly #limits: MergeLimits
  readonly #draft: RootDraft
  /** AUFS metadata: hardlinks may name what is there, and then it is forgotten. */
  readonly #aufs: RootDraft
  readonly #whiteouts: Whiteouts
  readonly #links: LayerLinks
  readonly #notices: LayerNotices
  #current = "" as ByteString

  constructor(tree: RootTree, layer: number, whiteouts: Whiteouts, limits: MergeLimits) {
    this.#layer = layer
    this.#limits = limits
    this.#whiteouts = whiteouts
    this.#notices = new LayerNotices(layer)
    this.#draft = new RootDraft(tree, layer, () => this.#notices.duplicate(this.#current))
    this.#aufs = new RootDraft(new RootTree(tree.inodes), layer, () => {})
    this.#links = new LayerLinks({ whiteouts, draft: this.#draft, aufs: this.#aufs })
    whiteouts.apply(this.#draft)
  }

  /** The single step of the fold. */
  apply(entry: LayerEntry): Applied {
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

  #bring(draft: RootDraft, path: LayerPath, entry: LayerEntry): Applied {
    const name = path.at(-1)
    if (name === undefined) {
      if (entry._tag !== "Directory") return this.#failure(entry, "root")
      draft.describeItself(draft.tree.root, this.#inode(entry))
      return DONE
    }
    const parent = draft.directory(parentOf(path), name.length)
    if (Either.isLeft(parent)) return this.#failure(entry, parent.left)
    switch (entry._tag) {
      case "Directory":
        draft.describe(parent.right, name, this.#inode(entry))
        break
      case "Hardlink": {
        const target = parse(entry.target)
        if (Either.isLeft(target)) return this.#failure(entry, "name", target.left)
        if (samePath(path, target.right)) return this.#failure(entry, "link-itself")
        const added = this.#links.add(entry, target.right, draft, parent.right, name)
        if (Either.isLeft(added)) return this.#failure(entry, added.left)
        break
      }
      case "Symlink":
        if (!isSymlinkTarget(entry.target)) return this.#failure(entry, "symlink-target")
        draft.put(parent.right, name, this.#inode(entry))
        break
      case "CharacterDevice":
        if (entry.major === 0 && entry.minor === 0) this.#notices.whiteoutDevice(entry.path)
        draft.put(parent.right, name, this.#inode(entry))
        break
      default:
        draft.put(parent.right, name, this.#inode(entry))
    }
    return this.#withinLimits(draft.tree, entry)
  }

  #withinLimits(tree: RootTree, entry: LayerEntry): Applied {
    if (tree.size > this.#limits.nodes) return this.#failure(entry, "nodes")
    return tree.lookups > this.#limits.lookups ? this.#failure(entry, "lookups") : DONE
  }

  /** Of the entry itself, or of one without the attributes that are left out. */
  #inode(entry: Exclude<LayerEntry, { readonly _tag: "Hardlink" }>): InodeId {
    const metadata = this.#metadata(entry)
    const { inodes } = this.#draft.tree
    return inodes.add(metadata === entry.metadata ? entry : { ...entry, metadata }, this.#layer)
  }

  #metadata(entry: Exclude<LayerEntry, { readonly _tag: "Hardlink" }>): Metadata {
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
  target !== "" && target.length <= MAX_SYMLINK_TARGET && !target.includes("\0")

const samePath = (a: LayerPath, b: LayerPath): boolean =>
  a.length === b.length && a.every((component, index) => component === b[index])
