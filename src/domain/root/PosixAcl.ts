/**
 * Access control lists as extended attributes hold them (acl(5), the kernel's posix_acl_xattr.h). Setting a list
 * changes the mode, and a list that says no more than the mode is not stored.
 *
 *     acl   = version=2 (4 bytes) *entry        little-endian
 *     entry = tag (2) permissions (2) id (4)
 */

import type { Metadata } from "../archive/LayerEntry.ts"
import type { ByteString } from "../text/ByteString.ts"

export const ACCESS = "system.posix_acl_access" as ByteString
export const DEFAULT = "system.posix_acl_default" as ByteString

const USER_OBJ = 0x01
const USER = 0x02
const GROUP_OBJ = 0x04
const GROUP = 0x08
const MASK = 0x10
const OTHER = 0x20
const TAGS: ReadonlySet<number> = new Set([USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER])
/** The tags whose permissions the mode holds as well. */
const MINIMAL: ReadonlySet<number> = new Set([USER_OBJ, GROUP_OBJ, OTHER])

const VERSION = 2
const HEAD = 4
const ENTRY = 8

/**
 * Returns the metadata that a file has after its mode and then its attributes are set. Without a list nothing
 * changes.
 */
export const settled = (metadata: Metadata): Metadata => {
  if (metadata.xattrs.size === 0) return metadata
  const access = metadata.xattrs.get(ACCESS)
  const inherited = metadata.xattrs.get(DEFAULT)
  if (access === undefined && inherited === undefined) return metadata
  const xattrs = new Map(metadata.xattrs)
  if (inherited !== undefined && permissions(inherited).size === 0) xattrs.delete(DEFAULT)
  if (access === undefined) return { ...metadata, xattrs }
  const list = permissions(access)
  if ([...list.keys()].every((tag) => MINIMAL.has(tag))) xattrs.delete(ACCESS)
  return { ...metadata, mode: list.size === 0 ? metadata.mode : modeOf(metadata.mode, list), xattrs }
}

/**
 * Whether the kernel takes a list: its entries are in the order of their tags, only tags of named users and groups come
 * more than once, and there is a mask if there are such. A list without entries removes the list that is there.
 */
export const isValid = (acl: Uint8Array): boolean => {
  if (acl.length < HEAD || (acl.length - HEAD) % ENTRY !== 0) return false
  const view = new DataView(acl.buffer, acl.byteOffset, acl.byteLength)
  if (view.getUint32(0, true) !== VERSION) return false
  const tags: Array<number> = []
  for (let at = HEAD; at < acl.length; at += ENTRY) {
    if (view.getUint16(at + 2, true) > 7) return false
    tags.push(view.getUint16(at, true))
  }
  return (
    tags.length === 0 ||
    (tags.every((tag, index) => TAGS.has(tag) && isAfter(tag, tags[index - 1])) &&
      [...MINIMAL].every((tag) => tags.includes(tag)) &&
      (!tags.some(isNamed) || tags.includes(MASK)))
  )
}

const isNamed = (tag: number): boolean => tag === USER || tag === GROUP

const isAfter = (tag: number, before: number | undefined): boolean =>
  before === undefined || tag > before || (tag === before && isNamed(tag))

const modeOf = (mode: number, list: ReadonlyMap<number, number>): number => {
  const of = (tag: number) => list.get(tag) ?? 0
  const group = list.get(MASK) ?? of(GROUP_OBJ)
  return (mode & ~0o777) | (of(USER_OBJ) << 6) | (group << 3) | of(OTHER)
}

/** Returns the permissions by tag. Of tags that may occur more than once, the last counts. */
const permissions = (acl: Uint8Array): ReadonlyMap<number, number> => {
  const view = new DataView(acl.buffer, acl.byteOffset, acl.byteLength)
  const list = new Map<number, number>()
  for (let at = HEAD; at + ENTRY <= acl.byteLength; at += ENTRY) {
    list.set(view.getUint16(at, true), view.getUint16(at + 2, true) & 7)
  }
  return list
}
