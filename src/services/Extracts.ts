/**
 * The extracts directory: complete root filesystems by chain id, image configs by digest, and links to both by name.
 *
 * What is under `dirs` is complete: it is made in a private temporary directory, flushed, and appears by one rename.
 * Plain `node:fs`: locks, flushes and renames need descriptors, which the FileSystem service keeps to itself.
 */

import { existsSync, lstatSync, readdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Digest } from "../domain/document/Digest.ts"
import * as ExtractsTree from "../domain/extracts/ExtractsTree.ts"
import type { ImageName } from "../domain/naming/ImageName.ts"
import { sha256 } from "./layout/Blobs.ts"
import * as Claim from "./files/FileLock.ts"
import * as Durable from "./files/Durable.ts"
import { type Calls, NativeCalls } from "./files/NativeCalls.ts"
import * as Privileges from "./files/Privileges.ts"

/** The extracts directory refused something: full, read-only, not ours. */
export class ExtractsError extends Schema.TaggedError<ExtractsError>()("ExtractsError", {
  /** What was being done: `publish the root`, … */
  operation: Schema.String,
  path: Schema.String,
  /** `EROFS`, `ENOSPC`, … */
  code: Schema.String,
  cause: Schema.Defect
}) {
  override get message(): string {
    return `cannot ${this.operation} at ${this.path}: ${this.code}`
  }
}

/** What the system refuses becomes an error that says what was being done, and where. */
export const failing =
  (operation: string, path: string) =>
  <A, R>(effect: Effect.Effect<A, NodeJS.ErrnoException, R>): Effect.Effect<A, ExtractsError, R> =>
    Effect.mapError(
      effect,
      (cause) => new ExtractsError({ operation, path, code: cause.code ?? "unknown", cause })
    )

/** The same of what the system is asked in `body`. */
export const attempt = <A>(operation: string, path: string, body: () => A): Effect.Effect<A, ExtractsError> =>
  Effect.try({ try: body, catch: (cause) => cause as NodeJS.ErrnoException }).pipe(failing(operation, path))

/** Where an extraction works. Both directories are empty, of mode 0700 and on the file system of the extracts. */
export interface Workplace {
  /** Becomes the published root. */
  readonly root: string
  /** For what is in the making beside the root; removed at the end. */
  readonly stage: string
  /** Begins to flush what is there already, and does not wait: what is written meanwhile is all that is left for the end. */
  readonly flushAhead: Effect.Effect<void, never, Scope.Scope>
  /** Has `from`, which is in `stage`, moved to `to` when all is flushed and before the root appears. */
  readonly keep: (from: string, to: string) => void
}

export interface ExtractsService {
  readonly directory: string
  /** Where the root of a layer chain is, or will be. */
  readonly rootDirectory: (chainId: Digest) => string
  readonly isExtracted: (chainId: Digest) => Effect.Effect<boolean>
  /**
   * Has `use` fill a root, flushes it and publishes it; `none`, at once, where it is there already. Of several at a
   * time for one chain, the others wait. Failure, interruption and defects leave nothing. The scope of `use` closes
   * when all is published.
   */
  readonly publish: <A, E, R>(
    chainId: Digest,
    use: (workplace: Workplace) => Effect.Effect<A, E, R>
  ) => Effect.Effect<Option.Option<A>, E | ExtractsError, Exclude<R, Scope.Scope>>
  /** Takes a root away: out of `dirs` by one rename, then removed. False where there was none. */
  readonly discard: (chainId: Digest) => Effect.Effect<boolean, ExtractsError>
  /** Removes what dead processes left in `tmp`, and says how many there were. Living ones are not disturbed. */
  readonly sweep: Effect.Effect<number, ExtractsError>
  /** Keeps an image config; whoever calls has checked its digest. Returns its path. */
  readonly writeConfig: (digest: Digest, bytes: Uint8Array) => Effect.Effect<string, ExtractsError>
  /** Points the name's `config` and `rootfs` links, each replaced atomically. Returns their directory. */
  readonly linkName: (
    name: ImageName,
    to: { readonly configDigest: Digest; readonly chainId: Digest }
  ) => Effect.Effect<string, ExtractsError>
  /**
   * Has `fill` make what every start of an image's service copies (`RootTemplate`), in the empty directory that it is
   * given, and puts it at `path` in place of all that its parent holds. It is flushed before it appears.
   */
  readonly template: <E, R>(
    path: string,
    fill: (directory: string) => Effect.Effect<void, E, R>
  ) => Effect.Effect<void, E | ExtractsError, Exclude<R, Scope.Scope>>
}

