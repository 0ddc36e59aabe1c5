/** The data of files as a layer's listing says where it is: with holes as zeros. */
import { Buffer } from "node:buffer"
import { readFileSync } from "node:fs"
import type { LayerEntry } from "../../src/domain/archive/LayerEntry.ts"
import * as LayerIntake from "../../src/services/layer/LayerIntake.ts"
import * as ListingFile from "../../src/services/layer/ListingFile.ts"

type File = Extract<LayerEntry, { readonly _tag: "File" }>

/** From the decompressed archive. */
export const dataIn = (archive: Buffer, { content: { offset, runs }, size }: File): Buffer => {
  const file = Buffer.alloc(size)
  let at = offset
  const pieces = runs ?? [0, size]
  for (let run = 0; run < pieces.length; run += 2) {
    const [start = 0, length = 0] = pieces.slice(run, run + 2)
    archive.copy(file, start, at, at + length)
    at += length
  }
  return file
}

/** What `LayerIntake` left in a directory: each entry, and the data of those that are files. */
export const read = (
  directory: string
): ReadonlyArray<{ readonly entry: LayerEntry; readonly data: Buffer | undefined }> => {
  const archive = readFileSync(LayerIntake.archivePath(directory))
  return [...ListingFile.entries(LayerIntake.listingPath(directory), 0)].map((entry) => ({
    entry,
    data: entry._tag === "File" ? dataIn(archive, entry) : undefined
  }))
}
