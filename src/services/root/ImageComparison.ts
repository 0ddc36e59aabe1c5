/** Compares the image of a root on the disk, and all that lies beside it, with what a tree and its layers give (`RootImages`). */
import { Buffer } from "node:buffer"
import * as fs from "node:fs"
import { basename } from "node:path"
import * as Either from "effect/Either"
import * as ErofsImage from "../../domain/erofs/ErofsImage.ts"
import * as ExtractsTree from "../../domain/extracts/ExtractsTree.ts"
import type { RootTree } from "../../domain/root/RootTree.ts"
import * as FileComparison from "../files/FileComparison.ts"
import * as RootImages from "./RootImages.ts"

/** A file of an image, by its path on the host, and a clause that says what is wrong with it. */
export interface ImageFault {
  readonly path: string
  readonly reason: string
}

/**
 * Yields the faults. Works in small steps, most of which yield nothing. Throws errors of the system, except for
 * missing files.
 */
export function* faults(
  directory: string,
  tree: RootTree,
  layers: ReadonlyArray<RootImages.ImageLayer>
): Generator<ImageFault | undefined, void, undefined> {
  const made = ErofsImage.of(tree, layers)
  if (Either.isLeft(made)) {
    yield { path: directory, reason: `should not be there: ${made.left.message}` }
    return
  }
  const image = made.right
  const at = (name: string): string => `${directory}/${name}`
  const names = new Set(fs.existsSync(directory) ? fs.readdirSync(directory) : [])
  for (const [index, { link }] of layers.entries()) {
    const found = readlink(at(`${index}`))
    names.delete(`${index}`)
    if (found !== link)
      yield { path: at(`${index}`), reason: found === undefined ? "is missing" : `leads to ${found}` }
  }
  const files: ReadonlyArray<readonly [string, number, () => Iterable<FileComparison.Piece>]> = [
    [RootImages.IMAGE, image.size, () => piecesOf(image)],
    ...(image.dataSize > 0 ? [[RootImages.DATA, image.dataSize, () => dataOf(image, layers)] as const] : [])
  ]
  for (const [name, size, pieces] of files) {
    names.delete(name)
    const reason = yield* FileComparison.fault(at(name), size, pieces())
    if (reason !== undefined) yield { path: at(name), reason }
  }
  names.delete(basename(ExtractsTree.mountOf(directory)))
  for (const name of names) yield { path: at(name), reason: "does not belong to the image" }
}

function* piecesOf(image: ErofsImage.ErofsImage): Generator<FileComparison.Piece, void, undefined> {
  let at = 0
  for (const bytes of image.pieces()) {
    yield { at, bytes }
    at += bytes.length
  }
}

/** The runs of sparse files, read from the archives of their layers, in the order of the data file. */
function* dataOf(
  image: ErofsImage.ErofsImage,
  layers: ReadonlyArray<RootImages.ImageLayer>
): Generator<FileComparison.Piece, void, undefined> {
  const buffer = Buffer.allocUnsafeSlow(PIECE)
  for (const { from, layer, length, to } of image.copies()) {
    const fd = FileComparison.open(layers[layer]?.archive ?? "")
    try {
      for (let done = 0; done < length; ) {
        const count = fs.readSync(fd, buffer, 0, Math.min(PIECE, length - done), from + done)
        if (count === 0) break
        yield { at: to + done, bytes: buffer.subarray(0, count) }
        done += count
      }
    } finally {
      fs.closeSync(fd)
    }
  }
}

const readlink = (path: string): string | undefined => {
  try {
    return fs.readlinkSync(path)
  } catch {
    return undefined
  }
}

/** Bytes that are read at once. */
const PIECE = 1 << 20
