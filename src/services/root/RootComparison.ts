/**
 * Compares a root filesystem with the tree that its layers make, path by path: first what is no file, then the files, in
 * the order of the layers' listings, then what nobody brought.
 *
 * The layers were taken apart anew, for digests: what is kept of them beside the roots shares inodes with the roots, so
 * that damage there is damage here. Below what is no directory, or no longer one, nothing is looked at.
 */
import type { Buffer } from "node:buffer"
import type { ByteString } from "../../domain/text/ByteString.ts"
import type { Digest } from "../../domain/document/Digest.ts"
import { FileNames } from "../../domain/verify/FileNames.ts"
import { Finding } from "../../domain/verify/Finding.ts"
import type { InodeId } from "../../domain/root/Inodes.ts"
import { kept } from "../../domain/layer/LayerXattrs.ts"
import { Difference, differences, type PathFacts, type PathKind } from "../../domain/verify/PathFacts.ts"
import { settled } from "../../domain/root/PosixAcl.ts"
import { explain, type RootShortfall } from "../../domain/verify/RootShortfall.ts"
import type { NodeId, RootTree } from "../../domain/root/RootTree.ts"
import { SharedInodes } from "../../domain/verify/SharedInodes.ts"
import * as DeepPath from "../files/DeepPath.ts"
import { DigestReader } from "../layer/FileDigests.ts"
import type { File } from "../layer/FileSink.ts"
import * as FoundPath from "./FoundPath.ts"
import * as LayerIntake from "../layer/LayerIntake.ts"
import type { Calls } from "../files/NativeCalls.ts"

export interface Subject {
  readonly root: string
  readonly tree: RootTree
  /** Where each of the tree's layers was taken apart for digests (`LayerIntake`). */
  readonly layers: ReadonlyArray<string>
  /** Their diff ids. Layers of one diff id are in the root with the same files, not with equal ones. */
  readonly diffIds: ReadonlyArray<Digest>
  /** What could not be done when the root was made. */
  readonly lacks: RootShortfall<boolean>
}

type Differences = ReadonlyArray<Difference>
type Unreadable = Extract<Finding, { _tag: "Unreadable" }>

/** One comparison; `close` after it, whether it went to its end or not. */
export class RootComparison {
  /** Paths looked at so far. */
  paths = 0
  /** How often what could not be done shows. */
  readonly explained = { owner: 0, device: 0, xattr: 0 }
  readonly #subject: Subject
  readonly #calls: Calls
  readonly #deep: DeepPath.DeepPath
  readonly #contents: FoundPath.ContentReader
  readonly #living: Uint8Array
  /** By node: 1 where there is no directory to look into. */
  readonly #closed: Uint8Array
  readonly #shared: SharedInodes
  /** The file system of the root, and who made it. */
  #device = 0n
  #isOverlay = false
  #extractor = 0

  constructor(subject: Subject, calls: Calls) {
    this.#subject = subject
    this.#calls = calls
    this.#deep = DeepPath.under(subject.root)
    this.#contents = new FoundPath.ContentReader(calls)
    this.#living = subject.tree.living()
    this.#closed = new Uint8Array(subject.tree.size)
    this.#shared = new SharedInodes(subject.tree, subject.diffIds, this.#living)
  }

  close(): void {
    this.#deep.close()
  }

  /** In small steps, most of which yield nothing. Throws where a listing cannot be read. */
  *findings(): Generator<Finding | undefined, void, undefined> {
    yield* this.#structure()
    yield* this.#files()
    // large, and no longer needed
    this.#shared.forget()
    yield* this.#additions()
  }

