/**
 * Volumes on the host: directories that outlive the roots they are bound into. Each is filled once from the image.
 *
 * A volume is copied to a temporary directory beside it, flushed, and appears by one rename, so an existing one is
 * complete. This program never writes to it again. The copied files belong to others, so links are copied and not
 * followed.
 */

import { existsSync, lstatSync, readdirSync, readlinkSync, rmdirSync, type Stats, statSync } from "node:fs"
import { basename, dirname } from "node:path"
import * as Command from "@effect/platform/Command"
import { CommandExecutor } from "@effect/platform/CommandExecutor"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Volume } from "../../domain/unit/ImageVolumes.ts"
import { kind } from "../files/BoundedFile.ts"
import { DirectoryDescent, makeChain } from "../files/DirectoryDescent.ts"
import { PRIVATE, PUBLIC } from "../files/DirectoryMode.ts"
import * as Durable from "../files/Durable.ts"
import * as FileLock from "../files/FileLock.ts"
import { type Calls, NativeCalls } from "../files/NativeCalls.ts"
import * as SystemCall from "../files/SystemCall.ts"
import * as RootLookup from "./RootLookup.ts"

export class VolumeFailed extends Data.TaggedError("VolumeFailed")<{
  /** The path in the image. */
  readonly path: string
  /** A clause that follows the path: "is a file in the image, not a directory". */
  readonly reason: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `the volume ${this.path} ${this.reason}`
  }
}

/** A directory of the image to copy, and its mode if the image has none. */
export interface Copy {
  readonly root: string
  /** The path in the root. Links are resolved inside it. */
  readonly path: string
  readonly target: string
  /** The mode of a directory that the image does not have; root owns it. */
  readonly mode: number
}

export class VolumeDirectories extends Context.Tag("oci-systemd/VolumeDirectories")<
  VolumeDirectories,
  {
    /** Makes a volume of the image whose root filesystem is `root`. An existing one is not changed. */
    readonly ensure: (volume: Volume, root: string) => Effect.Effect<void, VolumeFailed>
    /** Copies a directory with its content. The target must not exist. */
    readonly copy: (copy: Copy) => Effect.Effect<void, VolumeFailed>
  }
>() {
  static readonly layer = Layer.effect(
    VolumeDirectories,
    Effect.map(Effect.all({ calls: NativeCalls, executor: CommandExecutor }), (tools) => ({
      copy: Effect.fn("VolumeDirectories.copy")((wanted: Copy) => copy(tools, wanted)),
      ensure: Effect.fn("VolumeDirectories.ensure")(function* (volume: Volume, root: string) {
        if (yield* isThere(volume)) return
        yield* volume.kind === "own" ? ensureOwn(tools, volume, root) : ensureHost(volume, root)
      })
    }))
  )
}

/** Makes the directory of a volume inside another volume, without following links of that one, whose service may change it. */
export const ensureInside = (volume: Volume, outer: Volume): Effect.Effect<void, VolumeFailed> =>
  Effect.gen(function* () {
    const { directory, path } = volume
    if (existsSync(directory)) return
    const components = directory.slice(outer.directory.length + 1).split("/")
    const isMade = yield* attempt(path, () => makeChain(outer.directory, components))
    if (!isMade) {
      const reason = `cannot be made: a link or a file is in the way at ${directory}`
      yield* new VolumeFailed({ path, reason })
    }
  })

interface Tools {
  readonly calls: Calls
  readonly executor: CommandExecutor
}

const copy = (
  { calls, executor }: Tools,
  { mode, path, root, target }: Copy
): Effect.Effect<void, VolumeFailed> =>
  Effect.gen(function* () {
    const source = yield* directoryAt(root, path)
    const model = source === undefined ? undefined : lstatSync(source)
    if (source === undefined || !(yield* attempt(path, () => isMoreThanEmpty(calls, source)))) {
      return yield* attempt(path, () => makeEmpty(target, model, mode))
    }
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
  })

/** Whether a directory is more than an empty one with owner and mode, which needs no program to copy. */
const isMoreThanEmpty = (calls: Calls, source: string): boolean =>
  readdirSync(source).length > 0 || calls.listXattrs(Buffer.from(source)).size > 0

