/**
 * The extended attributes of all inodes of an image. Each different attribute is stored once.
 *
 * If EROFS cannot hold an attribute, or Linux would refuse to set it, there is no image. The root is then
 * written as a directory, and the directory writer reports the attribute.
 */
import type { Metadata } from "../archive/LayerEntry.ts"
import type { InodeKind } from "../root/Inodes.ts"
import * as PosixAcl from "../root/PosixAcl.ts"
import { type ByteString, display, fromBytes } from "../text/ByteString.ts"
import { MAX_XATTR_VALUE, MAX_XATTRS, roundUp, XATTR_UNIT } from "./OnDisk.ts"

/** Prefixes of names, and the numbers that replace them (`e_name_index`). */
const PREFIXES = [
  ["user.", 1],
  ["trusted.", 4],
  ["security.", 6]
] as const
/** The numbers that replace whole names. */
const ACCESS = 2
const DEFAULT = 3

export class SharedXattrs {
  readonly #numbers = new Map<string, number>()
  readonly #entries: Array<Uint8Array> = []
  #length = 0

  /** Length of all attributes in bytes. */
  get length(): number {
    return this.#length
  }

  /** The attributes in the order of their numbers. */
  get entries(): ReadonlyArray<Uint8Array> {
    return this.#entries
  }

  /** Adds the attributes of an inode. */
  add(xattrs: Metadata["xattrs"]): void {
    for (const [name, value] of xattrs) {
      const key = keyOf(name, value)
      if (this.#numbers.has(key)) continue
      const entry = entryOf(name, value)
      this.#numbers.set(key, this.#length / XATTR_UNIT)
      this.#entries.push(entry)
      this.#length += entry.length
    }
  }

  /** Returns the numbers of attributes that were added, in ascending order. */
  numbers(xattrs: Metadata["xattrs"]): ReadonlyArray<number> {
    if (xattrs.size === 0) return NONE
    return Array.from(xattrs, ([name, value]) => this.#numbers.get(keyOf(name, value)) ?? 0).sort(
      (a, b) => a - b
    )
  }
}

/** Returns why an inode cannot have these attributes; `undefined` if it can. */
export const problemOf = (kind: InodeKind, xattrs: Metadata["xattrs"]): string | undefined => {
  if (xattrs.size > MAX_XATTRS) return `it has ${xattrs.size} extended attributes, more than ${MAX_XATTRS}`
  for (const [name, value] of xattrs) {
    const problem = unfitness(kind, name, value)
    if (problem !== undefined) return `its extended attribute ${display(name)} ${problem}`
  }
  return undefined
}

const keyOf = (name: ByteString, value: Uint8Array): string => `${name}\0${fromBytes(value)}`

const unfitness = (kind: InodeKind, name: ByteString, value: Uint8Array): string | undefined => {
  if (value.length > MAX_XATTR_VALUE) return `is longer than ${MAX_XATTR_VALUE} bytes`
  const [index, suffix] = split(name)
  if (index === undefined) return "has a namespace that Linux does not know"
  if (index === ACCESS || index === DEFAULT) {
    if (kind === "Symlink") return "cannot belong to a symbolic link"
    if (index === DEFAULT && kind !== "Directory") return "can only belong to a directory"
    return PosixAcl.isValid(value) ? undefined : "is not an access control list"
  }
  if (suffix === "") return "has no name after its namespace"
  return name === CAPABILITY && !isCapability(value) ? "is not a set of capabilities" : undefined
}

const split = (name: ByteString): readonly [index: number | undefined, suffix: string] => {
  if (name === PosixAcl.ACCESS) return [ACCESS, ""]
  if (name === PosixAcl.DEFAULT) return [DEFAULT, ""]
  for (const [prefix, index] of PREFIXES) {
    if (name.startsWith(prefix)) return [index, name.slice(prefix.length)]
  }
  return [undefined, name]
}

const entryOf = (name: ByteString, value: Uint8Array): Uint8Array => {
  const [index = 0, suffix] = split(name)
  const head = 4 + suffix.length
  const entry = new Uint8Array(roundUp(head + value.length, XATTR_UNIT))
  entry[0] = suffix.length
  entry[1] = index
  entry[2] = value.length & 0xff
  entry[3] = value.length >>> 8
  for (let at = 0; at < suffix.length; at++) entry[4 + at] = suffix.charCodeAt(at)
  entry.set(value, head)
  return entry
}

const NONE: ReadonlyArray<number> = []
const CAPABILITY = "security.capability"

/**
 * Whether a value is a `struct vfs_cap_data` of revision 2, or of revision 3 with the root of a user namespace
 * (linux/capability.h).
 */
const isCapability = (value: Uint8Array): boolean =>
  (value.length === 20 && value[3] === 2) || (value.length === 24 && value[3] === 3)
