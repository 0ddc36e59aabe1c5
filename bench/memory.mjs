/**
 * The memory that huge images take: ten gigabytes in one layer, and a million entries of several kinds. Resident memory of the whole
 * process, in which mapped files count. As root, with zstd, e2fsprogs and Debian's package time; needs some 20 GB of disk.
 *
 *     node bench/memory.mjs [--compression gzip] [--image ten-gigabytes]…
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { setUp } from "../scripts/setup.mjs"
import { CACHE, IMAGES, writeLayouts } from "./Images.mjs"
import * as Measure from "./Measure.mjs"

/** Whatever the image. */
const LIMIT = 200e6

const { values } = parseArgs({
  options: {
    compression: { type: "string", default: "gzip" },
    image: {
      type: "string",
      multiple: true,
      default: Object.keys(IMAGES).filter((name) => /^(ten|million)-/.test(name))
    }
  }
})

setUp()
const work = mkdtempSync(join(tmpdir(), "oci-systemd-layouts-"))
process.on("exit", () => rmSync(work, { recursive: true, force: true }))

const rows = []
for (const name of values.image) {
  const layouts = join(work, name)
  const [image] = await writeLayouts({
    directory: layouts,
    names: [name],
    compression: values.compression,
    cache: CACHE
  })
  const { cpu, peak, wall } = Measure.onFreshFilesystem(image, (directory) =>
    Measure.measure(Measure.extraction(layouts, directory))
  )
  rows.push([
    name,
    image.entries,
    Measure.megabytes(image.bytes),
    Measure.seconds(wall),
    Measure.seconds(cpu),
    Measure.megabytes(peak),
    peak <= LIMIT ? "yes" : "NO"
  ])
  console.error(`${name}, on ${Measure.filesystem}: ${Measure.megabytes(peak)} MB`)
}
console.log(`Memory, ${values.compression}.\n`)
Measure.printTable(["image", "entries", "MB", "wall s", "CPU s", "peak MB", `≤ ${LIMIT / 1e6} MB`], rows)
if (rows.some((row) => row.at(-1) === "NO")) process.exitCode = 1
