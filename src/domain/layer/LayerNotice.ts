/**
 * What is odd about a layer but no error, counted: a layer may hold a million entries of one oddity, and people want
 * to read one line.
 */
import * as Data from "effect/Data"
import { type ByteString, display } from "../text/ByteString.ts"
import { show } from "./LayerPath.ts"
import type { DropReason } from "./LayerXattrs.ts"

/** `path` is the first entry's as the archive has it, `count` how many entries there were. */
export type LayerNotice = Data.TaggedEnum<{
  /** Brought what another entry of the same layer had brought: the last one won. `--strict` refuses these. */
  DuplicateEntry: { readonly layer: number; readonly path: ByteString; readonly count: number }
  /** A character device 0:0: overlayfs's own whiteout, which an OCI layer does not use. Kept as a node. */
  WhiteoutDevice: { readonly layer: number; readonly path: ByteString; readonly count: number }
  /** An extended attribute that is not put into the root. `name` is the first one. */
  DroppedXattr: {
    readonly layer: number
    readonly path: ByteString
    readonly name: ByteString
    readonly reason: DropReason
    readonly count: number
  }
}>
/** Constructors, and `$is` and `$match`. */
export const LayerNotice = Data.taggedEnum<LayerNotice>()

/** One lower-case sentence. */
export const render = (notice: LayerNotice): string =>
  `layer ${notice.layer}: ${LayerNotice.$match(notice, {
    DuplicateEntry: ({ path, count }) => `${entries(count)} replaced by a later one, first "${show(path)}"`,
    WhiteoutDevice: ({ path, count }) =>
      `${entries(count)} a character device 0:0, kept as it is, first "${show(path)}"`,
    DroppedXattr: ({ path, name, reason, count }) =>
      `extended attribute "${display(name)}" of "${show(path)}" left out${count > 1 ? ` (and ${count - 1} more)` : ""}: ${REASONS[reason]}`
  })}`

const entries = (count: number) => (count === 1 ? "1 entry is" : `${count} entries are`)

const REASONS: Record<DropReason, string> = {
  overlay: "it would speak to the overlay mount above the root",
  selinux: "labels are the host's",
  unsupported: "Linux has user attributes on files and directories only"
}

/** Collects one layer's notices; owned by the fold. @internal */
export class LayerNotices {
  readonly #layer: number
  readonly #seen = new Map<string, { path: ByteString; count: number; name: ByteString | undefined }>()

  constructor(layer: number) {
    this.#layer = layer
  }

  /** Two entries for one path. */
  duplicate(path: ByteString): void {
    this.#count("DuplicateEntry", path)
  }

  /** A device 0:0. */
  whiteoutDevice(path: ByteString): void {
    this.#count("WhiteoutDevice", path)
  }

  /** An attribute that is left out. */
  droppedXattr(path: ByteString, name: ByteString, reason: DropReason): void {
    this.#count(reason, path, name)
  }

  /** In the order in which each first came up. */
  toArray(): ReadonlyArray<LayerNotice> {
    const layer = this.#layer
    return [...this.#seen].map(([kind, { path, count, name }]) => {
      if (kind === "DuplicateEntry") return LayerNotice.DuplicateEntry({ layer, path, count })
      if (kind === "WhiteoutDevice") return LayerNotice.WhiteoutDevice({ layer, path, count })
      return LayerNotice.DroppedXattr({ layer, path, name: name ?? path, reason: kind as DropReason, count })
    })
  }

  #count(kind: "DuplicateEntry" | "WhiteoutDevice" | DropReason, path: ByteString, name?: ByteString): void {
    const seen = this.#seen.get(kind)
    if (seen === undefined) this.#seen.set(kind, { path, count: 1, name })
    else seen.count++
  }
}
