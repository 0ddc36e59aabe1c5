/**
 * How a root appears below `roots`, and how it goes: it is made in a private directory and flushed, and one rename puts
 * it in place. Another rename takes it away before its files are removed.
 */
import { renameSync } from "node:fs"
import { dirname } from "node:path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Digest } from "../../domain/document/Digest.ts"
import * as ExtractsTree from "../../domain/extracts/ExtractsTree.ts"
import { PRIVATE, PUBLIC } from "../files/DirectoryMode.ts"
import * as Durable from "../files/Durable.ts"
import type { LockedDirectory } from "../files/FileLock.ts"
import * as RootMount from "../files/RootMount.ts"
import { type ExtractsDirectory, isInPlace, requireKnown } from "./ExtractsDirectory.ts"
import { attempt, type ExtractsError, failing } from "./ExtractsError.ts"

/** Where an extraction works. Both directories are empty, of mode 0700 and on the file system of the extracts. */
export interface Workplace {
  /** The directory that becomes the published root. A link may be put in its place. */
  readonly root: string
  /** A directory for intermediate files, which is removed at the end. */
  readonly stage: string
  /** Begins to flush what is written so far, without waiting, so that less is left for the end. */
  readonly flushAhead: Effect.Effect<void, never, Scope.Scope>
  /** Moves `from`, which is in `stage`, to `to` after everything is flushed and before the root appears. */
  readonly keep: (from: string, to: string) => void
}

/** Does what `ExtractStore.publish` says. */
export const publish = <A, E, R>(
  extracts: ExtractsDirectory,
  chainId: Digest,
  use: (workplace: Workplace) => Effect.Effect<A, E, R>
): Effect.Effect<Option.Option<A>, E | ExtractsError, Exclude<R, Scope.Scope>> =>
  Effect.gen(function* () {
    const target = extracts.at(ExtractsTree.rootOf(chainId))
    yield* requireKnown(extracts.directory)
    // This also runs if nothing needs to be made: the process that made it may have died right afterwards.
    yield* extracts.sweepIfPossible
    if (isInPlace(target)) return Option.none()
    yield* extracts.prepare
    return yield* Effect.scoped(
      Effect.gen(function* () {
        yield* extracts.locked(chainId)
        if (isInPlace(target)) return Option.none()
        // The process that held the lock before may have died.
        yield* extracts.sweepIfPossible
        const directory = yield* extracts.temporary
        return Option.some(yield* publishFrom(extracts, directory, target, use))
      })
    )
  })

/** A file or directory that was made for a root, and where it is to be. */
type Kept = readonly [from: string, to: string]

/** Has a root made in `directory`, flushes it, and moves first what belongs to it and then the root to their places. */
const publishFrom = <A, E, R>(
  { calls }: ExtractsDirectory,
  { fd, path }: LockedDirectory,
  target: string,
  use: (workplace: Workplace) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | ExtractsError, R | Scope.Scope> =>
  Effect.gen(function* () {
    const kept: Array<Kept> = []
    const workplace: Workplace = {
      root: `${path}/root`,
      stage: `${path}/stage`,
      flushAhead: calls.syncFileSystemWaiting(fd).pipe(Effect.ignore, Effect.forkScoped, Effect.asVoid),
      keep: (from, to) => kept.push([from, to])
    }
    yield* attempt("make the workplace", path, () => {
      Durable.makeDirectory(workplace.root, PRIVATE)
      Durable.makeDirectory(workplace.stage, PRIVATE)
    })
    const made = yield* use(workplace)
    yield* attempt("publish the root", target, () => Durable.makeDirectory(dirname(target), PUBLIC))
    yield* calls.syncFileSystemWaiting(fd).pipe(failing("flush the root", path))
    for (const [index, [from, to]] of kept.entries()) {
      yield* attempt("keep what belongs to the root", to, () => {
        Durable.makeDirectory(dirname(to), PUBLIC)
        // This is an unreadable leftover, which is made again. An image may still be mounted, though its root is gone.
        if (isInPlace(to)) {
          RootMount.detach(calls.mounts, ExtractsTree.mountOf(to))
          renameSync(to, `${workplace.stage}/replaced-${index}`)
        }
        renameSync(from, to)
      })
    }
    yield* attempt("publish the root", target, () => Durable.move(workplace.root, target))
    return made
  })

/** Does what `ExtractStore.discard` says. */
export const discard = (
  extracts: ExtractsDirectory,
  chainId: Digest,
  isDue: () => boolean
): Effect.Effect<boolean, ExtractsError> =>
  Effect.gen(function* () {
    const target = extracts.at(ExtractsTree.rootOf(chainId))
    if (!isInPlace(target)) return false
    yield* extracts.prepare
    return yield* Effect.scoped(
      Effect.gen(function* () {
        yield* extracts.locked(chainId)
        if (!isInPlace(target) || !isDue()) return false
        const { path } = yield* extracts.temporary
        yield* attempt("remove the root", target, () => {
          Durable.move(target, `${path}/root`)
          const image = extracts.at(ExtractsTree.rootImageOf(chainId))
          if (!isInPlace(image)) return
          RootMount.detach(extracts.calls.mounts, ExtractsTree.mountOf(image))
          Durable.move(image, `${path}/image`)
        })
        return true
      })
    )
  })
