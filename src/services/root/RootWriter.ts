/**
 * Carries a root filesystem's plan out: interprets `RootStep`s in an empty private directory.
 *
 * Node's synchronous calls, in slices: no FileSystem service, since an Effect or a thread an entry costs more than the
 * call. Nothing follows a link: directories are opened with O_NOFOLLOW, new names fail where something is, and the plan
 * names no parent that it did not make.
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
  type PathLike,
  symlinkSync
} from "node:fs"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { type ByteString, display } from "../../domain/text/ByteString.ts"
import type { ContentId, Metadata } from "../../domain/archive/LayerEntry.ts"
import type { RootStep } from "../../domain/root/RootStep.ts"
import * as DeepPath from "../files/DeepPath.ts"
import { type Calls, NativeCalls } from "../files/NativeCalls.ts"
import * as Shortfalls from "../Shortfalls.ts"
import * as Slices from "../files/CooperativeLoop.ts"

/** A step that the system refused. */
export class RootWriteError extends Schema.TaggedError<RootWriteError>()("RootWriteError", {
  step: Schema.Literal("MakeDirectory", "PlaceFile", "MakeNode", "MakeSymlink", "MakeLink", "SetDirectory"),
  /** In the image, for people: `ByteString.display`. */
  path: Schema.String,
  /** `EPERM`, `ENOSPC`, … */
  code: Schema.String,
  /** `chown`, `rename`, … */
  syscall: Schema.String,
  cause: Schema.Defect
}) {
  override get message(): string {
    return `cannot ${DOING[this.step]} /${this.path} of the root filesystem: ${this.syscall} says ${this.code}`
  }
}

export interface Written {
  readonly steps: number
  /** What could not be done for want of privilege: empty for root. */
  readonly shortfalls: ReadonlyArray<Shortfalls.Shortfall>
}

export interface Writer {
  /**
   * Carries `steps` out below `root`, an empty directory of mode 0700. `staged` says where a file's data is, on the same
   * file system; it stays there, and gets further names. Interruption stops between two slices of some milliseconds and leaves what is there.
   */
  readonly write: (
    root: string,
    steps: Iterable<RootStep>,
    staged: (content: ContentId) => PathLike
  ) => Effect.Effect<Written, RootWriteError>
}

export class RootWriter extends Context.Tag("oci-systemd/RootWriter")<RootWriter, Writer>() {
  static readonly layer: Layer.Layer<RootWriter, never, NativeCalls> = Layer.effect(
    RootWriter,
    Effect.map(NativeCalls, (calls) => ({
      write: Effect.fn("RootWriter.write")(function* (root, steps, staged) {
        const tree = DeepPath.under(root)
        const others = DeepPath.under(root)
        const shortfalls = Shortfalls.make()
        const perform = performer(calls, tree, others, shortfalls, staged)
        const iterator = steps[Symbol.iterator]()
        let current: RootStep | undefined
        let count = 0

        const advance = (): boolean => {
          current = undefined
          const next = iterator.next()
          if (next.done === true) return false
          current = next.value
          perform(current)
          count++
          return true
        }

        yield* Slices.run(advance, (cause) => refused(current, cause)).pipe(
          Effect.ensuring(
            Effect.sync(() => {
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

const performer = (
  calls: Calls,
  tree: DeepPath.DeepPath,
  others: DeepPath.DeepPath,
  shortfalls: Shortfalls.Shortfalls,
  staged: (content: ContentId) => PathLike
): ((step: RootStep) => void) => {
  /** Nodes that could not be made: their other names cannot either. */
  const missing = new Set<ByteString>()

  const setXattrs = (
    path: ByteString,
    { xattrs }: Metadata,
    set: (name: ByteString, value: Uint8Array) => void
  ) => {
    for (const [name, value] of xattrs) shortfalls.attempt("xattr", path, () => set(name, value))
  }

  const setDirectory = (path: ByteString, metadata: Metadata): void => {
    const fd = openSync(tree.at(path), constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
    try {
      shortfalls.attempt("owner", path, () => fchownSync(fd, metadata.uid, metadata.gid))
      fchmodSync(fd, metadata.mode)
      setXattrs(path, metadata, (name, value) => calls.setXattrOfFile(fd, name, value))
      calls.setModifiedOfFile(fd, metadata.mtime)
    } finally {
      closeSync(fd)
    }
  }

  /** Of what was made just now under a path that nothing else knows. `mode` is undefined for links, which have none. */
  const setNode = (path: ByteString, at: Buffer, metadata: Metadata, mode: number | undefined): void => {
    shortfalls.attempt("owner", path, () => lchownSync(at, metadata.uid, metadata.gid))
    if (mode !== undefined) chmodSync(at, mode)
    setXattrs(path, metadata, (name, value) => calls.setXattr(at, name, value))
    calls.setModified(at, metadata.mtime)
  }

  return (step) => {
    const { path } = step
    switch (step._tag) {
      case "MakeDirectory":
        return mkdirSync(tree.at(path), PRIVATE)
      case "PlaceFile":
        return linkSync(staged(step.content), tree.at(path))
      case "MakeNode": {
        const at = tree.at(path)
        const made = shortfalls.attempt("device", path, () =>
          calls.makeNode(at, step.kind, PRIVATE_FILE, step.major, step.minor)
        )
        if (made) setNode(path, at, step.metadata, step.metadata.mode)
        else missing.add(path)
        return
      }
      case "MakeSymlink": {
        const at = tree.at(path)
        symlinkSync(Buffer.from(step.target, "latin1"), at)
        return setNode(path, at, step.metadata, undefined)
      }
      case "MakeLink":
        // link(2) as Node calls it follows nothing: another name of a symlink is that symlink
        if (missing.has(step.existing)) missing.add(path)
        else linkSync(others.at(step.existing), tree.at(path))
        return
      case "SetDirectory":
        return setDirectory(path, step.metadata)
    }
  }
}

/** What is not the system's refusal (a bug, here or in the plan) is a defect. */
const refused = (step: RootStep | undefined, cause: unknown): RootWriteError => {
  const { code, syscall } = cause as NodeJS.ErrnoException
  if (step === undefined || code === undefined || syscall === undefined) throw cause
  return new RootWriteError({ step: step._tag, path: display(step.path), code, syscall, cause })
}

const DOING: Record<RootStep["_tag"], string> = {
  MakeDirectory: "make the directory",
  PlaceFile: "place the file",
  MakeNode: "make the node",
  MakeSymlink: "make the symlink",
  MakeLink: "make the hard link",
  SetDirectory: "set the attributes of the directory"
}

const PRIVATE = 0o700
const PRIVATE_FILE = 0o600
