/** Layers as streams: read with what they hold, and written from members or from a directory. */
import * as fs from "node:fs"
import { type LayerEntry, type Metadata, LayerEntry as make } from "../domain/archive/LayerEntry.ts"
import * as LayerXattrs from "../domain/layer/LayerXattrs.ts"
import * as ByteString from "../domain/text/ByteString.ts"
import * as DeviceNumber from "../services/files/DeviceNumber.ts"
import type { NewMember } from "../services/layer/LayerArchiveWriter.ts"

export { MemberDataInvalid, type NewMember, write as archive } from "../services/layer/LayerArchiveWriter.ts"
export {
  type ByteSource,
  type LayerSummary,
  LayerTypeUnknown,
  type Member,
  type Piece,
  type ReadOptions,
  read
} from "../services/layer/LayerReader.ts"

/** Attributes of a member; by default root's, of mode 0644 (0755 for directories) and of the first second of 1970. */
export interface Attributes {
  /** Permission bits with setuid, setgid and sticky: 0 … 0o7777. */
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  readonly mtime?: Date
}

/** Makes a file of an archive. Paths are relative to the root, `usr/bin/app`. */
export const file = (path: string, data: Uint8Array | string, attributes: Attributes = {}): NewMember => {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data
  return {
    entry: make.File({
      path: ByteString.fromText(path),
      metadata: metadataOf(attributes, 0o644),
      size: bytes.length,
      content: NOWHERE
    }),
    data: bytes
  }
}

/** Makes a directory of an archive. Parents that no member describes have mode 0755 and belong to root. */
export const directory = (path: string, attributes: Attributes = {}): NewMember => ({
  entry: make.Directory({ path: ByteString.fromText(path), metadata: metadataOf(attributes, 0o755) })
})

/** Makes a symbolic link of an archive. The target may be anything. */
export const symlink = (path: string, target: string, attributes: Attributes = {}): NewMember => ({
  entry: make.Symlink({
    path: ByteString.fromText(path),
    target: ByteString.fromText(target),
    metadata: metadataOf(attributes, 0o777)
  })
})

/**
 * How a directory becomes members. Attributes that are given replace those of each member, so that the archive is the same on
 * each machine.
 */
export interface DirectoryOptions extends Attributes {
  /** Whether extended attributes are read, file capabilities among them. They are by default, which needs Linux and koffi. */
  readonly xattrs?: boolean
}

/**
 * Yields what is in a directory of this machine, in the order of the names: files, directories, symbolic links, pipes and
 * devices, with their modes, owners, times and extended attributes. Further names of a file are hard links. Sockets are left
 * out, and so are the attributes that belong to this machine (`security.selinux`, those of overlayfs). Throws what the file
 * system says, and `NativeCallsUnavailable` where attributes cannot be read at all (`xattrs: false` does without).
 */
export async function* ofDirectory(
  directory: string,
  { xattrs = true, ...attributes }: DirectoryOptions = {}
): AsyncGenerator<NewMember, void, undefined> {
  const xattrsAt = xattrs ? await xattrReader() : () => NO_XATTRS
  const firstNames = new Map<string, ByteString.ByteString>()
  const top = Buffer.from(`${directory}/`)
  yield* below(top, "" as ByteString.ByteString)

  async function* below(at: Buffer, path: ByteString.ByteString): AsyncGenerator<NewMember, void, undefined> {
    const names = await fs.promises.readdir(at, { encoding: "buffer" })
    for (const name of names.sort(Buffer.compare)) {
      const place = Buffer.concat([at, name])
      const named = `${path}${ByteString.fromBytes(name)}` as ByteString.ByteString
      const member = await memberAt(place, named)
      if (member === undefined) continue
      yield member
      if (member.entry._tag === "Directory") {
        yield* below(Buffer.concat([place, Buffer.from("/")]), `${named}/` as ByteString.ByteString)
      }
    }
  }

  async function memberAt(place: Buffer, path: ByteString.ByteString): Promise<NewMember | undefined> {
    const stat = await fs.promises.lstat(place, { bigint: true })
    const inode = `${stat.dev}:${stat.ino}`
    if (!stat.isDirectory() && stat.nlink > 1n) {
      const target = firstNames.get(inode)
      if (target !== undefined) return { entry: make.Hardlink({ path, target }) }
      firstNames.set(inode, path)
    }
    const metadata: Metadata = {
      ...metadataOf(
        { mode: Number(stat.mode) & 0o7777, uid: Number(stat.uid), gid: Number(stat.gid), ...attributes },
        0,
        attributes.mtime === undefined
          ? { seconds: Number(stat.mtimeNs / BILLION), nanoseconds: Number(stat.mtimeNs % BILLION) }
          : undefined
      ),
      xattrs: xattrsAt(place)
    }
    if (stat.isDirectory()) return { entry: make.Directory({ path, metadata }) }
    if (stat.isFIFO()) return { entry: make.Fifo({ path, metadata }) }
    if (stat.isSymbolicLink()) {
      const target = ByteString.fromBytes(await fs.promises.readlink(place, { encoding: "buffer" }))
      return { entry: make.Symlink({ path, metadata, target }) }
    }
    if (stat.isFile()) {
      const size = Number(stat.size)
      return {
        entry: make.File({ path, metadata, size, content: NOWHERE }),
        data: size === 0 ? [] : fs.createReadStream(place, { end: size - 1 })
      }
    }
    return deviceOf(stat, path, metadata)
  }
}

type XattrReader = (place: Buffer) => Metadata["xattrs"]

/** Loads the native calls. The rest of the module needs neither them nor Effect's runtime. */
const xattrReader = async (): Promise<XattrReader> => {
  const { koffiCalls } = await import("./NativeCallsOnDemand.ts")
  const { listXattrs } = koffiCalls()
  return (place) => LayerXattrs.kept("File", listXattrs(place))
}

const deviceOf = (
  stat: fs.BigIntStats,
  path: ByteString.ByteString,
  metadata: Metadata
): NewMember | undefined => {
  const tag = stat.isCharacterDevice() ? "CharacterDevice" : stat.isBlockDevice() ? "BlockDevice" : undefined
  if (tag === undefined) return undefined
  return { entry: make[tag]({ path, metadata, ...DeviceNumber.parts(stat.rdev) }) }
}

const metadataOf = (
  { gid = 0, mode, mtime = new Date(0), uid = 0 }: Attributes,
  usual: number,
  time = {
    seconds: Math.floor(mtime.getTime() / 1000),
    nanoseconds: (((mtime.getTime() % 1000) + 1000) % 1000) * 1_000_000
  }
): Metadata => ({ mode: mode ?? usual, uid, gid, mtime: time, xattrs: NO_XATTRS })

const NO_XATTRS: Metadata["xattrs"] = new Map()

/** The place of a file's data while it is in no archive yet. */
const NOWHERE: Extract<LayerEntry, { _tag: "File" }>["content"] = { layer: 0, offset: 0 }
const BILLION = 1_000_000_000n
