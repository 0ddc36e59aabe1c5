/**
 * The services that the library's effects need, as tags. A program replaces one with a layer of its own; a test stubs one
 * with `layerNoop`, or has all of them in a temporary directory with `layerTest`.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ExtractionServices from "../services/ExtractionServices.ts"
import * as TemporaryDirectory from "../services/files/TemporaryDirectory.ts"

export { ExtractStore, type ExtractStoreService } from "../services/extracts/ExtractStore.ts"
export type { Workplace } from "../services/extracts/RootPublication.ts"
export type { MountCalls } from "../services/files/MountCalls.ts"
export { type Calls, NativeCalls } from "../services/files/NativeCalls.ts"
export { Layouts } from "../services/Layouts.ts"
export { LayerArchive } from "../services/layer/LayerArchive.ts"
export type { Progress, Request, StagedLayer } from "../services/layer/LayerIntake.ts"
export { LayerStore, type StoredLayer } from "../services/layer/LayerStore.ts"
export type { LayoutReader } from "../services/layout/LayoutReader.ts"
export { MountedRoots } from "../services/root/MountedRoots.ts"
export { RootWriter, type Writer } from "../services/root/RootWriter.ts"
export { Settings } from "../services/Settings.ts"

/**
 * Provides a service with these members alone, for tests: everything else of it is a defect that names what was used.
 *
 *     layerNoop(LayerArchive, { stage: () => Effect.succeed({ entries: 1, bytes: 1024 }) })
 */
export const layerNoop = <Id, Service extends object>(
  tag: Context.Tag<Id, Service>,
  members: Partial<Service> = {}
): Layer.Layer<Id> =>
  Layer.succeed(
    tag,
    new Proxy(members as Service, {
      get: (given, name) => Reflect.get(given, name) ?? unused(`${tag.key}.${String(name)}`)
    })
  )

/** Stands for a function, and for an effect: some members of services are no functions. */
const unused = (name: string): unknown => {
  const defect = new Error(`${name} was used, and this test provides none`)
  const fail = () => {
    throw defect
  }
  return Object.assign(fail, { [Symbol.iterator]: () => Effect.die(defect)[Symbol.iterator]() })
}

/** Provides all services of extraction, with their extracts in a temporary directory that is removed at the end. */
export const layerTest = Layer.unwrapScoped(
  Effect.map(TemporaryDirectory.make(), (directory) => ExtractionServices.layer(`${directory}/extracts`))
)
