/**
 * Roots that are EROFS images. Such a root is a link in `roots` to the place in the image's own directory where the image
 * is mounted, so that a root has one path whichever kind it is.
 *
 * The place lies in the extracts directory, and not below /run, so that systemd unmounts it before the file system that
 * holds the image and its layers. A mount is made when a root is needed first after a boot, and stays: the services
 * of an image, and of all images with equal layers, share it. To remove a root, its link is moved away before it is
 * unmounted, so that no start finds the empty place instead.
 */
import * as fs from "node:fs"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { type Digest, encoded } from "../../domain/document/Digest.ts"
import { ErofsUnfit } from "../../domain/erofs/ErofsUnfit.ts"
import * as ExtractsTree from "../../domain/extracts/ExtractsTree.ts"
import type { RootTree } from "../../domain/root/RootTree.ts"
import { attempt, type ExtractsError, failing } from "../extracts/ExtractsError.ts"
import * as MountProbe from "../extracts/MountProbe.ts"
import type { Workplace } from "../extracts/RootPublication.ts"
import { PRIVATE } from "../files/DirectoryMode.ts"
import * as Durable from "../files/Durable.ts"
import * as FileLock from "../files/FileLock.ts"
import { MountRefused } from "../files/MountCalls.ts"
import { type Calls, NativeCalls } from "../files/NativeCalls.ts"
import * as RootMount from "../files/RootMount.ts"
import * as RootImages from "./RootImages.ts"

/** A root cannot be mounted from its image; `reason` is the kernel's or this program's. */
export class ImageNotMounted extends Data.TaggedError("ImageNotMounted")<{
  readonly path: string
  readonly reason: string
}> {
  override get message(): string {
    return `the root ${this.path} cannot be mounted from an image: ${this.reason}`
  }
}

export interface ImageLayer {
  readonly diffId: Digest
  /** Where its archive is now; later it is where `ExtractsTree` says. */
  readonly archive: string
}

