/**
 * Volumes on the host: directories that outlive the roots they are bound into, each filled once from the image.
 *
 * A volume is copied to a temporary directory beside it, flushed, and appears by one rename: one that is there is
 * complete, and is never written again by us. What is copied belongs to others, so links are copied, not followed.
 */
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmdirSync,
  type Stats,
  statSync,
  utimesSync
} from "node:fs"
import { dirname } from "node:path"
import * as Command from "@effect/platform/Command"
import { CommandExecutor } from "@effect/platform/CommandExecutor"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { Volume } from "../domain/unit/ImageVolumes.ts"
import { kind } from "./files/BoundedFile.ts"
import * as Claim from "./files/FileLock.ts"
import * as Durable from "./files/Durable.ts"
import { NativeCalls } from "./files/NativeCalls.ts"
import * as RootLookup from "./root/RootLookup.ts"

export class VolumeFailed extends Schema.TaggedError<VolumeFailed>()("VolumeFailed", {
  /** In the image. */
  path: Schema.String,
  /** A clause that follows it: "is a file in the image, not a directory". */
  reason: Schema.String,
  cause: Schema.optional(Schema.Defect)
}) {
  override get message(): string {
    return `the volume ${this.path} ${this.reason}`
  }
}

/** Where a directory of the image is copied to, and what it is when the image has none. */
export interface Copy {
  readonly root: string
  /** In the root; links are followed inside it. */
  readonly path: string
  readonly target: string
  /** Of a directory that the image does not have; it belongs to root. */
  readonly mode: number
}

export class Volumes extends Context.Tag("oci-systemd/Volumes")<
  Volumes,
  {
    /** Makes a volume of the image whose root filesystem is `root`; one that is there stays as it is. */
    readonly ensure: (volume: Volume, root: string) => Effect.Effect<void, VolumeFailed>
    /** Copies a directory with all that it holds; the target must not be there. */
    readonly copy: (copy: Copy) => Effect.Effect<void, VolumeFailed>
  }
>() {
  static readonly layer = Layer.effect(
    Volumes,
    Effect.gen(function* () {
      const calls = yield* NativeCalls
      const executor = yield* CommandExecutor

      /** Than an empty directory with an owner and a mode, which needs no program. */
      const isMore = (source: string): boolean =>
        readdirSync(source).length > 0 || calls.listXattrs(Buffer.from(source)).size > 0

      const copy = Effect.fn("Volumes.copy")(function* ({ root, path, target, mode }: Copy) {
        const source = yield* directoryAt(root, path)
        const model = source === undefined ? undefined : lstatSync(source)
        if (source !== undefined && (yield* attempt(path, () => isMore(source)))) {
          const argv = ["--archive", "--reflink=auto", "--no-target-directory", "--", source, target] as const
          const exitCode = yield* Command.make("cp", ...argv).pipe(
            Command.stderr("inherit"),
            Command.exitCode,
            Effect.orElseSucceed(() => 127),
            Effect.provideService(CommandExecutor, executor)
          )
          if (exitCode !== 0) {
            yield* new VolumeFailed({ path, reason: `cannot be filled: cp ended with exit code ${exitCode}` })
          }
        } else yield* attempt(path, () => makeEmpty(target, model, mode))
      })

      const ensureOwn = (volume: Volume, root: string) =>
        Effect.gen(function* () {
          const parent = dirname(volume.directory)
          const temporary = `${parent}/${TEMPORARY}`
          const failing = Effect.mapError((cause: NodeJS.ErrnoException) => failure(volume.path, cause))
          yield* attempt(volume.path, () => {
            Durable.makeDirectory(parent, PRIVATE)
            Durable.makeDirectory(temporary, PRIVATE)
          })
          yield* Claim.lockFile(calls, `${parent}/${LOCK}`).pipe(failing)
          if (existsSync(volume.directory)) return
          for (const name of readdirSync(temporary)) {
            yield* Claim.removeAbandoned(calls, `${temporary}/${name}`).pipe(failing)
          }
          const { fd, path } = yield* Claim.temporaryDirectory(calls, temporary).pipe(failing)
          yield* copy({ root, path: volume.path, target: `${path}/volume`, mode: PUBLIC })
          yield* calls.syncFileSystemWaiting(fd).pipe(failing)
          yield* attempt(volume.path, () => Durable.move(`${path}/volume`, volume.directory))
        }).pipe(
          Effect.scoped,
          Effect.ensuring(Effect.sync(() => removeIfEmpty(`${dirname(volume.directory)}/${TEMPORARY}`)))
        )

      /** The configuration's: what is there is the operator's own, and is left alone. */
      const ensureHost = (volume: Volume, root: string) =>
        Effect.gen(function* () {
          const source = yield* directoryAt(root, volume.path)
          yield* attempt(volume.path, () => {
            Durable.makeDirectory(dirname(volume.directory), PUBLIC)
            makeEmpty(volume.directory, source === undefined ? undefined : lstatSync(source), PUBLIC)
            Durable.flushDirectory(dirname(volume.directory))
          })
        })

      return {
        copy,
        ensure: Effect.fn("Volumes.ensure")(function* (volume: Volume, root: string) {
          if (yield* isThere(volume)) return
          yield* volume.kind === "own" ? ensureOwn(volume, root) : ensureHost(volume, root)
        })
      }
    })
  )
}

