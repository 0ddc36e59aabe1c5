/** All that extraction needs, put together: native code is loaded with it, and not before. */
import { existsSync } from "node:fs"
import * as Layer from "effect/Layer"
import { Extracts } from "./Extracts.ts"
import { LayerStage } from "./LayerStage.ts"
import { LayerStore } from "./layer/LayerStore.ts"
import { NativeCalls } from "./files/NativeCalls.ts"
import { RootWriter } from "./root/RootWriter.ts"

/** For this extracts directory. */
export const layer = (extractsdir: string) =>
  Layer.mergeAll(LayerStore.layer(extractsdir), RootWriter.layer, Extracts.layer(extractsdir)).pipe(
    Layer.provideMerge(LayerStage.layer(workerFile())),
    Layer.provideMerge(NativeCalls.layer)
  )

/** What effects of the library ask for, and the layer gives. */
export type ExtractionServices = Layer.Layer.Success<ReturnType<typeof layer>>

/** Built beside the programs and the library; run from their sources, they have none and do without. */
const workerFile = (): string | undefined => {
  const file = `${import.meta.dirname}/layer-worker.cjs`
  return existsSync(file) ? file : undefined
}
