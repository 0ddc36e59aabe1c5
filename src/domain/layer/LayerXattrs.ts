/**
 * Which extended attributes of a layer's entry are put into the root (xattr(7), overlayfs.rst).
 *
 *     trusted.overlay.*  user.overlay.*   never: they would speak to our own overlay mount
 *     security.selinux                    never: labels are the host's policy, not the image's
 *     user.*                              on files and directories only: Linux refuses it on anything else
 */
import type { ByteString } from "../text/ByteString.ts"
import type { LayerEntry } from "../archive/LayerEntry.ts"

export type DropReason = "overlay" | "selinux" | "unsupported"

/** Why an attribute of such an entry is left out, or `undefined` where it is kept. */
export const dropReason = (kind: LayerEntry["_tag"], name: ByteString): DropReason | undefined => {
  if (name.startsWith("trusted.overlay.") || name.startsWith("user.overlay.")) return "overlay"
  if (name === "security.selinux") return "selinux"
  return name.startsWith("user.") && kind !== "File" && kind !== "Directory" ? "unsupported" : undefined
}

/** The attributes to set: the same map where all are kept. */
export const kept = (
  kind: LayerEntry["_tag"],
  xattrs: ReadonlyMap<ByteString, Uint8Array>
): ReadonlyMap<ByteString, Uint8Array> => {
  if (xattrs.size === 0) return xattrs
  const some = new Map([...xattrs].filter(([name]) => dropReason(kind, name) === undefined))
  return some.size === xattrs.size ? xattrs : some
}
