/**
 * A root filesystem as an EROFS image. The image holds names and attributes; the data of files stays in the
 * archives of the layers. Each layer is a device of the image, numbered from 1. Data that cannot be used in an
 * archive is copied to one more device, the data file (`FileChunks`).
 *
 * The same tree of the same layers always gives the same bytes. The image is made piece by piece, because it
 * may have a million nodes.
 */
import * as Either from "effect/Either"
import type { FileContent } from "../archive/LayerEntry.ts"
import type { NodeId, RootTree } from "../root/RootTree.ts"
import { toBytes } from "../text/ByteString.ts"
import { crc32c } from "./Crc32c.ts"
import * as DirectoryBlocks from "./DirectoryBlocks.ts"
import { ErofsLayout, isInline, kindOf } from "./ErofsLayout.ts"
import { ErofsUnfit } from "./ErofsUnfit.ts"
import * as FileChunks from "./FileChunks.ts"
import { ImageOutput } from "./ImageOutput.ts"
import * as Disk from "./OnDisk.ts"

/** An uncompressed layer, as a device of the image. */
export interface LayerDevice {
  /**
   * The hexadecimal digits of the layer's diff id. They name the device in the image, as many of them as fit.
   */
  readonly diffId: string
  /** Length in bytes. */
  readonly size: number
}

/** An image that is made piece by piece. */
export interface ErofsImage {
  /** Length in bytes. */
  readonly size: number
  /** Makes the image from beginning to end. A piece is valid until the next one is asked for. */
  readonly pieces: () => Generator<Uint8Array, void, undefined>
  /** Length of the data file in bytes; 0 if the image has none. */
  readonly dataSize: number
  /** Returns the parts of the data file that have data. The rest are holes. */
  readonly copies: () => Generator<FileChunks.Copy, void, undefined>
}

/** Makes the image. `layers` are the layers of the tree, the lowest first. */
export const of = (
  tree: RootTree,
  layers: ReadonlyArray<LayerDevice>
): Either.Either<ErofsImage, ErofsUnfit> => {
  const unfit = (problem: string) => Either.left(new ErofsUnfit({ path: "", problem }))
  if (layers.length >= Disk.MAX_DEVICES) return unfit(`${layers.length} layers are more than it has room for`)
  const large = layers.find(({ size }) => size >= Disk.HOLE * Disk.BLOCK)
  if (large !== undefined) return unfit(`the layer ${large.diffId} has more than two tebibytes`)
  const layout = new ErofsLayout(tree)
  if (layout.problem !== undefined) return Either.left(layout.problem)
  return Either.right(new Image(tree, layers, layout))
}

/**
 * The next free block of the image, and of the data file, while inodes are written. `ErofsLayout` counts them in the same
 * order.
 */
interface NextBlocks {
  own: number
  data: number
}

class Image implements ErofsImage {
  readonly size: number
  readonly dataSize: number
  readonly #tree: RootTree
  readonly #layout: ErofsLayout
  /** The devices. The data file, if there is one, is the last. */
  readonly #devices: ReadonlyArray<LayerDevice>
  /** Offsets in the image. */
  readonly #inodesAt: number
  readonly #blocksAt: number
  readonly #xattrsAt: number

