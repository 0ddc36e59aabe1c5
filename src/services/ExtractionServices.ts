/** The layer of all services that extraction needs. Native code is loaded when the layer is built, and not before. */
import { existsSync } from "node:fs"
import * as Layer from "effect/Layer"
import { ExtractStore } from "./extracts/ExtractStore.ts"
import { NativeCalls } from "./files/NativeCalls.ts"
import { LayerArchive } from "./layer/LayerArchive.ts"
import { LayerStore } from "./layer/LayerStore.ts"
import { MountedRoots } from "./root/MountedRoots.ts"
import { RootWriter } from "./root/RootWriter.ts"

/** Makes the layer for an extracts directory. `workerFile` is the program of the threads that read layers. */
export const layer = (extractsdir: string, workerFile: string | undefined = besideThis()) =>
  over(extractsdir, LayerArchive.layer(workerFile), NativeCalls.layer)

/** Makes the same layer with a reader of layers and with native calls of the caller's choice. */
export const over = <E>(
  extractsdir: string,
  stage: Layer.Layer<LayerArchive>,
  calls: Layer.Layer<NativeCalls, E>
): Layer.Layer<LayerStore | RootWriter | ExtractStore | MountedRoots | LayerArchive | NativeCalls, E> =>
  Layer.mergeAll(
    LayerStore.layer(extractsdir),
    RootWriter.layer,
    ExtractStore.layer(extractsdir),
    MountedRoots.layer(extractsdir)
  ).pipe(Layer.provideMerge(stage), Layer.provideMerge(calls))

/** The services that the library's effects need, which the layer provides. */
export type ExtractionServices = Layer.Layer.Success<ReturnType<typeof layer>>

/**
 * Returns the program of the threads, which the build puts beside the other programs. Programs that run from their
 * sources have none, and do without threads.
 */
const besideThis = (): string | undefined => {
  const file = `${import.meta.dirname}/layer-worker.cjs`
  return existsSync(file) ? file : undefined
}
