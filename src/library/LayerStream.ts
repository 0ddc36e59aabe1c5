/** Layers as streams of Effect. It is a module of its own, because Effect's streams take a while to load. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { LayerError } from "../services/layer/LayerError.ts"
import { isLayerError } from "../services/layer/LayerError.ts"
import * as LayerReader from "../services/layer/LayerReader.ts"

/**
 * The members of a layer, see `Layer.read`. The stream fails with the errors of the layer; what the source throws is a
 * defect. It ends only if everything was verified that `options` name.
 */
export const read = (
  source: LayerReader.ByteSource,
  options: LayerReader.ReadOptions
): Stream.Stream<LayerReader.Member, LayerError | LayerReader.LayerTypeUnknown> =>
  failing(Stream.fromAsyncIterable(LayerReader.read(source, options), (cause) => cause))

/** The data of a member, which is read before the next member is. */
export const data = (member: LayerReader.Member): Stream.Stream<Uint8Array, LayerError> =>
  failing(Stream.fromAsyncIterable(member.data, (cause) => cause))

const failing = <A, E>(stream: Stream.Stream<A, unknown>): Stream.Stream<A, E> =>
  Stream.catchAll(stream, (cause) =>
    isLayerError(cause) || cause instanceof LayerReader.LayerTypeUnknown
      ? Stream.fail(cause as E)
      : Stream.fromEffect(Effect.die(cause))
  )
