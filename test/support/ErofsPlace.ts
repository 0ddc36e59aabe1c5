/** An EROFS image of some layers in a directory of its own, and what the kernel makes of it. */
import { createHash } from "node:crypto"
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync
} from "node:fs"
import { fileURLToPath } from "node:url"
import * as Either from "effect/Either"
import type { LayerEntry, Metadata } from "../../src/domain/archive/LayerEntry.ts"
import * as ErofsImage from "../../src/domain/erofs/ErofsImage.ts"
import * as LayerMerge from "../../src/domain/layer/LayerMerge.ts"
import { settled } from "../../src/domain/root/PosixAcl.ts"
import type { NodeId, RootTree } from "../../src/domain/root/RootTree.ts"
import { TarReader } from "../../src/services/layer/TarReader.ts"
import * as RealTree from "./RealTree.ts"

/** On the disk that the repository is on: the kernel takes no image from tmpfs or overlayfs. */
const places = fileURLToPath(new URL("../../.cache/erofs/", import.meta.url))

/** The entries of an archive, as one of an image's layers. */
const entriesOf = (archive: Uint8Array, layer: number): ReadonlyArray<LayerEntry> => {
  const entries: Array<LayerEntry> = []
  const reader = new TarReader({
    entry: (entry) =>
      entries.push(entry._tag === "File" ? { ...entry, content: { ...entry.content, layer } } : entry),
    data: () => {},
    fileEnd: () => {}
  })
  right(reader.push(archive))
  right(reader.end())
  return entries
}

/** The tree that archives come to, the lowest first. */
export const merged = (archives: ReadonlyArray<Uint8Array>): RootTree =>
  right(LayerMerge.merge(archives.map((archive, layer) => ({ entries: entriesOf(archive, layer) })))).tree

export const devicesOf = (archives: ReadonlyArray<Uint8Array>): ReadonlyArray<ErofsImage.LayerDevice> =>
  archives.map((archive) => ({
    diffId: createHash("sha256").update(archive).digest("hex"),
    size: archive.length
  }))

/** The image's bytes and those of its data file. */
export const bytesOf = (
  archives: ReadonlyArray<Uint8Array>,
  tree = merged(archives)
): { readonly image: Buffer; readonly data: Buffer } => {
  const made = right(ErofsImage.of(tree, devicesOf(archives)))
  const image = Buffer.concat(Array.from(made.pieces(), (piece) => Buffer.from(piece)))
  const data = Buffer.alloc(made.dataSize)
  for (const { from, layer, length, to } of made.copies()) {
    data.set(archives[layer]?.subarray(from, from + length) ?? [], to)
  }
  return { image, data }
}

export interface ErofsPlace {
  readonly directory: string
  readonly image: string
  /** By their names in the directory: `0`, `1`, …, and `data` where the image has a data file. */
  readonly devices: ReadonlyArray<string>
  readonly [Symbol.dispose]: () => void
}

/** Writes image.erofs, its layers and its data file. */
export const write = (
  archives: ReadonlyArray<Uint8Array>,
  tree = merged(archives),
  layers = devicesOf(archives)
): ErofsPlace => {
  mkdirSync(places, { recursive: true })
  const directory = mkdtempSync(`${places}place-`)
  const made = right(ErofsImage.of(tree, layers))
  const devices = archives.map((archive, index) => {
    writeFileSync(`${directory}/${index}`, archive)
    return `${index}`
  })
  const image = `${directory}/image.erofs`
  const fd = openSync(image, "w")
  for (const piece of made.pieces()) writeSync(fd, piece)
  closeSync(fd)
  if (made.dataSize > 0) {
    const data = openSync(`${directory}/data`, "w")
    ftruncateSync(data, made.dataSize)
    for (const { from, layer, length, to } of made.copies()) {
      writeSync(data, archives[layer]?.subarray(from, from + length) ?? new Uint8Array(0), 0, length, to)
    }
    closeSync(data)
    devices.push("data")
  }
  return {
    directory,
    image,
    devices,
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true })
  }
}

/** Mounts a place's image on a directory, a new one in the place itself by default, by mount(2): mount(8) makes a loop device before 2.41. */
export const mount = async (
  place: Pick<ErofsPlace, "directory" | "image" | "devices">,
  path = mkdtempSync(`${place.directory}/mounted-`)
): Promise<{ readonly path: string; readonly [Symbol.dispose]: () => void }> => {
  const koffi = (await import("koffi")).default
  const libc = koffi.load(null)
  const mount2 = libc.func(
    "int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)"
  )
  const umount2 = libc.func("int umount2(const char *target, int flags)")
  // Options have 4096 bytes, and an image may have 128 layers.
  const directory = openSync(place.directory, "r")
  const options = place.devices.map((device) => `device=/proc/self/fd/${directory}/${device}`).join(",")
  const errno = mount2(place.image, path, "erofs", MS_RDONLY, options) === 0 ? 0 : koffi.errno()
  closeSync(directory)
  if (errno !== 0) {
    const code = Object.entries(koffi.os.errno).find(([, number]) => number === errno)?.[0]
    throw new Error(`the kernel does not mount the image: ${code ?? errno}`)
  }
  return { path, [Symbol.dispose]: () => void umount2(path, MNT_DETACH) }
}

const MS_RDONLY = 1
const MNT_DETACH = 2

/** Why this machine cannot mount an image from a file, or nothing where it can. */
export const whyNoMounts = async (): Promise<string | undefined> => {
  if (process.getuid?.() !== 0) return "only root can mount an EROFS image"
  using place = write([Buffer.alloc(1024)])
  try {
    using _ = await mount(place)
    return undefined
  } catch (cause) {
    return (cause as Error).message
  }
}

