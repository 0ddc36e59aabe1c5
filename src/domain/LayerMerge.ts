/**
 * An image's layers become one tree (image-spec layer.md, "Applying Changesets").
 *
 * A fold of `applyLayer`, which takes a tree and a layer's entries and gives the next tree. Within a layer: whiteouts
 * first, looked up in the lower tree; then the entries in archive order; then hardlinks to what came after them.
 * Inside, a draft is changed in place for speed; from the outside every function here is pure.
 */
import * as Data from "effect/Data"
import * as Either from "effect/Either"
import type { ByteString } from "./ByteString.ts"
import { LayerEntry, type Metadata } from "./LayerEntry.ts"
import { type HardlinkEntry, type HardlinkProblem, LayerLinks } from "./LayerLinks.ts"
import { type LayerNotice, LayerNotices } from "./LayerNotice.ts"
import { type LayerPath, type LayerPathError, parent as parentOf, parse, role, show } from "./LayerPath.ts"
import { dropReason, kept } from "./LayerXattrs.ts"
import { type DraftProblem, RootDraft } from "./RootDraft.ts"
import { empty, type Inode, type RootTree } from "./RootTree.ts"
import * as Whiteouts from "./Whiteouts.ts"

/** PATH_MAX without its NUL: symlink(2) takes no more. */
const MAX_SYMLINK_TARGET = 4095

export type LayerMergeProblem =
  /** `cause` says what is wrong with the name, or with the hardlink's target. */
  | "name"
  /** The root is a directory, nothing else. */
  | "root"
  | "symlink-target"
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
  loop: () => "its parent leads through too many symlinks",
  "component-too-long": () => "its parent leads through a symlink to a name that is too long",
  "path-too-long": () => "its parent leads through a symlink to a path that is too long",
  "link-missing": ({ target }) => `the hardlink's target "${target}" is neither in the layer nor below it`,
  "link-directory": ({ target }) => `the hardlink's target "${target}" is a directory`,
  "link-itself": ({ target }) => `the hardlink's target "${target}" is the link itself`
}

export interface Merged {
  readonly tree: RootTree
  /** By layer, in the order in which each first came up. */
  readonly notices: ReadonlyArray<LayerNotice>
}

/** The tree of all layers, the lowest first. */
export const merge = (
  layers: Iterable<{ readonly entries: ReadonlyArray<LayerEntry> }>
): Either.Either<Merged, LayerMergeError> => {
  const notices: Array<LayerNotice> = []
  let tree = empty
  let layer = 0
  for (const { entries } of layers) {
    const applied = applyLayer(tree, entries, layer++)
    if (Either.isLeft(applied)) return Either.left(applied.left)
    tree = applied.right.tree
    notices.push(...applied.right.notices)
  }
  return Either.right({ tree, notices })
}

/** The tree with one more layer, the `layer`th from 0, and that layer's notices. `lower` stays as it is. */
export const applyLayer = (
  lower: RootTree,
  entries: ReadonlyArray<LayerEntry>,
  layer: number
): Either.Either<Merged, LayerMergeError> => {
  const whiteouts = Whiteouts.of(lower, entries)
  if (Either.isLeft(whiteouts)) {
    const { entry, cause } = whiteouts.left
    return Either.left(failure(layer, entry, "name", cause))
  }
  const applying = new LayerApplication(lower, layer, whiteouts.right)
  for (const entry of entries) {
    const applied = applying.entry(entry)
    if (Either.isLeft(applied)) return Either.left(applied.left)
  }
  return applying.finish()
}

type Applied = Either.Either<void, LayerMergeError>

const DONE: Applied = Either.right(undefined)

/** One layer being applied; mutable, and seen by `applyLayer` alone. */
class LayerApplication {
  readonly #layer: number
  readonly #draft: RootDraft
  /** AUFS metadata: hardlinks may name what is there, and then it is forgotten. */
  readonly #aufs: RootDraft
  readonly #links: LayerLinks
  readonly #notices: LayerNotices
  #current = "" as ByteString

  constructor(lower: RootTree, layer: number, whiteouts: Whiteouts.Whiteouts) {
    this.#layer = layer
    this.#notices = new LayerNotices(layer)
    this.#draft = new RootDraft(lower, layer, () => this.#notices.duplicate(this.#current))
    this.#aufs = new RootDraft(empty, layer, () => {})
    this.#links = new LayerLinks({ lower, whiteouts, draft: this.#draft, aufs: this.#aufs })
    Whiteouts.apply(whiteouts, this.#draft)
  }

  entry(entry: LayerEntry): Applied {
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

  finish(): Either.Either<Merged, LayerMergeError> {
    const settled = this.#links.settle()
    if (Either.isLeft(settled)) return this.#failure(settled.left.entry, settled.left.problem)
    return Either.right({ tree: this.#draft.finish(), notices: this.#notices.toArray() })
  }

  #bring(draft: RootDraft, path: LayerPath, entry: LayerEntry): Applied {
    const name = path.at(-1)
    if (name === undefined) {
      if (entry._tag !== "Directory") return this.#failure(entry, "root")
      draft.describeItself(draft.root, this.#metadata(entry))
      return DONE
    }
    const parent = draft.directory(parentOf(path), name.length)
    if (Either.isLeft(parent)) return this.#failure(entry, parent.left)
    switch (entry._tag) {
      case "Directory":
        draft.describe(parent.right, name, this.#metadata(entry))
        return DONE
      case "Hardlink": {
        const target = parse(entry.target)
        if (Either.isLeft(target)) return this.#failure(entry, "name", target.left)
        if (samePath(path, target.right)) return this.#failure(entry, "link-itself")
        const added = this.#links.add(entry, target.right, draft, parent.right, name)
        return Either.isLeft(added) ? this.#failure(entry, added.left) : DONE
      }
      case "Symlink":
        if (!isSymlinkTarget(entry.target)) return this.#failure(entry, "symlink-target")
        break
      case "CharacterDevice":
        if (entry.major === 0 && entry.minor === 0) this.#notices.whiteoutDevice(entry.path)
        break
    }
    draft.put(parent.right, name, this.#inode(entry))
    return DONE
  }

  /** The entry itself, or one without the attributes that are left out. */
  #inode(entry: Inode): Inode {
    const metadata = this.#metadata(entry)
    return metadata === entry.metadata ? entry : { ...entry, metadata }
  }

  #metadata(entry: Exclude<LayerEntry, HardlinkEntry>): Metadata {
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
    ...(LayerEntry.$is("Hardlink")(entry) || LayerEntry.$is("Symlink")(entry)
      ? { target: show(entry.target) }
      : {}),
    ...(cause === undefined ? {} : { cause })
  })

const isSymlinkTarget = (target: ByteString): boolean =>
  target !== "" && target.length <= MAX_SYMLINK_TARGET && !target.includes("\0")

const samePath = (a: LayerPath, b: LayerPath): boolean =>
  a.length === b.length && a.every((component, index) => component === b[index])