  /** Directories come before what is in them, since a node's number is higher than its parent's. */
  *#structure(): Generator<Finding | undefined, void, undefined> {
    const { tree } = this.#subject
    const { inodes } = tree
    const firsts = new Map<InodeId, NodeId>()
    for (let node = 0; node < this.#living.length; node++) {
      const kind = tree.kind(node)
      if (this.#living[node] !== 1 || kind === "File" || kind === "Absent" || kind === "Waiting") continue
      const found = this.#look(node, kind)
      if (found === undefined || "_tag" in found) {
        yield found
        continue
      }
      const inode = tree.inode(node)
      const all = this.#differences(
        {
          kind,
          metadata: settled(inodes.metadata(inode)),
          ...(kind === "Symlink" ? { target: inodes.target(inode) } : {}),
          ...(kind === "CharacterDevice" || kind === "BlockDevice" ? { device: inodes.device(inode) } : {})
        },
        found
      )
      if (found.facts.kind !== kind) this.#closed[node] = 1
      if (found.facts.kind !== kind || kind === "Directory") {
        yield this.#changed(node, all)
        continue
      }
      yield this.#changed(node, [...all, ...this.#shared.differences(node, found.inode, firsts.get(inode))])
      if (inodes.isShared(inode) && !firsts.has(inode)) firsts.set(inode, node)
    }
  }

  /** Inodes of files are numbered as the listings bring them: the two are gone through side by side. */
  *#files(): Generator<Finding | undefined, void, undefined> {
    const { layers, tree } = this.#subject
    const { inodes } = tree
    const names = new FileNames(tree, this.#living)
    const fileFrom = (inode: InodeId): InodeId => {
      let at = inode
      while (at < inodes.size && inodes.kind(at) !== "File") at++
      return at
    }
    let inode = fileFrom(0)
    for (const [layer, directory] of layers.entries()) {
      const digests = new DigestReader(LayerIntake.digestsPath(directory))
      try {
        for (const entry of LayerIntake.entries(directory, layer)) {
          yield undefined
          // a whiteout is a file that brings no inode
          if (entry._tag !== "File" || inode >= inodes.size || !isOf(inodes.content(inode), entry)) continue
          yield* this.#file(entry, digests, names, inode)
          inode = fileFrom(inode + 1)
        }
      } finally {
        digests.close()
      }
    }
    if (inode < inodes.size) throw new Error("the listings are not those that the tree was made of")
  }

  /** All names of one file; the data is read once for those that share it. */
  *#file(
    entry: File,
    digests: DigestReader,
    names: FileNames,
    inode: InodeId
  ): Generator<Finding | undefined, void, undefined> {
    const metadata = { ...entry.metadata, xattrs: kept("File", entry.metadata.xattrs) }
    const expected: PathFacts = { kind: "File", metadata: settled(metadata), size: entry.size }
    let first: { readonly node: NodeId; readonly inode: bigint; readonly all: Differences } | undefined
    for (let node = names.first(inode); node >= 0; node = names.next(node)) {
      const found = this.#look(node, "File")
      if (found === undefined || "_tag" in found) {
        yield found
        continue
      }
      const all: Differences | Unreadable =
        first?.inode === found.inode
          ? first.all
          : yield* this.#fileDifferences(node, expected, found, digests.of(entry.content.entry))
      if ("_tag" in all) {
        yield all
      } else if (found.facts.kind !== "File") {
        yield this.#changed(node, all)
      } else {
        yield this.#changed(node, [...all, ...this.#shared.differences(node, found.inode, first?.node)])
        first ??= { node, inode: found.inode, all }
      }
    }
  }

  *#fileDifferences(
    node: NodeId,
    expected: PathFacts,
    found: FoundPath.FoundPath,
    digest: Buffer
  ): Generator<undefined, Differences | Unreadable, undefined> {
    const all = this.#differences(expected, found)
    if (found.facts.size !== expected.size) return all
    try {
      const read = yield* this.#contents.digestOf(found)
      return read.equals(digest)
        ? all
        : [...all, Difference.Content({ expected: digest.toString("hex"), found: read.toString("hex") })]
    } catch (cause) {
      return unreadable(this.#subject.tree.path(node), cause)
    }
  }

  /** What nobody brought, in the directories that are there. */
  *#additions(): Generator<Finding | undefined, void, undefined> {
    const { tree } = this.#subject
    for (let node = 0; node < this.#living.length; node++) {
      if (this.#living[node] !== 1 || this.#closed[node] === 1 || tree.kind(node) !== "Directory") continue
      const path = tree.path(node)
      try {
        for (const name of FoundPath.namesIn(this.#deep.at(path))) {
          const child = tree.child(node, name)
          const isKnown = child !== undefined && this.#living[child] === 1
          yield isKnown ? undefined : this.#added((path === "" ? name : `${path}/${name}`) as ByteString)
        }
      } catch (cause) {
        yield unreadable(path, cause)
      }
    }
  }

  #added(path: ByteString): Finding | undefined {
    try {
      const kind = FoundPath.kindAt(this.#deep.at(path))
      return kind === undefined ? undefined : Finding.Added({ path, kind })
    } catch (cause) {
      return unreadable(path, cause)
    }
  }

  /** What is at a node's path; or what there is to say instead, perhaps nothing. */
  #look(node: NodeId, kind: PathKind): FoundPath.FoundPath | Finding | undefined {
    const { lacks, tree } = this.#subject
    const isTop = node === tree.root
    const parent = tree.parent(node)
    if (!isTop && this.#closed[parent] === 1) {
      this.#closed[node] = 1
      return undefined
    }
    this.paths++
    const path = tree.path(node)
    try {
      const found = FoundPath.look(this.#deep.at(path), this.#calls)
      if (found === undefined) {
        this.#closed[node] = 1
        if (!lacks.device || (kind !== "CharacterDevice" && kind !== "BlockDevice")) {
          return Finding.Missing({ path, kind })
        }
        this.explained.device++
        return undefined
      }
      if (isTop) {
        this.#device = found.device
        this.#isOverlay = FoundPath.isOverlay(found.at)
        this.#extractor = found.facts.metadata.uid
      }
      if (found.device === this.#device || this.#isOfOverlay(found)) return found
      this.#closed[node] = 1
      return Finding.Changed({ path, differences: [Difference.Mounted()] })
    } catch (cause) {
      // who may not look at one in a directory may not look at any: said once
      const closed = (cause as NodeJS.ErrnoException).code === "EACCES" ? parent : node
      this.#closed[closed] = 1
      this.#closed[node] = 1
      return unreadable(tree.path(closed), cause)
    }
  }

  /** What is no directory may be on any device there (the kernel's overlayfs.rst, "Non-directories"). */
  #isOfOverlay({ facts }: FoundPath.FoundPath): boolean {
    return this.#isOverlay && facts.kind !== "Directory"
  }

  #differences(expected: PathFacts, { facts }: FoundPath.FoundPath): Differences {
    const all = differences(expected, facts)
    if (all.length === 0) return all
    const { owner, rest, xattr } = explain(all, facts, this.#subject.lacks, this.#extractor)
    if (owner) this.explained.owner++
    if (xattr) this.explained.xattr++
    return rest
  }

  #changed(node: NodeId, all: Differences): Finding | undefined {
    return all.length === 0
      ? undefined
      : Finding.Changed({ path: this.#subject.tree.path(node), differences: all })
  }
}

const isOf = (
  { entry, layer }: { readonly layer: number; readonly entry: number },
  { content }: File
): boolean => layer === content.layer && entry === content.entry

/** What is not the system's refusal is a bug. */
const unreadable = (path: ByteString, cause: unknown): Unreadable => {
  const { code, syscall } = cause as NodeJS.ErrnoException
  if (code === undefined || syscall === undefined) throw cause
  return Finding.Unreadable({ path, code, syscall })
}
