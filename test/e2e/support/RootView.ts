/** Looks into roots below an extracts directory, of either kind: one that is an image is mounted elsewhere for as long as it is read. */
import { existsSync, lstatSync, mkdtempSync, readdirSync, readlinkSync, rmdirSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import * as ErofsPlace from "../../support/ErofsPlace.ts"
import { describeTree } from "./TreeDescription.ts"

/** Describes the tree of a root. */
export const describeRoot = async (root: string): Promise<readonly string[]> => {
  if (!lstatSync(root).isSymbolicLink()) return describeTree(root)
  const directory = dirname(resolve(dirname(root), readlinkSync(root)))
  const names = new Set(readdirSync(directory))
  const devices: string[] = []
  while (names.has(`${devices.length}`)) devices.push(`${devices.length}`)
  if (existsSync(join(directory, "data"))) devices.push("data")
  const place = mkdtempSync(join(tmpdir(), "oci-view-"))
  try {
    using mounted = await ErofsPlace.mount(
      { directory, image: join(directory, "image.erofs"), devices },
      place
    )
    return await describeTree(mounted.path)
  } finally {
    rmdirSync(place)
  }
}
