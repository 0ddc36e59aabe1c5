/**
 * Compares a root filesystem with the tree that its layers make, path by path: first everything but files, then the
 * files in the order of the layers' listings, then paths that no layer contains.
 *
 * The digests come from the layers' blobs, which are read again: the stored archives may share blocks with the roots,
 * so that damage would be in both. Nothing is examined below a path that is not a directory, or no longer one.
 */
import type { Buffer } from "node:buffer"
import { kept } from "../../domain/layer/LayerXattrs.ts"
import type { InodeId } from "../../domain/root/Inodes.ts"
import { settled } from "../../domain/root/PosixAcl.ts"
import type { NodeId, RootTree } from "../../domain/root/RootTree.ts"
import type { ByteString } from "../../domain/text/ByteString.ts"
import { FileNames } from "../../domain/verify/FileNames.ts"
import { Finding } from "../../domain/verify/Finding.ts"
import { Difference, differences, type PathFacts, type PathKind } from "../../domain/verify/PathFacts.ts"
import { explain, type RootShortfall } from "../../domain/verify/RootShortfall.ts"
import { SharedInodes } from "../../domain/verify/SharedInodes.ts"
import * as DeepPath from "../files/DeepPath.ts"
import type { Calls } from "../files/NativeCalls.ts"
import { DigestReader } from "../layer/FileDigests.ts"
import type { File } from "../layer/FileSink.ts"
import * as LayerIntake from "../layer/LayerIntake.ts"
import * as ListingFile from "../layer/ListingFile.ts"
import * as FoundPath from "./FoundPath.ts"

export interface Subject {
  readonly root: string
  readonly tree: RootTree
  /** Where each of the tree's layers was read for digests (`LayerIntake`). */
  readonly layers: ReadonlyArray<string>
  /** What was impossible when the root was made. */
  readonly lacks: RootShortfall<boolean>
}

type Differences = ReadonlyArray<Difference>
type Unreadable = Extract<Finding, { _tag: "Unreadable" }>

/** One comparison. Call `close` afterwards, whether it was completed or not. */
export class RootComparison {
  /** Paths compared so far. */
  paths = 0
  /** How many differences are explained by what was impossible. */
  readonly explained = { owner: 0, device: 0, xattr: 0 }
  readonly #subject: Subject
  readonly #calls: Calls
  readonly #deep: DeepPath.DeepPath
  readonly #contents: FoundPath.ContentReader
  readonly #living: Uint8Array
  /** Has 1 for each node without a directory in the root, in which nothing can be examined. */
  readonly #closed: Uint8Array
  readonly #shared: SharedInodes
  /** The file system of the root, and the user who made it. */
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
    this.#shared = new SharedInodes(subject.tree, this.#living)
  }

  close(): void {
    this.#deep.close()
  }

  /** Compares in small steps, most of which yield nothing. Throws if a listing cannot be read. */
  *findings(): Generator<Finding | undefined, void, undefined> {
    yield* this.#structure()
    yield* this.#files()
    // This is large and no longer needed.
    this.#shared.forget()
    yield* this.#additions()
  }

  /** Compares all but files. Directories precede their content, since a node's number is higher than its parent's. */
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

  /** Compares files. Their inodes are numbered in the order of the listings, so both are read side by side. */
  *#files(): Generator<Finding | undefined, void, undefined> {
    const { layers, tree } = this.#subject
    const { inodes } = tree
    const names = new FileNames(tree, this.#living)
    const fileFrom = (inode: InodeId): InodeId => {
      let at = inode
      while (at < inodes.count && inodes.kind(at) !== "File") at++
      return at
    }
    let inode = fileFrom(0)
    for (const [layer, directory] of layers.entries()) {
      const digests = new DigestReader(LayerIntake.digestsPath(directory))
      try {
        let files = 0
        for (const entry of ListingFile.entries(LayerIntake.listingPath(directory), layer)) {
          yield undefined
          if (entry._tag !== "File") continue
          const number = files++
          // A whiteout is a file entry without an inode.
          if (inode >= inodes.count || !isOf(inodes.content(inode), entry)) continue
          yield* this.#file(entry, () => digests.of(number), names, inode)
          inode = fileFrom(inode + 1)
        }
      } finally {
        digests.close()
      }
    }
    if (inode < inodes.count) throw new Error("the listings are not those that the tree was made of")
  }

  /** Compares all names of one file. Data that several share is read once. */
  *#file(
    entry: File,
    digest: () => Buffer,
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
          : yield* this.#fileDifferences(node, expected, found, digest())
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

  /** Finds paths that no layer contains, in existing directories. */
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

  /** Examines a node's path. Returns what is there, or a finding instead, or nothing. */
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
      // If one path in a directory may not be examined, none may; this is reported once.
      const closed = (cause as NodeJS.ErrnoException).code === "EACCES" ? parent : node
      this.#closed[closed] = 1
      this.#closed[node] = 1
      return unreadable(tree.path(closed), cause)
    }
  }

  /**
   * Whether the path is on the overlay. All but directories may be on any device there (the kernel's overlayfs.rst,
   * "Non-directories").
   */
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
  { layer, offset }: { readonly layer: number; readonly offset: number },
  { content }: File
): boolean => layer === content.layer && offset === content.offset

/** Makes a finding of an error of the system. Any other error is a bug. */
const unreadable = (path: ByteString, cause: unknown): Unreadable => {
  const { code, syscall } = cause as NodeJS.ErrnoException
  if (code === undefined || syscall === undefined) throw cause
  return Finding.Unreadable({ path, code, syscall })
}
