/**
 * Access control lists as extended attributes hold them (acl(5), the kernel's posix_acl_xattr.h): to set one changes the
 * mode, and one that says no more than the mode is not stored.
 *
 *     acl   = version=2 (4 bytes) *entry        little-endian
 *     entry = tag (2) permissions (2) id (4)
 */
import type { ByteString } from "../text/ByteString.ts"
import type { Metadata } from "../archive/LayerEntry.ts"

const ACCESS = "system.posix_acl_access" as ByteString
const DEFAULT = "system.posix_acl_default" as ByteString

const USER_OBJ = 0x01
const GROUP_OBJ = 0x04
const MASK = 0x10
const OTHER = 0x20
/** What a mode says too. */
const MINIMAL: ReadonlySet<number> = new Set([USER_OBJ, GROUP_OBJ, OTHER])

const HEAD = 4
const ENTRY = 8

/** What metadata come to once they are set, mode first and attributes after it: the same where no list is among them. */
export const settled = (metadata: Metadata): Metadata => {
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

const modeOf = (mode: number, list: ReadonlyMap<number, number>): number => {
  const of = (tag: number) => list.get(tag) ?? 0
  const group = list.get(MASK) ?? of(GROUP_OBJ)
  return (mode & ~0o777) | (of(USER_OBJ) << 6) | (group << 3) | of(OTHER)
}

/** By tag; of the tags that may come more than once, the last. */
const permissions = (acl: Uint8Array): ReadonlyMap<number, number> => {
  const view = new DataView(acl.buffer, acl.byteOffset, acl.byteLength)
  const list = new Map<number, number>()
  for (let at = HEAD; at + ENTRY <= acl.byteLength; at += ENTRY) {
    list.set(view.getUint16(at, true), view.getUint16(at + 2, true) & 7)
  }
  return list
}
