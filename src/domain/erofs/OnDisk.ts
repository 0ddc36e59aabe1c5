/**
 * The structures of an EROFS image, as far as this project writes them (erofs/docs: core_ondisk.md,
 * chunked_format.md, xattrs.md; Linux: fs/erofs/erofs_fs.h). Offsets and lengths are in bytes, numbers are
 * little-endian, and bytes without a name are zero.
 *
 *     image       = 1024 unused, superblock, device slots | inodes | blocks | shared attributes
 *                   each part begins on a block of 512; there is one device slot a layer, and one of the data file
 *     superblock  = 0 magic (4)         4 checksum (4)       8 feature_compat (4)   12 blkszbits (1)    14 root_nid (2)
 *                   16 inos (8)         36 blocks (4)        40 meta_blkaddr (4)    44 xattr_blkaddr (4)
 *                   80 feature_incompat (4)                  86 extra_devices (2)   88 devt_slotoff (2)       of 128
 *     device slot = 0 tag (64)          64 blocks (4)                                                         of 128
 *     inode       = 0 i_format (2)      2 i_xattr_icount (2) 4 i_mode (2)           8 i_size (8)        16 i_u (4)
 *                   20 i_ino (4)        24 i_uid (4)         28 i_gid (4)           32 i_mtime (8)
 *                   40 i_mtime_nsec (4) 44 i_nlink (4)                                                        of 64
 *                   then the attributes, then what the inode's layout has: chunks, aligned to 8, or inline data
 *     attributes  = h_name_filter (4) h_shared_count (1) 7 unused *(number of a shared attribute (4))
 *     chunk       = advise (2) device_id (2) blkaddr (4)
 *     dirent      = nid (8) nameoff (2) file_type (1) 1 unused
 *     attribute   = e_name_len (1) e_name_index (1) e_value_size (2) name value, padded to 4
 *
 * An inode's number (nid) is its offset from the beginning of the inodes in slots of 32. A shared attribute's
 * number is its offset from the beginning of these attributes in units of 4. A block of a directory consists of
 * dirents, in the order of the bytes of their names, followed by these names; `nameoff` of the first dirent
 * says how many dirents there are.
 */
import type { Metadata } from "../archive/LayerEntry.ts"
import type { InodeKind } from "../root/Inodes.ts"

/**
 * The block size of tar archives and of the image, so that the image can refer to a file's data in its archive.
 */
export const BLOCK_BITS = 9
export const BLOCK = 1 << BLOCK_BITS
export const SUPERBLOCK_AT = 1024
export const SUPERBLOCK = 128
/**
 * Offset of the checksum in the superblock. It covers the superblock's block from 1024 on, with zero in its own
 * place.
 */
export const CHECKSUM = 4
export const SLOT = 32
export const INODE = 64
export const CHUNK = 8
export const DIRENT = 12
export const DEVICE_SLOT = 128
export const XATTR_HEADER = 12
export const XATTR_UNIT = 4
/** The format has five bits for the size of a chunk, which is a power of two in blocks. */
export const MAX_CHUNK_BITS = 31
/** Marks a chunk that is a hole. */
export const HOLE = 2 ** 32 - 1
/** The most shared attributes of an inode: `h_shared_count` has one byte. */
export const MAX_XATTRS = 255
/** The longest value of an attribute: `e_value_size` has two bytes. */
export const MAX_XATTR_VALUE = 2 ** 16 - 1
/** The most devices: `extra_devices` has two bytes. */
export const MAX_DEVICES = 2 ** 16 - 1

/** Values of `i_format`: an extended inode (1), and where its data is. */
export const Layout = {
  /** The data is in blocks of the image, one after another. Inodes without data use this as well. */
  PLAIN: 1 | (0 << 1),
  /** The data follows the inode, in the inode's own block. */
  INLINE: 1 | (2 << 1),
  /** The data is in chunks of devices. */
  CHUNKS: 1 | (4 << 1)
} as const

/** Returns `i_u` of a file in chunks: the size of a chunk, and the flag that chunks name their device. */
export const chunkFormat = (bits: number): number => bits | 0x20

/** Returns `i_u` of a device, which the kernel calls a new encoded dev_t. */
export const deviceNumber = (major: number, minor: number): number =>
  ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0

/** The `S_IFMT` bits of `i_mode`, and a dirent's `file_type`. */
export const TYPES: Readonly<Record<InodeKind, { readonly mode: number; readonly dirent: number }>> = {
  File: { mode: 0o100000, dirent: 1 },
  Directory: { mode: 0o040000, dirent: 2 },
  CharacterDevice: { mode: 0o020000, dirent: 3 },
  BlockDevice: { mode: 0o060000, dirent: 4 },
  Fifo: { mode: 0o010000, dirent: 5 },
  Symlink: { mode: 0o120000, dirent: 7 }
}

