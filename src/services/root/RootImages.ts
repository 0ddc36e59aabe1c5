/**
 * The EROFS images of roots on disk, and their mounts.
 *
 *     DIRECTORY/image.erofs   the image: names and attributes (`ErofsImage`)
 *     DIRECTORY/0, 1, 2, …    relative links to the archives of its layers, the lowest first: its devices
 *     DIRECTORY/data          one device more, where the image has data that no archive can serve in place
 *
 * An image is mounted from its file, without a loop device. This needs Linux 6.12, and a file system from whose files
 * the kernel can mount, such as ext4, XFS or btrfs. On tmpfs and overlayfs it refuses with ENOTBLK.
 */
import { Buffer } from "node:buffer"
import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import * as ErofsImage from "../../domain/erofs/ErofsImage.ts"
import type { ErofsUnfit } from "../../domain/erofs/ErofsUnfit.ts"
import type { Copy } from "../../domain/erofs/FileChunks.ts"
import type { RootTree } from "../../domain/root/RootTree.ts"
import * as CooperativeLoop from "../files/CooperativeLoop.ts"
import type { MountCalls } from "../files/MountCalls.ts"
import * as SystemCall from "../files/SystemCall.ts"

/** A layer of an image: where its archive is now, and where `DIRECTORY/N` is to lead. */
export interface ImageLayer extends ErofsImage.LayerDevice {
  readonly archive: string
  readonly link: string
}

export const IMAGE = "image.erofs"
export const DATA = "data"

/** Writes the image of a tree and all that belongs to it into an empty directory, in slices. */
export const write = (
  directory: string,
  tree: RootTree,
  layers: ReadonlyArray<ImageLayer>
): Effect.Effect<void, ErofsUnfit | NodeJS.ErrnoException> =>
  Effect.gen(function* () {
    const image = yield* ErofsImage.of(tree, layers)
    yield* SystemCall.run(() => {
      for (const [index, { link }] of layers.entries()) fs.symlinkSync(link, `${directory}/${index}`)
    })
    yield* writing(`${directory}/${IMAGE}`, (fd) => {
      const pieces = image.pieces()
      return () => {
        const { done, value } = pieces.next()
        if (done !== true) writeAll(fd, value)
        return done !== true
      }
    })
    if (image.dataSize === 0) return
    yield* writing(`${directory}/${DATA}`, (fd) => {
      fs.ftruncateSync(fd, image.dataSize)
      const copies = image.copies()
      return () => {
        const { done, value } = copies.next()
        if (done !== true) copy(layers[value.layer]?.archive ?? "", fd, value)
        return done !== true
      }
    })
  })

/**
 * Mounts an image nowhere yet and returns the mount's descriptor; throws `MountRefused`. `devices` are the paths of its
 * layers and of its data file, in their order.
 */
export const open = (calls: MountCalls, image: string, devices: ReadonlyArray<string>): number =>
  calls.open("erofs", [["source", image], ...devices.map((device) => ["device", device] as const)])

/** The devices of an image that is complete in its directory. */
export const devicesIn = (directory: string): ReadonlyArray<string> => {
  const names = new Set(fs.readdirSync(directory))
  const devices: Array<string> = []
  while (names.has(`${devices.length}`)) devices.push(`${directory}/${devices.length}`)
  return names.has(DATA) ? [...devices, `${directory}/${DATA}`] : devices
}

const writing = (
  path: string,
  begin: (fd: number) => () => boolean
): Effect.Effect<void, NodeJS.ErrnoException> =>
  Effect.acquireUseRelease(
    SystemCall.run(() => fs.openSync(path, "wx", 0o600)),
    (fd) =>
      Effect.flatMap(
        SystemCall.run(() => begin(fd)),
        (advance) => CooperativeLoop.run(advance, (cause) => cause as NodeJS.ErrnoException)
      ),
    (fd) => Effect.sync(() => fs.closeSync(fd))
  )

const writeAll = (fd: number, bytes: Uint8Array): void => {
  for (let done = 0; done < bytes.length; ) done += fs.writeSync(fd, bytes, done)
}

/** Copies a run of a sparse file from its layer's archive. */
const copy = (archive: string, fd: number, { from, length, to }: Copy): void => {
  const source = fs.openSync(archive, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW)
  try {
    const buffer = Buffer.allocUnsafe(Math.min(length, COPY_BYTES))
    for (let done = 0; done < length; ) {
      const read = fs.readSync(source, buffer, 0, Math.min(length - done, buffer.length), from + done)
      if (read === 0)
        throw Object.assign(new Error(`${archive} is cut off`), { code: "EIO", syscall: "read" })
      fs.writeSync(fd, buffer, 0, read, to + done)
      done += read
    }
  } finally {
    fs.closeSync(source)
  }
}

const COPY_BYTES = 1 << 20