/** Makes a volume of this program's own: in a directory beside it, from which one rename takes it to its place. */
const ensureOwn = (tools: Tools, volume: Volume, root: string): Effect.Effect<void, VolumeFailed> =>
  Effect.gen(function* () {
    const { calls } = tools
    const parent = dirname(volume.directory)
    const temporary = `${parent}/${TEMPORARY}`
    const failing = Effect.mapError((cause: NodeJS.ErrnoException) => failure(volume.path, cause))
    yield* attempt(volume.path, () => {
      Durable.makeDirectory(parent, PRIVATE)
      Durable.makeDirectory(temporary, PRIVATE)
    })
    yield* FileLock.lockFile(calls, `${parent}/${LOCK}`).pipe(failing)
    if (existsSync(volume.directory)) return
    for (const name of readdirSync(temporary)) {
      yield* FileLock.removeAbandoned(calls, `${temporary}/${name}`).pipe(failing)
    }
    const { fd, path } = yield* FileLock.temporaryDirectory(calls, temporary).pipe(failing)
    yield* copy(tools, { root, path: volume.path, target: `${path}/volume`, mode: PUBLIC })
    yield* calls.syncFileSystemWaiting(fd).pipe(failing)
    yield* attempt(volume.path, () => Durable.move(`${path}/volume`, volume.directory))
  }).pipe(
    Effect.scoped,
    Effect.ensuring(Effect.sync(() => removeIfEmpty(`${dirname(volume.directory)}/${TEMPORARY}`)))
  )

/** Checks a directory of the configuration. Its content belongs to the operator and is not changed. */
const ensureHost = (volume: Volume, root: string): Effect.Effect<void, VolumeFailed> =>
  Effect.gen(function* () {
    const source = yield* directoryAt(root, volume.path)
    yield* attempt(volume.path, () => {
      Durable.makeDirectory(dirname(volume.directory), PUBLIC)
      makeEmpty(volume.directory, source === undefined ? undefined : lstatSync(source), PUBLIC)
      Durable.flushDirectory(dirname(volume.directory))
    })
  })

/**
 * Whether the volume exists. A link to another directory is the operator's way to move a volume; a dangling one means
 * a missing disk.
 */
const isThere = (volume: Volume): Effect.Effect<boolean, VolumeFailed> =>
  Effect.gen(function* () {
    const stats = lstatSync(volume.directory, { throwIfNoEntry: false })
    if (stats === undefined) return false
    const target = statSync(volume.directory, { throwIfNoEntry: false })
    if (target === undefined) {
      const reason = `is kept at ${volume.directory}, which leads to ${readlinkSync(volume.directory)}, which does not exist`
      return yield* new VolumeFailed({ path: volume.path, reason })
    }
    if (volume.kind === "own" && !target.isDirectory()) {
      const reason = `is kept at ${volume.directory}, which is ${kind(target)}, not a directory`
      return yield* new VolumeFailed({ path: volume.path, reason })
    }
    return true
  })

/**
 * Finds the directory at `path` inside the root; `undefined` if nothing is there. Anything else there is a failure.
 */
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

/**
 * Makes an empty directory and gives it its owner and mode. A crash between the two leaves a directory that only root can
 * enter. A process that can write to the parent, for example the service that owns the volume, may replace the new
 * directory meanwhile: no link is followed, and a directory that is not the new one is not changed.
 */
const makeEmpty = (target: string, model: Stats | undefined, mode: number): void => {
  const descent = new DirectoryDescent(dirname(target))
  try {
    if (descent.make(Buffer.from(basename(target)).toString("latin1")) !== "new")
      throw Object.assign(new Error(`${target} was replaced meanwhile`), { code: "ESTALE" })
    descent.dress(model, mode)
  } catch (cause) {
    throw descent.explained(cause)
  } finally {
    descent.close()
  }
}

const attempt = <A>(path: string, body: () => A): Effect.Effect<A, VolumeFailed> =>
  SystemCall.attempt(body, (cause) => failure(path, cause))

const failure = (path: string, cause: NodeJS.ErrnoException): VolumeFailed =>
  new VolumeFailed({ path, reason: `cannot be made: ${cause.code ?? cause.message}`, cause })

const removeIfEmpty = (path: string): void => {
  try {
    rmdirSync(path)
  } catch {
    // Another process works in it, or it was never made.
  }
}

/** A name that no volume has, since `ExtractsTree.component` escapes a leading dot. */
const TEMPORARY = ".new"
const LOCK = ".lock"
/** A link of the image may lead to places where `ImageVolumes.of` allows no path. */
const OF_THE_KERNEL = /^(?:proc|sys|dev)(?:\/|$)/
