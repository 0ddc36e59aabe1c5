/**
 * Writes an image's root filesystem into a plain directory of the caller's choice, which shares nothing with
 * other roots.
 */
import * as Effect from "effect/Effect"
import type { Digest } from "../domain/document/Digest.ts"
import { ExtractionEvent } from "../domain/extracts/ExtractionEvent.ts"
import type { ResolvedImage } from "../domain/image/ResolvedImage.ts"
import * as LayerNotice from "../domain/layer/LayerNotice.ts"
import * as SystemSettings from "../domain/settings/SystemSettings.ts"
import * as GivenDirectory from "../services/files/GivenDirectory.ts"
import type { MissingPrivilege } from "../services/files/MissingPrivileges.ts"
import { NativeCalls } from "../services/files/NativeCalls.ts"
import * as TemporaryDirectory from "../services/files/TemporaryDirectory.ts"
import { LayerArchive } from "../services/layer/LayerArchive.ts"
import * as LayerIntake from "../services/layer/LayerIntake.ts"
import * as LayerSource from "../services/layer/LayerSource.ts"
import { RootWriter } from "../services/root/RootWriter.ts"
import type { CatalogImage } from "./Catalog.ts"
import * as Extract from "./Extract.ts"

/** A root in a directory of the caller's choice. */
export interface Unpacked {
  readonly resolved: ResolvedImage
  /** The directory. */
  readonly root: string
  /** What is odd about the layers, one sentence each. */
  readonly notices: readonly string[]
  /** What could not be done without privileges; empty for root. */
  readonly missingPrivileges: ReadonlyArray<MissingPrivilege>
}

/**
 * Writes the root of an image to `directory`, which is empty or missing. The image may be for any platform, and
 * needs no command. All layers are verified before the first name appears; failure and interruption leave the
 * directory as it was. Returns what was not possible without privileges, and notices about the layers.
 */
export const unpack = (image: CatalogImage, directory: string, options: Extract.RootOptions = {}) =>
  Effect.gen(function* () {
    const resolved = yield* image.resolve(options.platform)
    return yield* Effect.acquireUseRelease(
      GivenDirectory.claim(directory),
      () => Effect.scoped(fill(image, resolved, directory, options)),
      (isOurs, exit) => (exit._tag === "Success" ? Effect.void : GivenDirectory.clear(directory, isOurs))
    )
  }).pipe(Extract.failingFor(image))

const fill = (
  image: CatalogImage,
  resolved: ResolvedImage,
  directory: string,
  options: Extract.RootOptions
) =>
  Effect.gen(function* () {
    const calls = yield* NativeCalls
    const { write } = yield* RootWriter
    const { archives, tree, notices } = yield* Effect.scoped(read(image, resolved, directory, options)).pipe(
      Effect.flatMap((layers) =>
        Effect.as(
          Effect.addFinalizer(() => GivenDirectory.closeAll(layers.archives)),
          layers
        )
      )
    )
    yield* Extract.tellOfNotices(notices)
    const { shortfalls } = yield* write(
      directory,
      Extract.stepsOf(image, tree, options),
      archives.map((fd) => `/proc/self/fd/${fd}`)
    )
    yield* GivenDirectory.flush(calls, directory)
    options.onEvent?.(ExtractionEvent.Published({ image: image.context.name, root: directory, found: false }))
    const unpacked: Unpacked = {
      resolved,
      root: directory,
      notices: notices.map(LayerNotice.render),
      missingPrivileges: shortfalls
    }
    return unpacked
  })

/** Returns the tree and the open archives of its layers, whose directory is already removed. */
const read = (
  image: CatalogImage,
  resolved: ResolvedImage,
  directory: string,
  options: Extract.RootOptions
) =>
  Effect.gen(function* () {
    const { stage } = yield* LayerArchive
    const temporary = yield* TemporaryDirectory.make(directory)
    const { layers } = resolved.manifest
    const diffIds: ReadonlyArray<Digest> = resolved.config.rootfs.diff_ids
    const { name, system } = image.context
    options.onEvent?.(ExtractionEvent.Begun({ image: name, layers }))
    const places = yield* Effect.forEach(
      layers,
      (descriptor, layer) =>
        Effect.gen(function* () {
          const place = yield* TemporaryDirectory.below(temporary, `${layer}`)
          const staged = yield* stage({
            ...LayerSource.of(image.layoutPath, descriptor, diffIds[layer] ?? descriptor.digest),
            directory: place,
            limits: { ...SystemSettings.layerLimits(system), ...options.limits },
            onProgress: (progress) =>
              options.onEvent?.(ExtractionEvent.LayerRead({ image: name, layer, ...progress }))
          })
          options.onEvent?.(ExtractionEvent.LayerReady({ image: name, layer, found: false, ...staged }))
          return place
        }),
      // `LayerArchive` limits the number of threads.
      { concurrency: "unbounded" }
    )
    const { notices, tree } = yield* Extract.merge(
      places.map((place) => ({ listing: LayerIntake.listingPath(place) })),
      layers.map(({ digest }) => digest),
      { ...options, treeLimits: { ...SystemSettings.mergeLimits(system), ...options.treeLimits } }
    )
    const archives = yield* GivenDirectory.openAll(places.map(LayerIntake.archivePath), directory)
    return { archives, notices, tree }
  })

export { DirectoryUnfit } from "../services/files/GivenDirectory.ts"