/** Makes the image of a root, mounts it at its place, and says whether this machine can. */
export class MountedRoots extends Context.Tag("oci-systemd/MountedRoots")<
  MountedRoots,
  {
    /**
     * Makes the image of a tree in the workplace, tries whether the kernel mounts it, and has it published as the root.
     * Fails with the reason where it cannot be mounted: then nothing of it is kept.
     */
    readonly make: (
      chainId: Digest,
      tree: RootTree,
      layers: ReadonlyArray<ImageLayer>,
      workplace: Workplace
    ) => Effect.Effect<void, ImageNotMounted | ExtractsError>
    /** Returns where the root of a chain can be read once it is mounted. */
    readonly placeOf: (chainId: Digest) => string
    /** Whether the root of a chain is there, and is an image. */
    readonly isImage: (chainId: Digest) => boolean
    /**
     * Calls `use` with a path at which the root of a chain can be read. A root that is an image and is not mounted is mounted
     * for this process alone, at no place: `use` gets a path of its descriptor.
     */
    readonly read: <A, E, R>(
      chainId: Digest,
      use: (path: string) => Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E | ImageNotMounted | ExtractsError, R>
    /** Mounts the root of a chain where services find it, unless it is mounted or is a directory of its own. */
    readonly ensure: (chainId: Digest) => Effect.Effect<void, ImageNotMounted | ExtractsError>
  }
>() {
  /** Provides the service for an extracts directory. */
  static readonly layer = (directory: string): Layer.Layer<MountedRoots, never, NativeCalls> =>
    Layer.effect(
      MountedRoots,
      Effect.map(NativeCalls, (calls) => make(directory, calls))
    )
}

const make = (extracts: string, calls: Calls): MountedRoots["Type"] => {
  const places = new Places(extracts)
  const whyNoMounts = MountProbe.remembering(calls.mounts)
  return {
    isImage: (chainId) => places.isImage(chainId),
    placeOf: (chainId) => places.readable(chainId),
    make: Effect.fn("MountedRoots.make")(function* (chainId, tree, layers, workplace) {
      yield* requireMounts(places, whyNoMounts, chainId, workplace)
      const image = yield* writeImage(places, chainId, tree, layers, workplace)
      fs.closeSync(yield* mountNowhere(places, calls, chainId, image))
      yield* makeLink(chainId, image.directory, workplace)
      workplace.keep(image.directory, places.image(chainId))
    }),
    read: (chainId, use) =>
      Effect.flatMap(isReady(places, chainId), (ready) =>
        ready
          ? use(places.readable(chainId))
          : Effect.acquireUseRelease(
              mountNowhere(places, calls, chainId, published(places, chainId)),
              // With the dot it is a directory, and not the link that the descriptor is.
              (mount) => use(`/proc/self/fd/${mount}/.`),
              (mount) => Effect.sync(() => fs.closeSync(mount))
            )
      ),
    ensure: Effect.fn("MountedRoots.ensure")(function* (chainId) {
      if (yield* isReady(places, chainId)) return
      yield* Effect.scoped(mountInPlace(places, calls, chainId))
    })
  }
}

/** Where the root of a layer chain, its image and the place of its mount lie. */
class Places {
  readonly #extracts: string

  constructor(extracts: string) {
    this.#extracts = extracts
  }

  root(chainId: Digest): string {
    return `${this.#extracts}/${ExtractsTree.rootOf(chainId)}`
  }

  image(chainId: Digest): string {
    return `${this.#extracts}/${ExtractsTree.rootImageOf(chainId)}`
  }

  mount(chainId: Digest): string {
    return ExtractsTree.mountOf(this.image(chainId))
  }

  isImage(chainId: Digest): boolean {
    return fs.lstatSync(this.root(chainId), { throwIfNoEntry: false })?.isSymbolicLink() === true
  }

  /** The path at which a root of either kind can be read, once it is mounted. */
  readable(chainId: Digest): string {
    return this.isImage(chainId) ? this.mount(chainId) : this.root(chainId)
  }

  unfit(chainId: Digest, reason: string): ImageNotMounted {
    return new ImageNotMounted({ path: this.root(chainId), reason })
  }
}

/** An image that is complete in its directory, with the paths of its devices. */
interface WrittenImage {
  readonly directory: string
  readonly devices: () => ReadonlyArray<string>
}

const published = (places: Places, chainId: Digest): WrittenImage => {
  const directory = places.image(chainId)
  return { directory, devices: () => RootImages.devicesIn(directory) }
}

/** Whether the root can be read at its path: it is a directory of its own, or it is mounted. */
const isReady = (places: Places, chainId: Digest): Effect.Effect<boolean, ExtractsError> =>
  attempt(
    "look at the root",
    places.root(chainId),
    () => !places.isImage(chainId) || RootMount.isMounted(places.mount(chainId))
  )

/** Fails with the reason where this machine cannot mount an image. */
const requireMounts = (
  places: Places,
  whyNoMounts: (directory: string) => string | undefined,
  chainId: Digest,
  { stage }: Workplace
): Effect.Effect<void, ImageNotMounted | ExtractsError> =>
  Effect.flatMap(
    attempt("try a mount", stage, () => whyNoMounts(stage)),
    (whyNot) => (whyNot === undefined ? Effect.void : places.unfit(chainId, whyNot))
  )

/** Writes the image of a tree to a directory of the workplace. Its links lead from where the image will be kept. */
const writeImage = (
  places: Places,
  chainId: Digest,
  tree: RootTree,
  layers: ReadonlyArray<ImageLayer>,
  workplace: Workplace
): Effect.Effect<WrittenImage, ImageNotMounted | ExtractsError> =>
  Effect.gen(function* () {
    const directory = `${workplace.stage}/image`
    yield* attempt("make a directory", directory, () => Durable.makeDirectory(directory, PRIVATE))
    const devices = yield* attempt("look at the layers", directory, () =>
      layers.map(({ archive, diffId }) => ({
        archive,
        diffId: encoded(diffId),
        link: ExtractsTree.linkTarget(ExtractsTree.rootImageOf(chainId), ExtractsTree.layerOf(diffId)),
        size: fs.statSync(archive).size
      }))
    )
    yield* RootImages.write(directory, tree, devices).pipe(
      Effect.catchAll(
        (cause): Effect.Effect<never, ImageNotMounted | ExtractsError> =>
          cause instanceof ErofsUnfit
            ? Effect.fail(places.unfit(chainId, cause.message))
            : Effect.fail(cause).pipe(failing("write the image", directory))
      )
    )
    const data = `${directory}/${RootImages.DATA}`
    const paths = [...layers.map(({ archive }) => archive), ...(fs.existsSync(data) ? [data] : [])]
    return { directory, devices: () => paths }
  })

/** Puts a link to the image's mount in the place of the root, and makes the directory that the image is mounted on. */
const makeLink = (chainId: Digest, image: string, workplace: Workplace): Effect.Effect<void, ExtractsError> =>
  attempt("make the root", workplace.root, () => {
    Durable.makeDirectory(ExtractsTree.mountOf(image), PRIVATE)
    const root = ExtractsTree.rootOf(chainId)
    const link = ExtractsTree.linkTarget(
      root.slice(0, root.lastIndexOf("/")),
      ExtractsTree.mountOf(ExtractsTree.rootImageOf(chainId))
    )
    fs.rmdirSync(workplace.root)
    fs.symlinkSync(link, workplace.root)
  })

/** Mounts an image at no place and returns a descriptor, whose closing unmounts it. */
const mountNowhere = (
  places: Places,
  calls: Calls,
  chainId: Digest,
  { devices, directory }: WrittenImage
): Effect.Effect<number, ImageNotMounted> =>
  Effect.try({
    try: () => RootImages.open(calls.mounts, `${directory}/${RootImages.IMAGE}`, devices()),
    catch: (cause) => {
      if (cause instanceof MountRefused || isSystemError(cause)) return places.unfit(chainId, cause.message)
      throw cause
    }
  })

/** Mounts the image of a root where services find it, unless another process did so first. */
const mountInPlace = (
  places: Places,
  calls: Calls,
  chainId: Digest
): Effect.Effect<void, ImageNotMounted | ExtractsError, Scope.Scope> =>
  Effect.gen(function* () {
    const image = places.image(chainId)
    yield* FileLock.lockDirectory(calls, image).pipe(failing("take the lock", image))
    if (yield* isReady(places, chainId)) return
    const mount = yield* mountNowhere(places, calls, chainId, published(places, chainId))
    yield* attempt("mount the root", places.mount(chainId), () => {
      try {
        calls.mounts.attach(mount, places.mount(chainId))
      } finally {
        fs.closeSync(mount)
      }
    })
  })

const isSystemError = (cause: unknown): cause is NodeJS.ErrnoException =>
  cause instanceof Error && (cause as NodeJS.ErrnoException).code !== undefined