/** A line a path; names of one inode show the first of them, in the order of their bytes. */
export type Picture = Readonly<Record<string, string>>

const attributes = ({ gid, mode, mtime, uid, xattrs }: Metadata, isLink: boolean): string =>
  [
    // Linux has no other.
    (isLink ? 0o777 : mode).toString(8),
    `${uid}:${gid}`,
    `${BigInt(mtime.seconds) * 1_000_000_000n + BigInt(mtime.nanoseconds)}`,
    ...[...xattrs].sort().map(([name, value]) => `${name}=${Buffer.from(value).toString("hex")}`)
  ].join(" ")

/** What is at each path of a tree; the data of files comes from the archives. */
export const pictureOf = (tree: RootTree, archives: ReadonlyArray<Uint8Array>): Picture => {
  const { inodes } = tree
  const living = tree.living()
  const nodes = [...living.keys()].filter((node) => living[node] === 1)
  const names = new Map<number, Array<string>>()
  const isOwn = (node: NodeId) => tree.kind(node) !== "Directory"
  for (const node of nodes.filter(isOwn)) {
    names.set(tree.inode(node), [...(names.get(tree.inode(node)) ?? []), tree.path(node)])
  }
  const children = (node: NodeId) =>
    nodes.filter(
      (other) => other !== tree.root && tree.parent(other) === node && tree.kind(other) === "Directory"
    )
  const lines = nodes.map((node): readonly [string, string] => {
    const inode = tree.inode(node)
    const kind = tree.kind(node)
    const all = names.get(inode) ?? []
    const links = isOwn(node) ? all.length : 2 + children(node).length
    const first = isOwn(node) ? [...all].sort()[0] : tree.path(node)
    return [
      tree.path(node),
      [
        kind,
        attributes(settled(inodes.metadata(inode)), kind === "Symlink"),
        `links ${links} as ${first}`,
        kind === "Symlink" ? inodes.target(inode) : "",
        kind === "File" ? `${inodes.size(inode)} ${digest(dataOf(tree, inode, archives))}` : "",
        kind === "CharacterDevice" || kind === "BlockDevice"
          ? `${inodes.device(inode).major}:${inodes.device(inode).minor}`
          : ""
      ].join(" | ")
    ]
  })
  return Object.fromEntries(lines.sort(([a], [b]) => (a < b ? -1 : 1)))
}

const dataOf = (tree: RootTree, inode: number, archives: ReadonlyArray<Uint8Array>): Uint8Array => {
  const size = tree.inodes.size(inode)
  const { layer, offset, runs = [0, size] } = tree.inodes.content(inode)
  if (size > LARGE) return new Uint8Array(0)
  const file = Buffer.alloc(size)
  let from = offset
  for (let run = 0; run < runs.length; run += 2) {
    const [at = 0, length = 0] = [runs[run], runs[run + 1]]
    file.set(archives[layer]?.subarray(from, from + length) ?? [], at)
    from += length
  }
  return file
}

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex").slice(0, 16)

/** As `RealTree` has it. */
const LARGE = 2 ** 20 - 1

const KINDS: Readonly<Record<RealTree.RealNode["kind"], string>> = {
  directory: "Directory",
  file: "File",
  symlink: "Symlink",
  fifo: "Fifo",
  character: "CharacterDevice",
  block: "BlockDevice",
  socket: "Socket"
}

/** The same of a directory. */
export const pictureAt = (directory: string): Picture => {
  const nodes = RealTree.read(directory)
  const byInode = new Map<bigint, Array<string>>()
  for (const { path, stat } of nodes) byInode.set(stat.ino, [...(byInode.get(stat.ino) ?? []), path])
  const lines = nodes.map((node): readonly [string, string] => {
    const { kind, stat } = node
    const metadata = {
      mode: Number(stat.mode & 0o7777n),
      uid: Number(stat.uid),
      gid: Number(stat.gid),
      mtime: { seconds: 0, nanoseconds: 0 },
      xattrs: node.xattrs
    }
    return [
      node.path,
      [
        KINDS[kind],
        attributes(metadata, false).replace(/(:\d+) 0/, `$1 ${stat.mtimeNs}`),
        `links ${stat.nlink} as ${kind === "directory" ? node.path : [...(byInode.get(stat.ino) ?? [])].sort()[0]}`,
        node.target ?? "",
        kind === "file"
          ? `${stat.size} ${digest(node.content === undefined ? new Uint8Array(0) : Buffer.from(node.content, "latin1"))}`
          : "",
        kind === "character" || kind === "block" ? RealTree.device(stat) : ""
      ].join(" | ")
    ]
  })
  return Object.fromEntries(lines.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** The same with times as ext4 can have them: from 1901 to 2446. */
export const inRange = (picture: Picture): Picture => {
  const nanoseconds = (seconds: bigint) => seconds * 1_000_000_000n
  const [first, last] = [nanoseconds(-(2n ** 31n)), nanoseconds(2n ** 34n - 2n ** 31n - 1n)]
  return Object.fromEntries(
    Object.entries(picture).map(([path, line]) => [
      path,
      line.replace(/(?<=:\d+ )-?\d+/, (time) => {
        const value = BigInt(time)
        return `${value < first ? first : value > last + 999_999_999n ? last : value}`
      })
    ])
  )
}

const right = <A>(either: Either.Either<A, Error>): A => Either.getOrThrowWith(either, (error) => error)
