/**
 * The inodes of a root filesystem in the making, by number: what an entry brought, apart from its names.
 *
 * Two names are hardlinks of one another where they have one inode. A file's inode says where its data is, and no more:
 * its attributes are set where that data is staged. Packed into typed arrays, since an image may have a million.
 *
 *     detail = mode (2 bytes) uid (4) gid (4) seconds (8) nanoseconds (4)
 *              [ major (2) minor (4) ]  of a device     [ length (2) target ]  of a symlink
 */
import type { ByteString } from "../text/ByteString.ts"
import { GrowingBytes, within } from "./GrowingBytes.ts"
import * as Grow from "./GrowingNumbers.ts"
import { type ContentId, IMPLIED_PARENT, type LayerEntry, type Metadata } from "../archive/LayerEntry.ts"

export type InodeId = number

export type InodeEntry = Exclude<LayerEntry, { readonly _tag: "Hardlink" }>
export type InodeKind = InodeEntry["_tag"]

/** A parent that nothing described. */
export const IMPLIED: InodeId = 0

export class Inodes {
  readonly #kinds = Grow.uint8()
  /** The layer that the data is of; for directories, the one that described it. */
  readonly #layers = Grow.uint16()
  /** A file's entry in its layer; for anything else where its detail is. */
  readonly #places = Grow.uint32()
  readonly #shared = Grow.uint8()
  readonly #details = new GrowingBytes()
  readonly #xattrs = new Map<InodeId, Metadata["xattrs"]>()

  constructor() {
    this.#push("Directory", NO_LAYER, this.#describe(IMPLIED_PARENT, 0))
  }

  /** How many there are: the next one's number. */
  get size(): number {
    return this.#kinds.length
  }

  /** `layer` is the one being applied. */
  add(entry: InodeEntry, layer: number): InodeId {
    switch (entry._tag) {
      case "File":
        return this.#push("File", entry.content.layer, entry.content.entry)
      case "Directory":
      case "Fifo":
        return this.#special(entry, layer, 0).id
      case "CharacterDevice":
      case "BlockDevice": {
        const { id, at, view } = this.#special(entry, layer, DEVICE)
        view.setUint16(at + MAJOR, entry.major)
        view.setUint32(at + MINOR, entry.minor)
        return id
      }
      case "Symlink": {
        const { target } = entry
        const { id, at, view } = this.#special(entry, layer, TARGET_LENGTH + target.length)
        view.setUint16(at + TARGET, target.length)
        for (let index = 0; index < target.length; index++) {
          view.setUint8(at + TARGET + TARGET_LENGTH + index, target.charCodeAt(index))
        }
        return id
      }
    }
  }

  kind(id: InodeId): InodeKind {
    return KINDS[this.#kinds.get(id)] ?? "Directory"
  }

  /** Whether a layer described the directory, and which. */
  isDescribedBy(id: InodeId, layer: number): boolean {
    return id !== IMPLIED && this.#layers.get(id) === layer
  }

  /** Remembers that it has more than one name. */
  share(id: InodeId): void {
    this.#shared.set(id, 1)
  }

  /** Whether it has, or had, more than one name. */
  isShared(id: InodeId): boolean {
    return this.#shared.get(id) === 1
  }

  /** Of a file. */
  content(id: InodeId): ContentId {
    return { layer: this.#layers.get(id), entry: this.#places.get(id) }
  }

  /** Of anything but a file. */
  metadata(id: InodeId): Metadata {
    const { at, view } = this.#detail(id)
    return {
      mode: view.getUint16(at),
      uid: view.getUint32(at + UID),
      gid: view.getUint32(at + GID),
      mtime: { seconds: view.getFloat64(at + SECONDS), nanoseconds: view.getUint32(at + NANOSECONDS) },
      xattrs: this.#xattrs.get(id) ?? IMPLIED_PARENT.xattrs
    }
  }

  /** Of a device. */
  device(id: InodeId): { readonly major: number; readonly minor: number } {
    const { at, view } = this.#detail(id)
    return { major: view.getUint16(at + MAJOR), minor: view.getUint32(at + MINOR) }
  }

  /** Of a symlink. */
  target(id: InodeId): ByteString {
    const { at, view } = this.#detail(id)
    return this.#details.text(this.#places.get(id) + TARGET + TARGET_LENGTH, view.getUint16(at + TARGET))
  }

  #detail(id: InodeId): { readonly view: DataView; readonly at: number } {
    const place = this.#places.get(id)
    return { view: this.#details.view(place), at: within(place) }
  }

  #special(entry: Exclude<InodeEntry, { readonly _tag: "File" }>, layer: number, more: number) {
    const { metadata } = entry
    const id = this.#push(entry._tag, layer, this.#describe(metadata, more))
    if (metadata.xattrs.size > 0) this.#xattrs.set(id, metadata.xattrs)
    return { id, ...this.#detail(id) }
  }

  #push(kind: InodeKind, layer: number, place: number): InodeId {
    this.#kinds.push(KINDS.indexOf(kind))
    this.#layers.push(layer)
    this.#places.push(place)
    this.#shared.push(0)
    return this.#kinds.length - 1
  }

  /** Returns the detail's place. */
  #describe({ gid, mode, mtime, uid }: Metadata, more: number): number {
    const place = this.#details.reserve(METADATA + more)
    const [view, at] = [this.#details.view(place), within(place)]
    view.setUint16(at, mode)
    view.setUint32(at + UID, uid)
    view.setUint32(at + GID, gid)
    view.setFloat64(at + SECONDS, mtime.seconds)
    view.setUint32(at + NANOSECONDS, mtime.nanoseconds)
    return place
  }
}

const KINDS: ReadonlyArray<InodeKind> = [
  "Directory",
  "File",
  "Symlink",
  "CharacterDevice",
  "BlockDevice",
  "Fifo"
]
/** Of what no layer brought; a manifest has no room for so many layers. */
const NO_LAYER = 2 ** 16 - 1
const UID = 2
const GID = 6
const SECONDS = 10
const NANOSECONDS = 18
const METADATA = 22
const MAJOR = METADATA
const MINOR = METADATA + 2
const DEVICE = 6
const TARGET = METADATA
const TARGET_LENGTH = 2
