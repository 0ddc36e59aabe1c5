/**
 * Selects the extended attributes of a layer's entry that are set in the root (xattr(7), overlayfs.rst).
 *
 *     trusted.overlay.*  user.overlay.*   never: they would speak to our own overlay mount
 *     security.selinux                    never: labels are the host's policy, not the image's
 *     user.*                              on files and directories only: Linux refuses it on anything else
 *     trusted.*  security.*  system.posix_acl_access  system.posix_acl_default
 *     com.apple.provenance, …             never: Linux has no such namespace, and no file system takes it
 */

import type { LayerEntry } from "../archive/LayerEntry.ts"
import * as PosixAcl from "../root/PosixAcl.ts"
import type { ByteString } from "../text/ByteString.ts"

/** Why an extended attribute is left out. */
export type DropReason = "overlay" | "selinux" | "unsupported" | "foreign"

/** Returns why an attribute of such an entry is left out; `undefined` if it is kept. */
export const dropReason = (kind: LayerEntry["_tag"], name: ByteString): DropReason | undefined => {
  if (name.startsWith("trusted.overlay.") || name.startsWith("user.overlay.")) return "overlay"
  if (name === "security.selinux") return "selinux"
  if (!NAMESPACES.test(name) && name !== PosixAcl.ACCESS && name !== PosixAcl.DEFAULT) return "foreign"
  return name.startsWith("user.") && kind !== "File" && kind !== "Directory" ? "unsupported" : undefined
}

/** A namespace, and at least one byte of a name. */
const NAMESPACES = /^(?:user|trusted|security)\../s

/** Returns the attributes to set, in the same map if all are kept. */
export const kept = (
  kind: LayerEntry["_tag"],
  xattrs: ReadonlyMap<ByteString, Uint8Array>
): ReadonlyMap<ByteString, Uint8Array> => {
  if (xattrs.size === 0) return xattrs
  const some = new Map([...xattrs].filter(([name]) => dropReason(kind, name) === undefined))
  return some.size === xattrs.size ? xattrs : some
}
