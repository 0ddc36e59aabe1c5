/**
 * What every change of the extracts directory begins with: its subdirectories, its locks, and a private directory in
 * `tmp`, in which files are made before one rename puts them in place.
 */
import { existsSync, lstatSync, readdirSync } from "node:fs"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Digest } from "../../domain/document/Digest.ts"
import * as ExtractsTree from "../../domain/extracts/ExtractsTree.ts"
import { PRIVATE, PUBLIC } from "../files/DirectoryMode.ts"
import * as Durable from "../files/Durable.ts"
import * as FileLock from "../files/FileLock.ts"
import type { Calls } from "../files/NativeCalls.ts"
import * as Privileges from "../files/Privileges.ts"
import * as Warning from "../files/Warning.ts"
import { attempt, type ExtractsError, failing } from "./ExtractsError.ts"
import * as ExtractsFormat from "./ExtractsFormat.ts"

/** Fails if a newer version of this program keeps the directory in a form that this version does not know. */
export const requireKnown = (directory: string): Effect.Effect<void, ExtractsError> =>
  attempt("use the extracts", directory, () => ExtractsFormat.requireKnown(directory))

/** Whether a path exists; `null` if the caller lacks permission to find out. A link exists, whatever it leads to. */
export const isThere = (path: string): boolean | null => {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined
  } catch (cause) {
    return Privileges.isDenied(cause) ? null : false
  }
}

/** Whether it is known that a path exists. */
export const isInPlace = (path: string): boolean => isThere(path) === true

export class ExtractsDirectory {
  /** Fails unless this program knows the form of the directory, and makes what is missing of its subdirectories. */
  readonly prepare: Effect.Effect<void, ExtractsError>
  /** Makes a private directory in `tmp`, which is removed with the scope. */
  readonly temporary: Effect.Effect<FileLock.LockedDirectory, ExtractsError, Scope.Scope>
  /** Removes what dead processes left in `tmp`, and returns how many leftovers there were. */
  readonly sweep: Effect.Effect<number, ExtractsError>
  /** Removes leftovers, but only logs errors: another process's leftovers must not stop this one. */
  readonly sweepIfPossible: Effect.Effect<void>

  readonly directory: string
  readonly calls: Calls

  constructor(directory: string, calls: Calls) {
    this.directory = directory
    this.calls = calls
    const tmp = this.at(ExtractsTree.TMP)
    this.prepare = Effect.zipRight(
      requireKnown(directory),
      attempt("make the extracts directory", directory, () => {
        for (const [name, mode] of SUBDIRECTORIES) Durable.makeDirectory(this.at(name), mode)
        ExtractsFormat.write(directory)
      })
    )
    this.temporary = FileLock.temporaryDirectory(calls, tmp).pipe(failing("make a temporary directory", tmp))
    this.sweep = Effect.zipRight(
      removeAbandonedIn(calls, this.at(ExtractsTree.LOCKS)),
      removeAbandonedIn(calls, tmp)
    )
    this.sweepIfPossible = this.sweep.pipe(
      Effect.catchAll(({ message, path }) => Warning.log({ code: "LeftoversKept", path, message }))
    )
  }

  /** Returns the absolute path of a path of `ExtractsTree`. */
  at(path: string): string {
    return `${this.directory}/${path}`
  }

  /** Waits until no other process makes or removes the root of a layer chain, and holds its lock for the scope. */
  locked(chainId: Digest): Effect.Effect<void, ExtractsError, Scope.Scope> {
    const path = this.at(ExtractsTree.lockOf(chainId))
    return FileLock.lockFile(this.calls, path).pipe(failing("take the lock", path))
  }

  /** Prepares, calls `use` with a private directory in `tmp`, and removes that afterwards. */
  inTemporary<A, E, R>(
    use: (directory: FileLock.LockedDirectory) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | ExtractsError, Exclude<R, Scope.Scope>> {
    return Effect.zipRight(this.prepare, Effect.scoped(Effect.flatMap(this.temporary, use)))
  }
}

const removeAbandonedIn = (calls: Calls, parent: string): Effect.Effect<number, ExtractsError> =>
  Effect.gen(function* () {
    const names = yield* attempt("list", parent, () => (existsSync(parent) ? readdirSync(parent) : []))
    const removed = yield* Effect.forEach(names, (name) =>
      FileLock.removeAbandoned(calls, `${parent}/${name}`).pipe(failing("remove", `${parent}/${name}`))
    )
    return removed.filter((was) => was).length
  })

const SUBDIRECTORIES: ReadonlyArray<readonly [name: string, mode: number]> = [
  [ExtractsTree.ROOTS, PRIVATE],
  [ExtractsTree.IMAGES, PRIVATE],
  [ExtractsTree.LAYERS, PRIVATE],
  [ExtractsTree.CONFIGS, PUBLIC],
  [ExtractsTree.NAMES, PUBLIC],
  [ExtractsTree.SCRATCH, PRIVATE],
  [ExtractsTree.TEMPLATES, PRIVATE],
  [ExtractsTree.LOCKS, PRIVATE],
  [ExtractsTree.TMP, PRIVATE]
]
