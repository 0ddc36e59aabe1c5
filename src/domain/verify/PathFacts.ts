/**
 * The facts about one path of a root filesystem, and the differences between what the layers say and what was found.
 */

import type * as Data from "effect/Data"
import type { Metadata, Timestamp } from "../archive/LayerEntry.ts"
import type { InodeKind } from "../root/Inodes.ts"
import { type ByteString, display } from "../text/ByteString.ts"
import { taggedUnion } from "../text/TaggedUnion.ts"

/** The kind of a path. Layers never contain sockets, but a root may. */
export type PathKind = InodeKind | "Socket"

/** The numbers of a device. */
export interface Device {
  readonly major: number
  readonly minor: number
}

export interface PathFacts {
  readonly kind: PathKind
  /** The mode of a symlink has no meaning. */
  readonly metadata: Metadata
  /** Size of a file in bytes. */
  readonly size?: number
  /** Target of a symlink. */
  readonly target?: ByteString
  readonly device?: Device
}

/** One difference between what the layers say (`expected`) and what was found (`found`). */
export type Difference = Data.TaggedEnum<{
  Kind: { readonly expected: PathKind; readonly found: PathKind }
  Mode: { readonly expected: number; readonly found: number }
  Uid: { readonly expected: number; readonly found: number }
  Gid: { readonly expected: number; readonly found: number }
  Mtime: { readonly expected: Timestamp; readonly found: Timestamp }
  Size: { readonly expected: number; readonly found: number }
  /** Digests in hex (`ContentDigest`). */
  Content: { readonly expected: string; readonly found: string }
  Target: { readonly expected: ByteString; readonly found: ByteString }
  Device: { readonly expected: Device; readonly found: Device }
  /** `undefined` stands for an absent attribute. */
  Xattr: {
    readonly name: ByteString
    readonly expected: Uint8Array | undefined
    readonly found: Uint8Array | undefined
  }
  /** The path should be a hard link of the file at the other path, and is not. */
  Unlinked: { readonly from: ByteString }
  /** The path is a hard link of the file at the other path, and should not be. */
  Linked: { readonly with: ByteString }
  /** Another file system is mounted at the path. */
  Mounted: object
}>
export const Difference = taggedUnion<Difference>()

/**
 * Returns all differences except content and hard links, which cannot be seen from two paths alone. If the kinds
 * differ, nothing else is compared.
 */
export const differences = (expected: PathFacts, found: PathFacts): ReadonlyArray<Difference> => {
  if (expected.kind !== found.kind) return [Difference.Kind({ expected: expected.kind, found: found.kind })]
  const [is, was] = [found.metadata, expected.metadata]
  const all: Array<Difference> = []
  if (expected.kind !== "Symlink" && was.mode !== is.mode) {
    all.push(Difference.Mode({ expected: was.mode, found: is.mode }))
  }
  if (was.uid !== is.uid) all.push(Difference.Uid({ expected: was.uid, found: is.uid }))
  if (was.gid !== is.gid) all.push(Difference.Gid({ expected: was.gid, found: is.gid }))
  if (!isTime(was.mtime, is.mtime)) all.push(Difference.Mtime({ expected: was.mtime, found: is.mtime }))
  for (const [name, value] of was.xattrs) {
    const there = is.xattrs.get(name)
    if (there === undefined || !sameBytes(there, value)) {
      all.push(Difference.Xattr({ name, expected: value, found: there }))
    }
  }
  for (const [name, value] of is.xattrs) {
    if (!was.xattrs.has(name) && !HOSTS_OWN.has(name)) {
      all.push(Difference.Xattr({ name, expected: undefined, found: value }))
    }
  }
  if (expected.size !== undefined && found.size !== undefined && expected.size !== found.size) {
    all.push(Difference.Size({ expected: expected.size, found: found.size }))
  }
  if (expected.target !== undefined && found.target !== undefined && expected.target !== found.target) {
    all.push(Difference.Target({ expected: expected.target, found: found.target }))
  }
  if (expected.device !== undefined && found.device !== undefined) {
    const [wanted, there] = [expected.device, found.device]
    if (wanted.major !== there.major || wanted.minor !== there.minor) {
      all.push(Difference.Device({ expected: wanted, found: there }))
    }
  }
  return all
}

