/**
 * The inodes of a root filesystem that is being made, by number: the content of an entry without its names.
 *
 * Two names are hardlinks of one another where they have one inode. Packed into typed arrays, since an image may have a
 * million.
 *
 *     detail = mode (2 bytes) uid (4) gid (4) seconds (8) nanoseconds (4)
 *              [ size (8) offset (8) ]  of a file
 *              [ major (2) minor (4) ]  of a device     [ length (2) target ]  of a symlink
 */

import { type FileContent, IMPLIED_PARENT, type LayerEntry, type Metadata } from "../archive/LayerEntry.ts"
import type { ByteString } from "../text/ByteString.ts"
import { GrowingBytes, within } from "./GrowingBytes.ts"
import * as Grow from "./GrowingNumbers.ts"

export type InodeId = number

/** An entry that brings an inode. */
export type InodeEntry = Exclude<LayerEntry, { readonly _tag: "Hardlink" }>
/** The types of inodes. */
export type InodeKind = InodeEntry["_tag"]

/** The inode of a parent directory that no entry describes. */
export const IMPLIED: InodeId = 0

/** The inodes of a tree. */
export class Inodes {
  readonly #kinds = Grow.uint8()
  /** The layer of a file's data; for directories, the layer that described them. */
  readonly #layers = Grow.uint16()
  /** Index of the inode's detail. */
  readonly #places = Grow.uint32()
  readonly #shared = Grow.uint8()
  readonly #details = new GrowingBytes()
  readonly #xattrs = new Map<InodeId, Metadata["xattrs"]>()
  /** The data runs of sparse files. */
  readonly #runs = new Map<InodeId, ReadonlyArray<number>>()

  constructor() {
    this.#push("Directory", NO_LAYER, this.#describe(IMPLIED_PARENT, 0))
  }

  /** Number of inodes, which is the number of the next one. */
  get count(): number {
    return this.#kinds.length
  }

  /** Adds the inode of an entry. `layer` is the layer being applied. */
  add(entry: InodeEntry, layer: number): InodeId {
    switch (entry._tag) {
      case "File": {
        const { offset, runs } = entry.content
        const { id, at, view } = this.#special(entry, entry.content.layer, FILE)
        view.setFloat64(at + SIZE, entry.size)
        view.setFloat64(at + OFFSET, offset)
        if (runs !== undefined) this.#runs.set(id, runs)
        return id
      }
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

  /** Returns the type. */
  kind(id: InodeId): InodeKind {
    return KINDS[this.#kinds.get(id)] ?? "Directory"
  }

  /** Whether this layer described the directory. */
  isDescribedBy(id: InodeId, layer: number): boolean {
    return id !== IMPLIED && this.#layers.get(id) === layer
  }

  /** Records that an inode has more than one name. */
  share(id: InodeId): void {
    this.#shared.set(id, 1)
  }

  /** Whether an inode has, or had, more than one name. */
  isShared(id: InodeId): boolean {
    return this.#shared.get(id) === 1
  }

  /** Returns the size of a file in bytes. */
  size(id: InodeId): number {
    const place = this.#places.get(id)
    return this.#details.view(place).getFloat64(within(place) + SIZE)
  }

  /** Returns where the data of a file is. */
  content(id: InodeId): FileContent {
    const { at, view } = this.#detail(id)
    const [layer, offset, runs] = [this.#layers.get(id), view.getFloat64(at + OFFSET), this.#runs.get(id)]
    return runs === undefined ? { layer, offset } : { layer, offset, runs }
  }

  /** Returns the layer that brought it, or its data; `undefined` for a directory that nothing described. */
  layer(id: InodeId): number | undefined {
    const layer = this.#layers.get(id)
    return layer === NO_LAYER ? undefined : layer
  }

  /** Returns the extended attributes. */
  xattrs(id: InodeId): Metadata["xattrs"] {
    return this.#xattrs.get(id) ?? IMPLIED_PARENT.xattrs
  }

  /** Returns the attributes. */
  metadata(id: InodeId): Metadata {
    const { at, view } = this.#detail(id)
    return {
      mode: view.getUint16(at),
      uid: view.getUint32(at + UID),
      gid: view.getUint32(at + GID),
      mtime: { seconds: view.getFloat64(at + SECONDS), nanoseconds: view.getUint32(at + NANOSECONDS) },
      xattrs: this.xattrs(id)
    }
  }

  /** Returns the numbers of a device. */
  device(id: InodeId): { readonly major: number; readonly minor: number } {
    const { at, view } = this.#detail(id)
    return { major: view.getUint16(at + MAJOR), minor: view.getUint32(at + MINOR) }
  }

  /** Returns the length of the target of a symlink in bytes. */
  targetLength(id: InodeId): number {
    const place = this.#places.get(id)
    return this.#details.view(place).getUint16(within(place) + TARGET)
  }

  /** Returns the target of a symlink. */
  target(id: InodeId): ByteString {
    const { at, view } = this.#detail(id)
    return this.#details.text(this.#places.get(id) + TARGET + TARGET_LENGTH, view.getUint16(at + TARGET))
  }

  #detail(id: InodeId): { readonly view: DataView; readonly at: number } {
    const place = this.#places.get(id)
    return { view: this.#details.view(place), at: within(place) }
  }

  #special(entry: InodeEntry, layer: number, more: number) {
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

  /** Writes the detail and returns its offset. */
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
/** The layer of inodes that no layer described. No manifest has room for this many layers. */
const NO_LAYER = 2 ** 16 - 1
const UID = 2
const GID = 6
const SECONDS = 10
const NANOSECONDS = 18
const METADATA = 22
const SIZE = METADATA
const OFFSET = METADATA + 8
const FILE = 16
const MAJOR = METADATA
const MINOR = METADATA + 2
const DEVICE = 6
const TARGET = METADATA
const TARGET_LENGTH = 2
