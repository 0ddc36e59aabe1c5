/**
 * Unusual facts about a layer that are not errors. They are counted, because a layer may hold a million entries of
 * one kind, and people want to read one line.
 */

import type * as Data from "effect/Data"
import { type ByteString, display } from "../text/ByteString.ts"
import { taggedUnion } from "../text/TaggedUnion.ts"
import { show } from "./LayerPath.ts"
import type { DropReason } from "./LayerXattrs.ts"

/** A notice. `path` is the first entry's path as in the archive, `count` the number of entries. */
export type LayerNotice = Data.TaggedEnum<{
  /** Entries that a later entry of the same layer replaces. `--strict` refuses them. */
  DuplicateEntry: { readonly layer: number; readonly path: ByteString; readonly count: number }
  /** Character devices 0:0, which are whiteouts of overlayfs and not of OCI layers. They are kept as devices. */
  WhiteoutDevice: { readonly layer: number; readonly path: ByteString; readonly count: number }
  /** Extended attributes that are left out of the root. `name` is the first one. */
  DroppedXattr: {
    readonly layer: number
    readonly path: ByteString
    readonly name: ByteString
    readonly reason: DropReason
    readonly count: number
  }
}>
/** Constructors, `$is` and `$match`. */
export const LayerNotice = taggedUnion<LayerNotice>()

/** Prints a notice as one lower-case sentence. */
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
  overlay: "the overlay mount on top of the root would interpret it",
  selinux: "labels are the host's policy",
  foreign: "Linux has no such attributes",
  unsupported: "Linux has user attributes on files and directories only"
}

/** Collects the notices of one layer. The fold owns it. @internal */
export class LayerNotices {
  readonly #layer: number
  readonly #seen = new Map<string, { path: ByteString; count: number; name: ByteString | undefined }>()

  constructor(layer: number) {
    this.#layer = layer
  }

  /** Records a second entry for one path. */
  duplicate(path: ByteString): void {
    this.#count("DuplicateEntry", path)
  }

  /** Records a device 0:0. */
  whiteoutDevice(path: ByteString): void {
    this.#count("WhiteoutDevice", path)
  }

  /** Records an attribute that is left out. */
  droppedXattr(path: ByteString, name: ByteString, reason: DropReason): void {
    this.#count(reason, path, name)
  }

  /** Returns the notices in the order of their first occurrence. */
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
