/** Counts what a layer holds while it is read, and refuses more than is allowed. */
import type { LayerEntry } from "../../domain/archive/LayerEntry.ts"
import { type LayerLimits, LIMITS, RATIO_COUNTS_FROM } from "../../domain/archive/LayerLimits.ts"
import { LayerLimitExceeded } from "./LayerError.ts"

/** The counters of one layer. Its methods throw `LayerLimitExceeded`. */
export class LayerMeter {
  /** Entries so far. */
  entries = 0
  /** Uncompressed bytes so far. */
  bytes = 0
  #metadata = 0
  readonly #layer: string
  readonly #limits: LayerLimits

  /** `layer` names the layer in errors. */
  constructor(layer: string, limits: Partial<LayerLimits> = {}) {
    this.#layer = layer
    this.#limits = { ...LIMITS, ...limits }
  }

  /** Counts uncompressed bytes. `read` compressed bytes were read so far. */
  grow(length: number, read: number): void {
    this.bytes += length
    if (this.bytes > this.#limits.bytes) throw this.#exceeded("bytes")
    if (this.bytes > RATIO_COUNTS_FROM && this.bytes > read * this.#limits.ratio)
      throw this.#exceeded("ratio")
  }

  /** Counts an entry. */
  enter(entry: LayerEntry): void {
    if (++this.entries > this.#limits.entries) throw this.#exceeded("entries")
    this.#metadata += metadataBytes(entry)
    if (this.#metadata > this.#limits.metadata) throw this.#exceeded("metadata")
  }

  #exceeded(limit: keyof LayerLimits): LayerLimitExceeded {
    return new LayerLimitExceeded({ layer: this.#layer, limit, allowed: this.#limits[limit] })
  }
}

const metadataBytes = (entry: LayerEntry): number => {
  let bytes = entry.path.length
  if (entry._tag === "Hardlink") return bytes + entry.target.length
  if (entry._tag === "Symlink") bytes += entry.target.length
  if (entry._tag === "File") bytes += RUN_NUMBER * (entry.content.runs?.length ?? 0)
  for (const [name, value] of entry.metadata.xattrs) bytes += name.length + value.length
  return bytes
}

/** Bytes of one number of a sparse file's map. */
const RUN_NUMBER = 8
