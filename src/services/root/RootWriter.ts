/**
 * Carries out the plan of a root filesystem: applies `RootStep`s in an empty private directory.
 *
 * It uses Node's synchronous calls, in slices, and not the FileSystem service, because an Effect or a thread for each
 * entry costs more than the call. Nothing follows a link: directories are opened with O_NOFOLLOW, new names fail if
 * something exists, and the plan names no parent that it did not make.
 */

import { Buffer } from "node:buffer"
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  statSync,
  symlinkSync
} from "node:fs"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Metadata } from "../../domain/archive/LayerEntry.ts"
import type { RootStep } from "../../domain/root/RootStep.ts"
import { type ByteString, display } from "../../domain/text/ByteString.ts"
import * as CooperativeLoop from "../files/CooperativeLoop.ts"
import * as DeepPath from "../files/DeepPath.ts"
import { PRIVATE } from "../files/DirectoryMode.ts"
import * as MissingPrivileges from "../files/MissingPrivileges.ts"
import { type Calls, NativeCalls } from "../files/NativeCalls.ts"
import { LayerArchives } from "./LayerArchives.ts"

/** A step that the system refused. */
export class RootWriteError extends Data.TaggedError("RootWriteError")<{
  readonly step: "MakeDirectory" | "MakeFile" | "MakeNode" | "MakeSymlink" | "MakeLink" | "SetDirectory"
  /** The path in the image, printable: `ByteString.display`. */
  readonly path: string
  /** The error code: `EPERM`, `ENOSPC`, … */
  readonly code: string
  /** The system call: `chown`, `rename`, … */
  readonly syscall: string
  readonly cause: unknown
}> {
  override get message(): string {
    return `cannot ${DOING[this.step]} /${this.path} of the root filesystem: ${this.syscall} says ${this.code}`
  }
}

/** The result of writing a root. */
export interface Written {
  readonly steps: number
  /** What was impossible for lack of privileges; empty for root. */
  readonly shortfalls: ReadonlyArray<MissingPrivileges.MissingPrivilege>
}

