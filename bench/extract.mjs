/**
 * One image, extracted by this program (everything verified and flushed) and by its peers, in turns, on a fresh file system each
 * time. As root, with umoci, zstd, e2fsprogs and Debian's package time.
 *
 *     node bench/extract.mjs [--image three] [--runs 5]
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { setUp } from "../scripts/setup.mjs"
import { CACHE, COMPRESSIONS, writeLayouts } from "./Images.mjs"
import * as Measure from "./Measure.mjs"

const { values } = parseArgs({
  options: { image: { type: "string", default: "three" }, runs: { type: "string", default: "5" } }
})

/** Layer by layer into one directory; what a layer changes to another type, tar clears away first. */
const TAR =
  'root=$1; shift; for layer; do "$DECOMPRESS" "$layer" | tar -x --recursive-unlink -C "$root"; done'
const tar =
  (decompress) =>
  ({ layers }, directory) => {
    const root = join(directory, "root")
    mkdirSync(root)
    const script = TAR.replace('"$DECOMPRESS"', decompress)
    return ["bash", "--norc", "-o", "pipefail", "-ec", script, "tar", root, ...layers.map(({ path }) => path)]
  }

const ours = ({ layouts, name }, directory) => Measure.extraction(layouts, directory, [name])
const unpack = ({ layouts, name }, directory) => Measure.unpacking(layouts, directory, name)
/** What Node needs for the calls alone. */
const floor = ({ layers }, directory) => [
  process.execPath,
  "--max-semi-space-size=4",
  fileURLToPath(new URL("ExtractionFloor.mjs", import.meta.url)),
  join(directory, "root"),
  ...layers.map(({ path }) => path)
]
const umoci = ({ layout }, directory) => [
  "umoci",
  "raw",
  "unpack",
  "--image",
  `${layout}:v1`,
  join(directory, "root")
]

const UNPACK = "oci-systemd unpack, gzip"
const COMMANDS = [
  { name: "oci-systemd extract, gzip", compression: "gzip", argv: ours, flushes: true },
  { name: UNPACK, compression: "gzip", argv: unpack, flushes: true },
  { name: "zcat \\| tar -x", compression: "gzip", argv: tar("zcat") },
  { name: "umoci raw unpack", compression: "gzip", argv: umoci },
  { name: "Node, the calls alone, gzip", compression: "gzip", argv: floor },
  { name: "oci-systemd extract, zstd", compression: "zstd", argv: ours, flushes: true },
  { name: "zstd -dc \\| tar -x", compression: "zstd", argv: tar("zstd -qdc") }
]

/** What is aimed at, as a part of the peer's time. */
const AIMS = { "zcat \\| tar -x": 0.5, "umoci raw unpack": 0.3, "zstd -dc \\| tar -x": 0.8 }
const AIMS_OF_UNPACK = { "zcat \\| tar -x": 1, "umoci raw unpack": 0.55 }

setUp()
const work = mkdtempSync(join(tmpdir(), "oci-systemd-layouts-"))
process.on("exit", () => rmSync(work, { recursive: true, force: true }))
// Blobs are hard links where this is the cache's own file system.
const images = {}
for (const compression of COMPRESSIONS) {
  const layouts = join(work, compression)
  const [image] = await writeLayouts({ directory: layouts, names: [values.image], compression, cache: CACHE })
  images[compression] = { ...image, layouts }
  Measure.intoPageCache([image])
}

const runs = COMMANDS.map((command) => ({ command, asIs: [], flushed: [] }))
for (let run = 0; run < Number(values.runs); run++) {
  for (const { command, asIs, flushed } of runs) {
    const image = images[command.compression]
    Measure.onFreshFilesystem(image, (directory) => {
      const measured = Measure.measure(command.argv(image, directory))
      asIs.push(measured)
      const flush = Measure.measure(["sync", "-f", directory])
      flushed.push(command.flushes ? measured : Measure.together(measured, flush))
    })
  }
}

const { bytes, entries } = images.gzip
console.log(
  `Image "${values.image}": ${Measure.megabytes(bytes)} MB in ${entries} entries; medians of ${values.runs} runs, blobs in the page cache.`
)
console.log(`Each run on a fresh file system: ${Measure.filesystem}.\n`)
Measure.printTable(
  ["command", "wall s", "fastest", "slowest", "and flushed, s", "CPU s", "peak MB"],
  runs.map(({ command, asIs, flushed }) => {
    const { cpu, fastest, peak, slowest, wall } = Measure.medians(asIs)
    const { wall: wallFlushed } = Measure.medians(flushed)
    return [
      command.name,
      ...[wall, fastest, slowest, wallFlushed, cpu].map(Measure.seconds),
      Measure.megabytes(peak)
    ]
  })
)
/** What a command takes as a part of what its peers take: of the same compression, as they are and flushed. */
const parts = (own, aims) =>
  runs
    .filter(
      ({ command }) =>
        !command.name.startsWith("oci-systemd") && command.compression === own.command.compression
    )
    .map(({ command, asIs, flushed }) => {
      const part = (mine, peer) => Measure.seconds(Measure.medians(mine).wall / Measure.medians(peer).wall)
      const aim = aims[command.name]
      return [
        command.name,
        part(own.asIs, asIs),
        part(own.flushed, flushed),
        aim === undefined ? "" : `≤ ${aim}`
      ]
    })
const ownRuns = (name) => runs.filter(({ command }) => command.name.startsWith(name))
Measure.printTable(
  ["extract, which flushes, as a part of", "as it is", "and flushed", "aim"],
  ownRuns("oci-systemd extract").flatMap((own) => parts(own, AIMS))
)
Measure.printTable(
  ["unpack as a part of", "as it is", "and flushed", "aim"],
  ownRuns("oci-systemd unpack").flatMap((own) => parts(own, AIMS_OF_UNPACK))
)