  constructor(tree: RootTree, layers: ReadonlyArray<LayerDevice>, layout: ErofsLayout) {
    this.#tree = tree
    this.#layout = layout
    this.dataSize = layout.dataBlocks * Disk.BLOCK
    this.#devices = this.dataSize === 0 ? layers : [...layers, { diffId: DATA_TAG, size: this.dataSize }]
    this.#inodesAt = toBlock(Disk.SUPERBLOCK_AT + Disk.SUPERBLOCK + Disk.DEVICE_SLOT * this.#devices.length)
    this.#blocksAt = toBlock(this.#inodesAt + layout.inodesLength)
    this.#xattrsAt = this.#blocksAt + layout.blocks * Disk.BLOCK
    this.size = toBlock(this.#xattrsAt + layout.xattrs.length)
  }

  *pieces(): Generator<Uint8Array, void, undefined> {
    const { children, xattrs } = this.#layout
    const output = new ImageOutput()
    output.write(this.#head())
    const next: NextBlocks = { own: this.#blocksAt / Disk.BLOCK, data: 0 }
    for (let index = 0; index < children.count; index++) {
      const node = children.node(index)
      if (this.#layout.isFirst(node)) this.#writeInode(output, node, next)
      while (output.hasPiece) yield output.take()
    }
    output.padTo(this.#blocksAt)
    for (let index = 0; index < children.count; index++) {
      const node = children.node(index)
      if (this.#layout.isFirst(node)) this.#writeBlocks(output, node)
      while (output.hasPiece) yield output.take()
    }
    for (const entry of xattrs.entries) {
      output.write(entry)
      while (output.hasPiece) yield output.take()
    }
    output.padTo(this.size)
    output.end()
    while (output.hasPiece) yield output.take()
  }

  *copies(): Generator<FileChunks.Copy, void, undefined> {
    if (this.dataSize === 0) return
    const { children } = this.#layout
    let start = 0
    for (let index = 0; index < children.count; index++) {
      const node = children.node(index)
      if (kindOf(this.#tree, node) !== "File" || !this.#layout.isFirst(node)) continue
      const [size, content] = [this.#layout.size(node), this.#content(node)]
      if (size === 0 || content.runs === undefined) continue
      const chunks = FileChunks.of(size, content)
      if (!chunks.isCopied) continue
      yield* FileChunks.copies(chunks, size, content, start)
      start += FileChunks.forEach(chunks, size, content, start, () => {})
    }
  }

  /** Returns everything before the inodes. */
  #head(): Uint8Array {
    const head = new Uint8Array(this.#inodesAt)
    const view = new DataView(head.buffer)
    Disk.putSuperblock(view, Disk.SUPERBLOCK_AT, {
      rootNid: this.#layout.nid(this.#tree.root),
      inodes: this.#layout.inodes,
      blocks: this.size / Disk.BLOCK,
      inodesAt: this.#inodesAt / Disk.BLOCK,
      xattrsAt: this.#xattrsAt / Disk.BLOCK,
      devices: this.#devices.length
    })
    for (const [index, { diffId, size }] of this.#devices.entries()) {
      const at = Disk.SUPERBLOCK_AT + Disk.SUPERBLOCK + Disk.DEVICE_SLOT * index
      Disk.putDeviceSlot(view, at, diffId.slice(0, TAG), Math.ceil(size / Disk.BLOCK))
    }
    const covered = head.subarray(Disk.SUPERBLOCK_AT, Disk.SUPERBLOCK_AT + Disk.BLOCK)
    view.setUint32(Disk.SUPERBLOCK_AT + Disk.CHECKSUM, crc32c(covered), true)
    return head
  }

  #writeInode(output: ImageOutput, node: NodeId, next: NextBlocks): void {
    const kind = kindOf(this.#tree, node)
    const metadata = this.#layout.metadata(node)
    const size = this.#layout.size(node)
    const nid = this.#layout.nid(node)
    const xattrs = this.#layout.xattrs.numbers(metadata.xattrs)
    const length = Disk.INODE + Disk.xattrsLength(xattrs.length)
    const content = kind === "File" && size > 0 ? this.#content(node) : undefined
    const chunks = content === undefined ? undefined : FileChunks.of(size, content)
    const inline = kind !== "File" && isInline(length, size)

    output.padTo(this.#inodesAt + nid * Disk.SLOT)
    const { at, view } = output.reserve(length)
    const layout =
      chunks === undefined ? (inline ? Disk.Layout.INLINE : Disk.Layout.PLAIN) : Disk.Layout.CHUNKS
    const place =
      chunks === undefined ? this.#place(node, inline ? 0 : size, next) : Disk.chunkFormat(chunks.bits)
    const links = this.#layout.links(node)
    Disk.putInode(view, at, {
      layout,
      kind,
      metadata,
      xattrs: xattrs.length,
      size,
      place,
      links,
      number: nid
    })
    Disk.putXattrs(view, at + Disk.INODE, xattrs)
    if (content !== undefined && chunks !== undefined) this.#writeChunks(output, size, chunks, content, next)
    else if (inline) this.#writeData(output, node)
  }

  /** Returns `i_u` of anything but a file with data. `size` is that of data in blocks of the image. */
  #place(node: NodeId, size: number, next: NextBlocks): number {
    const kind = kindOf(this.#tree, node)
    if (kind === "CharacterDevice" || kind === "BlockDevice") {
      const { major, minor } = this.#tree.inodes.device(this.#tree.inode(node))
      return Disk.deviceNumber(major, minor)
    }
    if ((kind !== "Directory" && kind !== "Symlink") || size === 0) return 0
    const first = next.own
    next.own += Math.ceil(size / Disk.BLOCK)
    return first
  }

  #writeChunks(
    output: ImageOutput,
    size: number,
    chunks: FileChunks.FileChunks,
    content: FileContent,
    next: NextBlocks
  ): void {
    const device = chunks.isCopied ? this.#devices.length : content.layer + 1
    const start = chunks.isCopied ? next.data : content.offset / Disk.BLOCK
    output.padTo(Disk.roundUp(output.position, Disk.CHUNK))
    next.data += FileChunks.forEach(chunks, size, content, start, (block) => {
      const { at, view } = output.reserve(Disk.CHUNK)
      Disk.putChunk(view, at, block === Disk.HOLE ? 0 : device, block)
    })
  }

  #writeBlocks(output: ImageOutput, node: NodeId): void {
    const kind = kindOf(this.#tree, node)
    if (kind !== "Directory" && kind !== "Symlink") return
    const length = Disk.INODE + Disk.xattrsLength(this.#layout.xattrCount(node))
    if (isInline(length, this.#layout.size(node))) return
    this.#writeData(output, node)
    output.padTo(toBlock(output.position))
  }

  /** Writes the data of a directory or of a symlink. */
  #writeData(output: ImageOutput, node: NodeId): void {
    if (kindOf(this.#tree, node) === "Symlink") {
      output.write(toBytes(this.#tree.inodes.target(this.#tree.inode(node))))
      return
    }
    const nidOf = (child: NodeId) => this.#layout.nid(child)
    DirectoryBlocks.write(output, this.#tree, this.#layout.children, node, nidOf)
  }

  #content(node: NodeId): FileContent {
    return this.#tree.inodes.content(this.#tree.inode(node))
  }
}

const toBlock = (offset: number): number => Disk.roundUp(offset, Disk.BLOCK)
/** Bytes of a device's tag. */
const TAG = 64
const DATA_TAG = "data"