/** The functions of the service. */
export interface Writer {
  /**
   * Carries `steps` out below `root`, an empty directory. The data of files is in `archives`, the paths of the layers'
   * decompressed archives, the lowest first. Interruption stops between two slices of some milliseconds and leaves what is
   * there.
   */
  readonly write: (
    root: string,
    steps: Iterable<RootStep>,
    archives: ReadonlyArray<string>
  ) => Effect.Effect<Written, RootWriteError>
  /**
   * Runs an effect that makes a tree and writes it, and lets other effects of this kind wait until it has ended.
   * Trees are large, and a single thread makes and writes them anyway.
   */
  readonly oneAtATime: <A, E, R>(makeRoot: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** The service that writes roots. */
export class RootWriter extends Context.Tag("oci-systemd/RootWriter")<RootWriter, Writer>() {
  static readonly layer: Layer.Layer<RootWriter, never, NativeCalls> = Layer.effect(
    RootWriter,
    Effect.map(Effect.all([NativeCalls, Effect.makeSemaphore(1)]), ([calls, oneTree]) => ({
      oneAtATime: oneTree.withPermits(1),
      write: Effect.fn("RootWriter.write")(function* (root, steps, archives) {
        const tree = DeepPath.under(root)
        const others = DeepPath.under(root)
        const layers = new LayerArchives(archives, calls)
        const shortfalls = MissingPrivileges.make()
        const performer = new Performer(calls, { tree, others, layers, shortfalls, owner: ownerIn(root) })
        const iterator = steps[Symbol.iterator]()
        let current: RootStep | undefined
        let count = 0

        const advance = (): boolean => {
          if (performer.goOn()) return true
          current = undefined
          const next = iterator.next()
          if (next.done === true) return false
          current = next.value
          performer.begin(current)
          count++
          return true
        }

        yield* CooperativeLoop.run(advance, (cause) => refused(current, cause)).pipe(
          Effect.ensuring(
            Effect.sync(() => {
              performer.close()
              layers.close()
              tree.close()
              others.close()
            })
          )
        )
        return { steps: count, shortfalls: shortfalls.all() }
      })
    }))
  )
}

interface Tools {
  readonly tree: DeepPath.DeepPath
  readonly others: DeepPath.DeepPath
  readonly layers: LayerArchives
  readonly shortfalls: MissingPrivileges.MissingPrivileges
  readonly owner: Owner
}

/** Carries steps out, one after another. */
class Performer {
  readonly #calls: Calls
  readonly #tools: Tools
  readonly #files: FileWriter
  /** Nodes that could not be made, whose other names cannot be made either. */
  readonly #missing = new Set<ByteString>()

  constructor(calls: Calls, tools: Tools) {
    this.#calls = calls
    this.#tools = tools
    this.#files = new FileWriter(calls, tools)
  }

  /** Carries a step out. For a large file, this is its first part. */
  begin(step: RootStep): void {
    const { path } = step
    const { others, shortfalls, tree } = this.#tools
    switch (step._tag) {
      case "MakeDirectory":
        mkdirSync(tree.at(path), PRIVATE)
        break
      case "MakeFile":
        this.#files.begin(step)
        break
      case "MakeNode": {
        const at = tree.at(path)
        const made = shortfalls.attempt("device", path, () =>
          this.#calls.makeNode(at, step.kind, PRIVATE_FILE, step.major, step.minor)
        )
        if (made) this.#setNode(path, at, step.metadata, step.metadata.mode)
        else this.#missing.add(path)
        break
      }
      case "MakeSymlink": {
        const at = tree.at(path)
        symlinkSync(Buffer.from(step.target, "latin1"), at)
        this.#setNode(path, at, step.metadata, undefined)
        break
      }
      case "MakeLink":
        // link(2) as Node calls it follows nothing: another name of a symlink is that symlink.
        if (this.#missing.has(step.existing)) this.#missing.add(path)
        else linkSync(others.at(step.existing), tree.at(path))
        break
      case "SetDirectory":
        this.#setDirectory(path, step.metadata)
        break
    }
  }

  /** Carries out the next part of a large file, if there is one. */
  goOn(): boolean {
    return this.#files.goOn()
  }

  close(): void {
    this.#files.close()
  }

  #setDirectory(path: ByteString, metadata: Metadata): void {
    const { shortfalls, tree } = this.#tools
    const fd = openSync(tree.at(path), constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
    try {
      shortfalls.attempt("owner", path, () => fchownSync(fd, metadata.uid, metadata.gid))
      fchmodSync(fd, metadata.mode)
      setXattrs(shortfalls, path, metadata, (name, value) => this.#calls.setXattrOfFile(fd, name, value))
      this.#calls.setModifiedOfFile(fd, metadata.mtime)
    } finally {
      closeSync(fd)
    }
  }

  /**
   * Sets the metadata of a node that was just made under a path that nothing else knows. `mode` is undefined for
   * links, which have none.
   */
  #setNode(path: ByteString, at: Buffer, metadata: Metadata, mode: number | undefined): void {
    const { shortfalls } = this.#tools
    shortfalls.attempt("owner", path, () => lchownSync(at, metadata.uid, metadata.gid))
    if (mode !== undefined) chmodSync(at, mode)
    setXattrs(shortfalls, path, metadata, (name, value) => this.#calls.setXattr(at, name, value))
    this.#calls.setModified(at, metadata.mtime)
  }
}

/** Writes one file at a time, a large one in parts. */
class FileWriter {
  readonly #calls: Calls
  readonly #tools: Tools
  /** The file that is being written, and how to go on with it. */
  #open: { readonly fd: number; readonly step: FileStep; readonly more: () => boolean } | undefined

  constructor(calls: Calls, tools: Tools) {
    this.#calls = calls
    this.#tools = tools
  }

  begin(step: FileStep): void {
    const fd = openSync(this.#tools.tree.at(step.path), CREATE, PRIVATE_FILE)
    this.#open = { fd, step, more: NO_MORE }
    const more = this.#tools.layers.copy(step.content, step.size, fd)
    if (more === undefined) this.#end(fd, step)
    else this.#open = { fd, step, more }
  }

  goOn(): boolean {
    if (this.#open === undefined) return false
    if (!this.#open.more()) this.#end(this.#open.fd, this.#open.step)
    return true
  }

  close(): void {
    const fd = this.#open?.fd
    this.#open = undefined
    if (fd !== undefined) closeSync(fd)
  }

  /** chown(2) takes setuid and capabilities away, and writing an attribute changes no time: so the order counts. */
  #end(fd: number, { metadata, path }: FileStep): void {
    const { owner, shortfalls } = this.#tools
    const { gid, mode, mtime, uid } = metadata
    let owned = true
    if (uid !== owner.uid || gid !== owner.gid) {
      owned = shortfalls.attempt("owner", path, () => fchownSync(fd, uid, gid))
    }
    // A setuid file of another user must not become one of the user who extracts.
    fchmodSync(fd, owned ? mode : mode & WITHOUT_SETID)
    setXattrs(shortfalls, path, metadata, (name, value) => this.#calls.setXattrOfFile(fd, name, value))
    this.#calls.setModifiedOfFile(fd, mtime)
    this.close()
  }
}

const setXattrs = (
  shortfalls: MissingPrivileges.MissingPrivileges,
  path: ByteString,
  { xattrs }: Metadata,
  set: (name: ByteString, value: Uint8Array) => void
): void => {
  for (const [name, value] of xattrs) shortfalls.attempt("xattr", path, () => set(name, value))
}

interface Owner {
  readonly uid: number
  readonly gid: number
}

/** The owner that a new file in a directory gets: a setgid directory, or a mount option, gives it the directory's group. */
const ownerIn = (directory: string): Owner => {
  const { gid } = statSync(directory)
  const uid = process.geteuid?.() ?? -1
  return gid === process.getegid?.() ? { uid, gid } : { uid: -1, gid: -1 }
}

type FileStep = Extract<RootStep, { readonly _tag: "MakeFile" }>

/** Makes an error of a refusal. Any other error is a bug, here or in the plan, and thrown as a defect. */
const refused = (step: RootStep | undefined, cause: unknown): RootWriteError => {
  const { code, syscall } = cause as NodeJS.ErrnoException
  if (step === undefined || code === undefined || syscall === undefined) throw cause
  return new RootWriteError({ step: step._tag, path: display(step.path), code, syscall, cause })
}

const DOING: Record<RootStep["_tag"], string> = {
  MakeDirectory: "make the directory",
  MakeFile: "make the file",
  MakeNode: "make the node",
  MakeSymlink: "make the symlink",
  MakeLink: "make the hard link",
  SetDirectory: "set the attributes of the directory"
}

const PRIVATE_FILE = 0o600
const WITHOUT_SETID = 0o1777
const CREATE =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW | constants.O_NOCTTY
const NO_MORE = () => false