/** Where the root of a chain is below an extracts directory: for who needs no more than that. */
export const rootDirectory = (directory: string, chainId: Digest): string =>
  `${directory}/${ExtractsTree.rootOf(chainId)}`

/** Is it there? Of what only root may look into, `null`: who asks cannot tell. */
export const isThere = (path: string): boolean | null => {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined
  } catch (cause) {
    return Privileges.isDenied(cause) ? null : false
  }
}

export class Extracts extends Context.Tag("oci-systemd/Extracts")<Extracts, ExtractsService>() {
  /** Of this directory, which is made when something is written first. */
  static readonly layer = (directory: string): Layer.Layer<Extracts, never, NativeCalls> =>
    Layer.effect(
      Extracts,
      Effect.map(NativeCalls, (calls) => make(directory, calls))
    )
}

const make = (directory: string, calls: Calls): ExtractsService => {
  const at = (path: string): string => `${directory}/${path}`
  const rootOf = (chainId: Digest): string => rootDirectory(directory, chainId)

  const prepare = attempt("make the extracts directory", directory, () => {
    for (const [name, mode] of SUBDIRECTORIES) Durable.makeDirectory(at(name), mode)
  })

  const locked = (chainId: Digest): Effect.Effect<void, ExtractsError, Scope.Scope> => {
    const path = at(ExtractsTree.lockOf(chainId))
    return Claim.lockFile(calls, path).pipe(failing("take the lock", path))
  }

  const tmp = at(ExtractsTree.TMP)
  const temporary = Claim.temporaryDirectory(calls, tmp).pipe(failing("make a temporary directory", tmp))

  const removeAbandonedIn = (parent: string): Effect.Effect<number, ExtractsError> =>
    Effect.gen(function* () {
      const names = yield* attempt("list", parent, () => (existsSync(parent) ? readdirSync(parent) : []))
      const removed = yield* Effect.forEach(names, (name) =>
        Claim.removeAbandoned(calls, `${parent}/${name}`).pipe(failing("remove", `${parent}/${name}`))
      )
      return removed.filter((was) => was).length
    })

  const sweep = Effect.gen(function* () {
    yield* removeAbandonedIn(at(ExtractsTree.LOCKS))
    return yield* removeAbandonedIn(tmp)
  }).pipe(Effect.withSpan("Extracts.sweep"))

  /** Somebody's leftovers must not keep anybody from work. */
  const sweepIfPossible = sweep.pipe(Effect.catchAll((error) => Effect.logWarning(error.message)))

  return {
    directory,
    rootDirectory: rootOf,
    isExtracted: (chainId) => Effect.sync(() => existsSync(rootOf(chainId))),

    publish: Effect.fn("Extracts.publish")(function* (chainId, use) {
      const target = rootOf(chainId)
      // Also where nothing is to be made: whoever made it may have died right after.
      yield* sweepIfPossible
      if (existsSync(target)) return Option.none()
      yield* prepare
      return yield* Effect.scoped(
        Effect.gen(function* () {
          yield* locked(chainId)
          if (existsSync(target)) return Option.none()
          // Who held the lock may have died of it.
          yield* sweepIfPossible
          const { fd, path } = yield* temporary
          const kept: Array<readonly [from: string, to: string]> = []
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
              // Somebody's leftover: what nobody could read is made anew.
              if (existsSync(to)) renameSync(to, `${workplace.stage}/replaced-${index}`)
              renameSync(from, to)
            })
          }
          yield* attempt("publish the root", target, () => Durable.move(workplace.root, target))
          return Option.some(made)
        })
      )
    }),

    discard: Effect.fn("Extracts.discard")(function* (chainId) {
      const target = rootOf(chainId)
      if (!existsSync(target)) return false
      yield* prepare
      return yield* Effect.scoped(
        Effect.gen(function* () {
          yield* locked(chainId)
          if (!existsSync(target)) return false
          const { path } = yield* temporary
          yield* attempt("remove the root", target, () => Durable.move(target, `${path}/root`))
          return true
        })
      )
    }),

    sweep,

    writeConfig: Effect.fn("Extracts.writeConfig")(function* (digest, bytes) {
      const target = at(ExtractsTree.configOf(digest))
      if (existsSync(target)) return target
      yield* prepare
      return yield* Effect.scoped(
        Effect.gen(function* () {
          const { path } = yield* temporary
          yield* attempt("write the config", target, () => {
            writeFileSync(`${path}/config`, bytes, { mode: 0o644, flag: "wx", flush: true })
            Durable.makeDirectory(dirname(target), PUBLIC)
            Durable.move(`${path}/config`, target)
          })
          return target
        })
      )
    }),

    linkName: Effect.fn("Extracts.linkName")(function* (name, to) {
      const links = ExtractsTree.nameOf(name, sha256)
      const wanted = [
        [ExtractsTree.CONFIG_LINK, ExtractsTree.linkTarget(links, ExtractsTree.configOf(to.configDigest))],
        [ExtractsTree.ROOT_LINK, ExtractsTree.linkTarget(links, ExtractsTree.rootOf(to.chainId))]
      ] as const
      const wrong = wanted.filter(([link, target]) => !Durable.linkLeadsTo(at(`${links}/${link}`), target))
      if (wrong.length === 0) return at(links)
      yield* prepare
      return yield* Effect.scoped(
        Effect.gen(function* () {
          const { path } = yield* temporary
          yield* attempt("link the name", at(links), () => {
            for (const [link, target] of wrong) {
              symlinkSync(target, `${path}/${link}`)
              moveInto(at(links), `${path}/${link}`, link)
            }
          })
          return at(links)
        })
      )
    }),

    template: Effect.fn("Extracts.template")(function* (target, fill) {
      yield* prepare
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { fd, path } = yield* temporary
          const made = `${path}/new`
          yield* attempt("make a template", made, () => Durable.makeDirectory(made, PRIVATE))
          yield* fill(made)
          yield* calls.syncFileSystemWaiting(fd).pipe(failing("flush the template", made))
          yield* attempt("put the template in place", target, () => {
            const parent = dirname(target)
            Durable.makeDirectory(parent, PRIVATE)
            for (const old of readdirSync(parent)) renameSync(`${parent}/${old}`, `${path}/${old}`)
            Durable.move(made, target)
          })
        })
      )
    })
  }
}

/** A collection of garbage may remove the directory, as long as it is empty. */
const moveInto = (directory: string, from: string, name: string, attempts = 3): void => {
  Durable.makeDirectory(directory, PUBLIC)
  try {
    Durable.move(from, `${directory}/${name}`)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT" || attempts <= 1) throw cause
    moveInto(directory, from, name, attempts - 1)
  }
}

const PRIVATE = 0o700
const PUBLIC = 0o755

const SUBDIRECTORIES: ReadonlyArray<readonly [name: string, mode: number]> = [
  [ExtractsTree.DIRS, PRIVATE],
  [ExtractsTree.LAYERS, PRIVATE],
  [ExtractsTree.CONFIGS, PUBLIC],
  [ExtractsTree.NAMES, PUBLIC],
  [ExtractsTree.SCRATCH, PRIVATE],
  [ExtractsTree.TEMPLATES, PRIVATE],
  [ExtractsTree.LOCKS, PRIVATE],
  [ExtractsTree.TMP, PRIVATE]
]