export interface Superblock {
  readonly rootNid: number
  readonly inodes: number
  /** Length of the image in blocks. */
  readonly blocks: number
  /** Blocks at which the inodes and the shared attributes begin. */
  readonly inodesAt: number
  readonly xattrsAt: number
  readonly devices: number
}

/** Writes the superblock without its checksum. */
export const putSuperblock = (view: DataView, at: number, fields: Superblock): void => {
  view.setUint32(at, MAGIC, true)
  view.setUint32(at + 8, FEATURE_COMPAT, true)
  view.setUint8(at + 12, BLOCK_BITS)
  view.setUint16(at + 14, fields.rootNid, true)
  putUint64(view, at + 16, fields.inodes)
  view.setUint32(at + 36, fields.blocks, true)
  view.setUint32(at + 40, fields.inodesAt, true)
  view.setUint32(at + 44, fields.xattrsAt, true)
  view.setUint32(at + 80, FEATURE_INCOMPAT, true)
  view.setUint16(at + 86, fields.devices, true)
  view.setUint16(at + 88, (SUPERBLOCK_AT + SUPERBLOCK) / DEVICE_SLOT, true)
}

/** Writes a device slot. `blocks` is the length of the device; `tag` is ASCII, at most 64 bytes. */
export const putDeviceSlot = (view: DataView, at: number, tag: string, blocks: number): void => {
  for (let index = 0; index < tag.length; index++) view.setUint8(at + index, tag.charCodeAt(index))
  view.setUint32(at + 64, blocks, true)
}

export interface InodeFields {
  readonly layout: number
  readonly kind: InodeKind
  readonly metadata: Metadata
  readonly xattrs: number
  readonly size: number
  /** The field `i_u`: the first block, the format of chunks, or the number of a device. */
  readonly place: number
  readonly links: number
  /** A number for programs with 32-bit inode numbers, which have no room for the nid. Any number will do. */
  readonly number: number
}

export const putInode = (view: DataView, at: number, fields: InodeFields): void => {
  const { kind, metadata, xattrs } = fields
  view.setUint16(at, fields.layout, true)
  view.setUint16(at + 2, xattrs === 0 ? 0 : xattrs + 1, true)
  view.setUint16(at + 4, TYPES[kind].mode | (kind === "Symlink" ? SYMLINK_MODE : metadata.mode), true)
  putUint64(view, at + 8, fields.size)
  view.setUint32(at + 16, fields.place, true)
  view.setUint32(at + 20, fields.number, true)
  view.setUint32(at + 24, metadata.uid, true)
  view.setUint32(at + 28, metadata.gid, true)
  // The kernel reads a signed number, so that times before 1970 work as two's complement.
  putUint64(view, at + 32, metadata.mtime.seconds)
  view.setUint32(at + 40, metadata.mtime.nanoseconds, true)
  view.setUint32(at + 44, fields.links, true)
}

/** Writes the header of an inode's attributes and their numbers; nothing if the inode has none. */
export const putXattrs = (view: DataView, at: number, numbers: ReadonlyArray<number>): void => {
  if (numbers.length === 0) return
  view.setUint8(at + 4, numbers.length)
  for (const [index, number] of numbers.entries()) {
    view.setUint32(at + XATTR_HEADER + XATTR_UNIT * index, number, true)
  }
}

export const putDirent = (view: DataView, at: number, nid: number, nameAt: number, kind: InodeKind): void => {
  putUint64(view, at, nid)
  view.setUint16(at + 8, nameAt, true)
  view.setUint8(at + 10, TYPES[kind].dirent)
}

export const putChunk = (view: DataView, at: number, device: number, block: number): void => {
  view.setUint16(at + 2, device, true)
  view.setUint32(at + 4, block, true)
}

/** Returns the length of an inode's attributes. */
export const xattrsLength = (xattrs: number): number =>
  xattrs === 0 ? 0 : XATTR_HEADER + XATTR_UNIT * xattrs

export const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit

/** Writes an integer up to ±2⁵³; negative ones in two's complement. */
const putUint64 = (view: DataView, at: number, value: number): void => {
  view.setUint32(at, value >>> 0, true)
  view.setInt32(at + 4, Math.floor(value / 2 ** 32), true)
}

/** The mode of each symlink on Linux, whatever its archive says. */
const SYMLINK_MODE = 0o777
const MAGIC = 0xe0f5e1e2
/** The features SB_CHKSUM and MTIME. */
const FEATURE_COMPAT = 0x3
/** The features CHUNKED_FILE and DEVICE_TABLE. */
const FEATURE_INCOMPAT = 0xc