/** Prints a difference: "mode 644 is 600". */
export const render = (difference: Difference): string =>
  Difference.$match(difference, {
    Kind: ({ expected, found }) => `${KINDS[expected]} is ${KINDS[found]}`,
    Mode: ({ expected, found }) => `mode ${expected.toString(8)} is ${found.toString(8)}`,
    Uid: ({ expected, found }) => `uid ${expected} is ${found}`,
    Gid: ({ expected, found }) => `gid ${expected} is ${found}`,
    Mtime: ({ expected, found }) => `mtime ${timeText(expected)} is ${timeText(found)}`,
    Size: ({ expected, found }) => `size ${expected} is ${found}`,
    Content: () => "content differs",
    Target: ({ expected, found }) => `target "${display(expected)}" is "${display(found)}"`,
    Device: ({ expected, found }) => `device ${deviceText(expected)} is ${deviceText(found)}`,
    Xattr: ({ name, expected, found }) =>
      `xattr ${display(name)} ${expected === undefined ? "was added" : found === undefined ? "is missing" : "differs"}`,
    Unlinked: ({ from }) => `no longer a hard link of /${display(from)}`,
    Linked: (it) => `a hard link of /${display(it.with)}, which it should not be`,
    Mounted: () => "another file system is mounted there"
  })

/** Returns a difference as JSON: `what`, and `expected` and `found` where they exist. Bytes are in hex. */
export const toJson = (difference: Difference): Readonly<Record<string, string | number | null>> =>
  Difference.$match(difference, {
    Kind: ({ expected, found }) => ({ what: "kind", expected, found }),
    Mode: ({ expected, found }) => ({ what: "mode", expected: modeText(expected), found: modeText(found) }),
    Uid: ({ expected, found }) => ({ what: "uid", expected, found }),
    Gid: ({ expected, found }) => ({ what: "gid", expected, found }),
    Mtime: ({ expected, found }) => ({ what: "mtime", expected: timeText(expected), found: timeText(found) }),
    Size: ({ expected, found }) => ({ what: "size", expected, found }),
    Content: ({ expected, found }) => ({ what: "content", expected, found }),
    Target: ({ expected, found }) => ({
      what: "target",
      expected: display(expected),
      found: display(found)
    }),
    Device: ({ expected, found }) => ({
      what: "device",
      expected: deviceText(expected),
      found: deviceText(found)
    }),
    Xattr: ({ name, expected, found }) => ({
      what: "xattr",
      name: display(name),
      expected: hex(expected),
      found: hex(found)
    }),
    Unlinked: ({ from }) => ({ what: "unlinked", from: `/${display(from)}` }),
    Linked: (it) => ({ what: "linked", with: `/${display(it.with)}` }),
    Mounted: () => ({ what: "mounted" })
  })

export const KINDS: Readonly<Record<PathKind, string>> = {
  File: "a file",
  Directory: "a directory",
  Symlink: "a symlink",
  CharacterDevice: "a character device",
  BlockDevice: "a block device",
  Fifo: "a fifo",
  Socket: "a socket"
}

/**
 * Labels and signatures that the host's own policy sets on files. SELinux labels of an image are dropped
 * (`LayerXattrs`).
 */
const HOSTS_OWN: ReadonlySet<string> = new Set([
  "security.selinux",
  "security.SMACK64",
  "security.ima",
  "security.evm"
])

/**
 * The first and last seconds that file systems can store. Linux stores the nearest possible time instead of one
 * outside (ext4 and others from 1901 on; to 2038; to 2106; ext4 to 2446; XFS to 2486).
 */
const ENDS_OF_TIME: ReadonlySet<number> = new Set([
  -(2 ** 31),
  2 ** 31 - 1,
  2 ** 32 - 1,
  15_032_385_535,
  16_299_260_424
])

/** Whether a file has the time `found` after `expected` was set. */
const isTime = (expected: Timestamp, found: Timestamp): boolean => {
  if (expected.seconds === found.seconds) return expected.nanoseconds === found.nanoseconds
  if (!ENDS_OF_TIME.has(found.seconds)) return false
  return found.seconds < 0 ? expected.seconds < found.seconds : expected.seconds > found.seconds
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, index) => byte === b[index])

const modeText = (mode: number): string => mode.toString(8).padStart(4, "0")

const deviceText = ({ major, minor }: Device): string => `${major}:${minor}`

/**
 * Prints seconds, with nine digits for a fraction. A time before 1970 is printed as its value, -0.5 and not -1 + 0.5.
 */
const timeText = ({ nanoseconds, seconds }: Timestamp): string => {
  if (nanoseconds === 0) return `${seconds}`
  const [whole, part] =
    seconds < 0 ? [seconds + 1, 1_000_000_000 - nanoseconds] : ([seconds, nanoseconds] as const)
  const sign = seconds < 0 && whole === 0 ? "-" : ""
  return `${sign}${whole === 0 ? 0 : whole}.${`${part}`.padStart(9, "0")}`
}

const hex = (bytes: Uint8Array | undefined): string | null =>
  bytes === undefined ? null : Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
