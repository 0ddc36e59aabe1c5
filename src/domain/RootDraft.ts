/**
 * The tree that one layer is making out of a lower one: copy on write, so that the lower tree stays as it was.
 *
 * A directory is copied the first time the layer changes something in it, and changed in place from then on: a draft is
 * mutable and belongs to the fold that began it.
 */
import * as Either from "effect/Either"
import type { ByteString } from "./ByteString.ts"
import { IMPLIED_PARENT, type Metadata } from "./LayerEntry.ts"
import { MAX_COMPONENT, MAX_PATH } from "./LayerPath.ts"
import {
  components,
  type Inode,
  type Location,
  MAX_LINKS,
  type RootDirectory,
  type RootName,
  type RootNode,
  type RootTree
} from "./RootTree.ts"

/** A directory that the draft may change. */
export interface DraftDirectory extends RootDirectory {
  layer: number
  implied: boolean
  metadata: Metadata
  readonly children: Map<ByteString, RootNode>
}

/** A name that the draft made. */
export interface DraftName extends RootName {
  inode: Inode
}

/** Why a directory cannot be had: too many symlinks, or one that leads to a name no file system has. */
export type DraftProblem = "loop" | "component-too-long" | "path-too-long"

export class RootDraft {
  readonly root: DraftDirectory
  readonly #layer: number
  readonly #owned = new Set<RootDirectory>()
  readonly #lowerShared: ReadonlySet<Inode>
  #shared: Set<Inode> | undefined
  /** Told when something that this very layer brought gives way. */
  readonly #onDuplicate: () => void

  constructor(lower: RootTree, layer: number, onDuplicate: () => void) {
    this.#layer = layer
    this.#lowerShared = lower.shared
    this.#onDuplicate = onDuplicate
    this.root = this.#copy(lower.root, new Map(lower.root.children))
  }

  /** What was made; the draft must not be used any more. */
  finish(): RootTree {
    return { root: this.root, shared: this.#shared ?? this.#lowerShared }
  }

  /**
   * The directory at a path, through symlinks and inside the root. What is missing on the way, dangling targets
   * included, is made, and anything else that stands in the way gives way: 0755 0:0, time 0. `room` is how many bytes
   * the caller will add to the path.
   */
  directory(path: ReadonlyArray<ByteString>, room: number): Either.Either<DraftDirectory, DraftProblem> {
    const above: Array<DraftDirectory> = []
    const names: Array<ByteString> = []
    let here = this.root
    let links = 0
    let todo = path
    for (let next = 0; next < todo.length; next++) {
      const name = todo[next] as ByteString
      if (name === "..") {
        here = above.pop() ?? here
        names.pop()
        continue
      }
      const child = here.children.get(name)
      if (child?._tag === "Name" && child.inode._tag === "Symlink") {
        if (++links > MAX_LINKS) return Either.left("loop")
        const target = child.inode.target
        if (target.startsWith("/")) {
          here = this.root
          above.length = names.length = 0
        }
        todo = [...components(target), ...todo.slice(next + 1)]
        next = -1
        continue
      }
      if (name.length > MAX_COMPONENT) return Either.left("component-too-long")
      above.push(here)
      names.push(name)
      here = child?._tag === "Directory" ? this.#own(here, name, child) : this.#imply(here, name, child)
    }
    // Without links the name was checked when it was parsed.
    if (links > 0 && names.reduce((length, name) => length + name.length + 1, room) > MAX_PATH) {
      return Either.left("path-too-long")
    }
    return Either.right(here)
  }

  /** Gives an inode a name, in place of whatever had it. */
  put(directory: DraftDirectory, name: ByteString, inode: Inode): DraftName {
    if (directory.children.get(name)?.layer === this.#layer) this.#onDuplicate()
    const made: DraftName = { _tag: "Name", layer: this.#layer, inode }
    directory.children.set(name, made)
    return made
  }

  /** An entry that describes a directory: the children stay where there was one. */
  describe(directory: DraftDirectory, name: ByteString, metadata: Metadata): void {
    const old = directory.children.get(name)
    if (old?._tag === "Directory") {
      this.describeItself(this.#own(directory, name, old), metadata)
    } else {
      if (old?.layer === this.#layer) this.#onDuplicate()
      directory.children.set(name, this.#make(false, metadata))
    }
  }

  describeItself(directory: DraftDirectory, metadata: Metadata): void {
    if (directory.layer === this.#layer && !directory.implied) this.#onDuplicate()
    directory.layer = this.#layer
    directory.implied = false
    directory.metadata = metadata
  }

  /** Removes what is at a location, if it still is there. */
  remove(at: Location): void {
    const parent = this.#ownedAt(at.slice(0, -1))
    const name = at.at(-1)
    if (parent !== undefined && name !== undefined) parent.children.delete(name)
  }

  /** Empties the directory at a location, if it still is there. */
  clear(at: Location): void {
    this.#ownedAt(at)?.children.clear()
  }

  /** Remembers that an inode has more than one name. */
  share(inode: Inode): void {
    if (this.#shared === undefined) {
      if (this.#lowerShared.has(inode)) return
      this.#shared = new Set(this.#lowerShared)
    }
    this.#shared.add(inode)
  }

  #ownedAt(at: Location): DraftDirectory | undefined {
    let here = this.root
    for (const name of at) {
      const child = here.children.get(name)
      if (child?._tag !== "Directory") return undefined
      here = this.#own(here, name, child)
    }
    return here
  }

  #own(parent: DraftDirectory, name: ByteString, child: RootDirectory): DraftDirectory {
    if (this.#owned.has(child)) return child as DraftDirectory
    const copy = this.#copy(child, new Map(child.children))
    parent.children.set(name, copy)
    return copy
  }

  #copy(directory: RootDirectory, children: Map<ByteString, RootNode>): DraftDirectory {
    const copy: DraftDirectory = { ...directory, children }
    this.#owned.add(copy)
    return copy
  }

  #make(implied: boolean, metadata: Metadata): DraftDirectory {
    const made: DraftDirectory = {
      _tag: "Directory",
      layer: this.#layer,
      implied,
      metadata,
      children: new Map()
    }
    this.#owned.add(made)
    return made
  }

  #imply(parent: DraftDirectory, name: ByteString, old: RootName | undefined): DraftDirectory {
    if (old?.layer === this.#layer) this.#onDuplicate()
    const made = this.#make(true, IMPLIED_PARENT)
    parent.children.set(name, made)
    return made
  }
}
