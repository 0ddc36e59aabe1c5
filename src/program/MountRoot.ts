/** Mounts the root of an image at a directory of the caller's choice, to look at it or to copy from it. */
import * as Effect from "effect/Effect"
import { ExtractStore } from "../services/extracts/ExtractStore.ts"
import { NativeCalls } from "../services/files/NativeCalls.ts"
import * as GivenMount from "../services/root/GivenMount.ts"
import { MountedRoots } from "../services/root/MountedRoots.ts"
import { type CatalogImage, nameOf } from "./Catalog.ts"
import * as Extract from "./Extract.ts"
import { ExtractFailed } from "./ExtractFailed.ts"

export { PlaceUnfit } from "../services/root/GivenMount.ts"

/**
 * Mounts the root of an image, read-only, at an existing empty directory. The image is extracted first if need be. It may
 * be for any platform, and need not have a command. While the root is mounted there, `gc` keeps it.
 */
export const mount = (image: CatalogImage, directory: string, options: Extract.RootOptions = {}) =>
  Effect.gen(function* () {
    yield* GivenMount.requireEmpty(directory)
    const calls = yield* NativeCalls
    const { ensure, placeOf } = yield* MountedRoots
    const { discard } = yield* ExtractStore
    const published = yield* Extract.root(image, options)
    const { chainId } = published.resolved
    const ready = yield* ensure(chainId).pipe(
      Effect.as(published),
      Effect.catchTag("ImageNotMounted", () =>
        Effect.gen(function* () {
          yield* discard(chainId)
          const again = yield* Extract.root(image, options)
          yield* ensure(chainId)
          return again
        })
      ),
      Effect.mapError((cause) =>
        cause instanceof ExtractFailed ? cause : new ExtractFailed({ image: nameOf(image), cause })
      )
    )
    yield* GivenMount.bind(calls, placeOf(chainId), directory)
    return ready
  })

/** Unmounts the root of an image at a directory. */
export const unmount = (directory: string) =>
  Effect.flatMap(NativeCalls, (calls) => GivenMount.unmount(calls, directory))
