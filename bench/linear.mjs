/**
 * How the cost of an extraction grows: with 1, 4 and 16 times the bytes and entries, with several images at once, and with images
 * that share layers. As root, with zstd, e2fsprogs and Debian's package time.
 *
 *     node bench/linear.mjs [--runs 3] [--compression gzip] [--part sizes|several|sharing]…
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { setUp } from "../scripts/setup.mjs"
import { CACHE, writeLayouts } from "./Images.mjs"
import * as Measure from "./Measure.mjs"

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "3" },
    compression: { type: "string", default: "gzip" },
    part: { type: "string", multiple: true, default: ["sizes", "several", "sharing"] }
  }
})

const SIZES = ["times-1", "times-4", "times-16"]
const DIFFERENT = ["different-2", "different-3", "different-4", "different-5"]
const SHARING = ["sharing-6", "sharing-7", "sharing-8", "sharing-9"]

setUp()
const work = mkdtempSync(join(tmpdir(), "oci-systemd-layouts-"))
process.on("exit", () => rmSync(work, { recursive: true, force: true }))

const prepared = async (names) => {
  const layouts = join(work, names.join("+"))
  const images = await writeLayouts({
    directory: layouts,
    names,
    compression: values.compression,
    cache: CACHE
  })
  Measure.intoPageCache(images)
  return { layouts, images }
}

const sum = (images) => ({
  bytes: images.reduce((total, { bytes }) => total + bytes, 0),
  entries: images.reduce((total, { entries }) => total + entries, 0)
})

/** Cases take turns; `measured` gets an empty directory. */
const inTurns = (cases) => {
  const results = cases.map(() => [])
  for (let run = 0; run < Number(values.runs); run++) {
    for (const [index, { size, measured }] of cases.entries()) {
      results[index].push(Measure.onFreshFilesystem(size, measured))
    }
  }
  return results.map(Measure.medians)
}

const sizes = async () => {
  const cases = []
  for (const name of SIZES) {
    const { layouts, images } = await prepared([name])
    cases.push({
      name,
      size: sum(images),
      measured: (directory) => Measure.measure(Measure.extraction(layouts, directory))
    })
  }
  const results = inTurns(cases)
  console.log(`Growth, ${values.compression}, each run on a fresh file system: ${Measure.filesystem}.\n`)
  const perEntry = (index) => results[index].wall / cases[index].size.entries
  Measure.printTable(
    ["image", "entries", "MB", "wall s", "CPU s", "µs an entry", "MB/s", "against times-1", "peak MB"],
    cases.map(({ name, size }, index) => [
      name,
      size.entries,
      Measure.megabytes(size.bytes),
      Measure.seconds(results[index].wall),
      Measure.seconds(results[index].cpu),
      (perEntry(index) * 1e6).toFixed(1),
      Measure.megabytes(size.bytes / results[index].wall),
      Measure.seconds(perEntry(index) / perEntry(0)),
      Measure.megabytes(results[index].peak)
    ])
  )
}

/** One image; all of them in one process; all of them, a process each, one after the other. */
const several = async (title, names) => {
  const { layouts, images } = await prepared(names)
  const extracted = (chosen) => (directory) => Measure.measure(Measure.extraction(layouts, directory, chosen))
  const all = images.map(({ name }) => name)
  const oneByOne = (directory) => Measure.together(...all.map((name) => extracted([name])(directory)))
  const cases = [
    { name: "one image", size: sum(images.slice(0, 1)), measured: extracted(all.slice(0, 1)) },
    { name: `${all.length} images, one process`, size: sum(images), measured: extracted(all) },
    { name: `${all.length} images, one after the other`, size: sum(images), measured: oneByOne }
  ]
  const results = inTurns(cases)
  console.log(`${title}, ${values.compression}, each run on a fresh file system: ${Measure.filesystem}.\n`)
  Measure.printTable(
    ["what", "wall s", "against one", "CPU s", "against one", "processors", "peak MB", "against one"],
    cases.map(({ name }, index) => {
      const [one, { cpu, peak, wall }] = [results[0], results[index]]
      return [
        name,
        Measure.seconds(wall),
        Measure.seconds(wall / one.wall),
        Measure.seconds(cpu),
        Measure.seconds(cpu / one.cpu),
        Measure.seconds(cpu / wall),
        Measure.megabytes(peak),
        Measure.seconds(peak / one.peak)
      ]
    })
  )
}

const PARTS = {
  sizes,
  several: () => several("Images of layers of their own", DIFFERENT),
  sharing: () => several("Images that share a Debian", SHARING)
}

for (const part of values.part) {
  if (PARTS[part] === undefined)
    throw new Error(`no part is called "${part}"; there are: ${Object.keys(PARTS)}`)
  await PARTS[part]()
}