/** A link to a directory elsewhere is the operator's way to move a volume; one to nowhere is a disk that is missing. */
const isThere = (volume: Volume): Effect.Effect<boolean, VolumeFailed> =>
  Effect.gen(function* () {
    const stats = lstatSync(volume.directory, { throwIfNoEntry: false })
    if (stats === undefined) return false
    const target = statSync(volume.directory, { throwIfNoEntry: false })
    if (target === undefined) {
      const reason = `is kept at ${volume.directory}, which leads to ${readlinkSync(volume.directory)}, where nothing is`
      return yield* new VolumeFailed({ path: volume.path, reason })
    }
    if (volume.kind === "own" && !target.isDirectory()) {
      const reason = `is kept at ${volume.directory}, which is ${kind(target)}, not a directory`
      return yield* new VolumeFailed({ path: volume.path, reason })
    }
    return true
  })

/** The directory at `path` inside the root, or `undefined` where nothing is; whatever else is there is a failure. */
const directoryAt = (root: string, path: string): Effect.Effect<string | undefined, VolumeFailed> =>
  Effect.gen(function* () {
    const components = path.split("/").filter((component) => component !== "")
    for (let depth = 1; depth <= components.length; depth++) {
      const here = `/${components.slice(0, depth).join("/")}`
      const resolved = RootLookup.resolve(root, here)
      if (resolved === undefined) return undefined
      const stats = lstatSync(`${root}/${resolved}`)
      if (!stats.isDirectory()) {
        const reason =
          here === path
            ? `is ${kind(stats)} in the image, not a directory`
            : `lies in ${here}, which is ${kind(stats)} in the image`
        return yield* new VolumeFailed({ path, reason })
      }
      if (resolved === "" || OF_THE_KERNEL.test(resolved)) {
        const where = resolved === "" ? "the root itself" : `/${resolved}, which belongs to the kernel`
        return yield* new VolumeFailed({ path, reason: `leads to ${where}` })
      }
      if (depth === components.length) return `${root}/${resolved}`
    }
    return root
  })

/** Appears with its owner and mode; a crash before that leaves a directory that nobody but root can enter. */
const makeEmpty = (target: string, model: Stats | undefined, mode: number): void => {
  mkdirSync(target, { mode: PRIVATE })
  if (model !== undefined) chownSync(target, model.uid, model.gid)
  chmodSync(target, model === undefined ? mode : model.mode & 0o7777)
  if (model !== undefined) utimesSync(target, model.atime, model.mtime)
}

const attempt = <A>(path: string, body: () => A): Effect.Effect<A, VolumeFailed> =>
  Effect.try({ try: body, catch: (cause) => failure(path, cause as NodeJS.ErrnoException) })

const failure = (path: string, cause: NodeJS.ErrnoException): VolumeFailed =>
  new VolumeFailed({ path, reason: `cannot be made: ${cause.code ?? cause.message}`, cause })

const removeIfEmpty = (path: string): void => {
  try {
    rmdirSync(path)
  } catch {
    // Another process works in it, or it was never made.
  }
}

/** No volume is called so: `ExtractsTree.component` escapes a leading dot. */
const TEMPORARY = ".new"
const LOCK = ".lock"
/** A link of the image may lead where `Volumes.of` lets no path lead. */
const OF_THE_KERNEL = /^(?:proc|sys|dev)(?:\/|$)/
/** A setuid file inside must not be reachable for the host's users. */
const PRIVATE = 0o700
const PUBLIC = 0o755
