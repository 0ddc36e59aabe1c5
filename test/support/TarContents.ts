/** What an archive holds, read by `TarReader` in pieces of any size. */
import { Buffer } from "node:buffer"
import * as Either from "effect/Either"
import type { LayerEntry } from "../../src/domain/archive/LayerEntry.ts"
import { type TarInvalid, TarReader } from "../../src/services/layer/TarReader.ts"

export interface TarContents {
  readonly entries: ReadonlyArray<LayerEntry>
  /** By the entry's number, with holes as zeros, one character a byte. */
  readonly data: ReadonlyMap<number, string>
}

/** `cuts` are the sizes of the pieces, over and over. */
export const read = (
  archive: Uint8Array,
  cuts: ReadonlyArray<number> = [archive.length]
): Either.Either<TarContents, TarInvalid> => {
  const entries: Array<LayerEntry> = []
  const data = new Map<number, string>()
  let file = Buffer.alloc(0)
  let written = 0
  const reader = new TarReader({
    entry: (entry) => {
      entries.push(entry)
      if (entry._tag === "File") file = Buffer.alloc(Math.min(entry.size, 1 << 22))
      written = 0
    },
    data: (chunk, start, length, position) => {
      if (position < written) throw new Error("data comes twice")
      file.set(chunk.subarray(start, start + length), position)
      written = position + length
    },
    fileEnd: () => {
      data.set(entries.length - 1, file.toString("latin1"))
    }
  })
  let at = 0
  for (let turn = 0; at < archive.length; turn++) {
    const size = Math.max(cuts[turn % cuts.length] ?? 1, 1)
    // A copy that is spoilt afterwards: nothing may hold on to what was pushed.
    const piece = Uint8Array.from(archive.subarray(at, at + size))
    const pushed = reader.push(piece)
    piece.fill(0xee)
    if (Either.isLeft(pushed)) return Either.left(pushed.left)
    at += size
  }
  return Either.map(reader.end(), () => ({ entries, data }))
}
