/**
 * The extracts directory: complete root filesystems by chain id, image configs by digest, and links to both by name.
 *
 * This module uses `node:fs` directly: locks, flushes and renames need descriptors, which the FileSystem service
 * keeps to itself.
 */

import { existsSync, readdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Digest } from "../../domain/document/Digest.ts"
import * as ExtractsTree from "../../domain/extracts/ExtractsTree.ts"
import type { ImageName } from "../../domain/naming/ImageName.ts"
import { PRIVATE, PUBLIC } from "../files/DirectoryMode.ts"
import * as Durable from "../files/Durable.ts"
import { type Calls, NativeCalls } from "../files/NativeCalls.ts"
import { sha256 } from "../layout/Blobs.ts"
import { ExtractsDirectory, isInPlace } from "./ExtractsDirectory.ts"
import { attempt, type ExtractsError, failing } from "./ExtractsError.ts"
import * as RootPublication from "./RootPublication.ts"

/** The functions of the service. */
export interface ExtractStoreService {
  readonly directory: string
  /** Returns the path of a layer chain's root, whether it exists or not. */
  readonly rootDirectory: (chainId: Digest) => string
  /** Whether the root of a layer chain exists. */
  readonly isExtracted: (chainId: Digest) => Effect.Effect<boolean>
  /**
   * Calls `use` to fill a root, flushes it and publishes it. Returns `none` at once if the root exists. If several
   * callers make the root of one chain, the others wait. Failure, interruption and defects leave nothing behind. The
   * scope of `use` closes after publication.
   */
  readonly publish: <A, E, R>(
    chainId: Digest,
    use: (workplace: RootPublication.Workplace) => Effect.Effect<A, E, R>
  ) => Effect.Effect<Option.Option<A>, E | ExtractsError, Exclude<R, Scope.Scope>>
  /**
   * Moves a root out of `roots` by one rename, and removes it. The result is false if there was none, or if `isDue` is
   * false, which is called while no other process can make or remove the root.
   */
  readonly discard: (chainId: Digest, isDue?: () => boolean) => Effect.Effect<boolean, ExtractsError>
  /**
   * Removes what dead processes left in `tmp`, and returns how many leftovers there were. Running processes are not
   * disturbed.
   */
  readonly sweep: Effect.Effect<number, ExtractsError>
  /** Stores an image config and returns its path. The caller has checked its digest. */
  readonly writeConfig: (digest: Digest, bytes: Uint8Array) => Effect.Effect<string, ExtractsError>
  /** Sets the `config` and `rootfs` links of a name, each replaced atomically. Returns their directory. */
  readonly linkName: (
    name: ImageName,
    to: { readonly configDigest: Digest; readonly chainId: Digest }
  ) => Effect.Effect<string, ExtractsError>
  /**
   * Calls `fill` to make a template (`RootTemplate`) in the empty directory that it gets, flushes it, and puts it at
   * `path` in place of everything in the parent directory.
   */
  readonly template: <E, R>(
    path: string,
    fill: (directory: string) => Effect.Effect<void, E, R>
  ) => Effect.Effect<void, E | ExtractsError, Exclude<R, Scope.Scope>>
}

/** Returns the path of a chain's root below an extracts directory, for callers without the service. */
export const rootDirectory = (directory: string, chainId: Digest): string =>
  `${directory}/${ExtractsTree.rootOf(chainId)}`

/** The service that keeps the extracts directory. */
export class ExtractStore extends Context.Tag("oci-systemd/ExtractStore")<
  ExtractStore,
  ExtractStoreService
>() {
  /** Makes the service for a directory, which is created on the first write. */
  static readonly layer = (directory: string): Layer.Layer<ExtractStore, never, NativeCalls> =>
    Layer.effect(
      ExtractStore,
      Effect.map(NativeCalls, (calls) => make(directory, calls))
    )
}

const make = (directory: string, calls: Calls): ExtractStoreService => {
  const extracts = new ExtractsDirectory(directory, calls)
  return {
    directory,
    rootDirectory: (chainId) => rootDirectory(directory, chainId),
    isExtracted: (chainId) => Effect.sync(() => isInPlace(rootDirectory(directory, chainId))),
    publish: (chainId, use) =>
      RootPublication.publish(extracts, chainId, use).pipe(Effect.withSpan("ExtractStore.publish")),
    discard: (chainId, isDue = () => true) =>
      RootPublication.discard(extracts, chainId, isDue).pipe(Effect.withSpan("ExtractStore.discard")),
    sweep: extracts.sweep.pipe(Effect.withSpan("ExtractStore.sweep")),
    writeConfig: Effect.fn("ExtractStore.writeConfig")((digest, bytes) =>
      writeConfig(extracts, digest, bytes)
    ),
    linkName: Effect.fn("ExtractStore.linkName")((name, to) => linkName(extracts, name, to)),
    template: (target, fill) =>
      template(extracts, target, fill).pipe(Effect.withSpan("ExtractStore.template"))
  }
}

const writeConfig = (
  extracts: ExtractsDirectory,
  digest: Digest,
  bytes: Uint8Array
): Effect.Effect<string, ExtractsError> => {
  const target = extracts.at(ExtractsTree.configOf(digest))
  if (existsSync(target)) return Effect.succeed(target)
  return extracts.inTemporary(({ path }) =>
    attempt("write the config", target, () => {
      writeFileSync(`${path}/config`, bytes, { mode: 0o644, flag: "wx", flush: true })
      Durable.makeDirectory(dirname(target), PUBLIC)
      Durable.move(`${path}/config`, target)
      return target
    })
  )
}

const linkName = (
  extracts: ExtractsDirectory,
  name: ImageName,
  to: { readonly configDigest: Digest; readonly chainId: Digest }
): Effect.Effect<string, ExtractsError> => {
  const links = ExtractsTree.nameOf(name, sha256)
  const directory = extracts.at(links)
  const wanted = [
    [ExtractsTree.CONFIG_LINK, ExtractsTree.linkTarget(links, ExtractsTree.configOf(to.configDigest))],
    [ExtractsTree.ROOT_LINK, ExtractsTree.linkTarget(links, ExtractsTree.rootOf(to.chainId))]
  ] as const
  const wrong = wanted.filter(([link, target]) => !Durable.linkLeadsTo(`${directory}/${link}`, target))
  if (wrong.length === 0) return Effect.succeed(directory)
  return extracts.inTemporary(({ path }) =>
    attempt("link the name", directory, () => {
      for (const [link, target] of wrong) {
        symlinkSync(target, `${path}/${link}`)
        moveInto(directory, `${path}/${link}`, link)
      }
      return directory
    })
  )
}

const template = <E, R>(
  extracts: ExtractsDirectory,
  target: string,
  fill: (directory: string) => Effect.Effect<void, E, R>
): Effect.Effect<void, E | ExtractsError, Exclude<R, Scope.Scope>> =>
  extracts.inTemporary(({ fd, path }) =>
    Effect.gen(function* () {
      const made = `${path}/new`
      yield* attempt("make a template", made, () => Durable.makeDirectory(made, PRIVATE))
      yield* fill(made)
      yield* extracts.calls.syncFileSystemWaiting(fd).pipe(failing("flush the template", made))
      yield* attempt("put the template in place", target, () => {
        const parent = dirname(target)
        Durable.makeDirectory(parent, PRIVATE)
        for (const old of readdirSync(parent)) renameSync(`${parent}/${old}`, `${path}/${old}`)
        Durable.move(made, target)
      })
    })
  )

/**
 * Moves a file into a directory. Garbage collection may remove the directory while it is empty, so this tries again.
 */
const moveInto = (directory: string, from: string, name: string, attempts = 3): void => {
  Durable.makeDirectory(directory, PUBLIC)
  try {
    Durable.move(from, `${directory}/${name}`)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT" || attempts <= 1) throw cause
    moveInto(directory, from, name, attempts - 1)
  }
}
