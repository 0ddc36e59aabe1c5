/**
 * Images of real sizes, as OCI layouts: for the benchmark and for the end-to-end tests. Layers are made once and kept, in
 * gzip and zstd, below a cache; layouts are hard links to them.
 */
import { spawn } from "node:child_process"
import { createHash, randomBytes } from "node:crypto"
import { once } from "node:events"
import {
  copyFileSync,
  createReadStream,
  createWriteStream,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync
} from "node:fs"
import { dirname, join } from "node:path"
import { pipeline } from "node:stream/promises"
import { fileURLToPath } from "node:url"
import { createGzip } from "node:zlib"
import * as LayerEntries from "./LayerEntries.mjs"
import { archive } from "./TarStream.mjs"

const here = dirname(fileURLToPath(import.meta.url))
/** Where everything that can be made again is kept: git ignores it. */
export const CACHE = join(here, "../.cache")

const OCI = "application/vnd.oci.image"
const ARCHITECTURES = { x64: "amd64" }
/** What those use who make most images. */
const GZIP_LEVEL = 6
const ZSTD_LEVEL = 3
/** Where it would take minutes, and the ratio does not matter. */
const GZIP_FAST = 1

export const COMPRESSIONS = ["gzip", "zstd"]

export const MODULES = 20_000
const MILLION = 1_000_000

/** Each layer by its name: its entries, and how hard gzip tries. */
const layerSource = (name, cache) => {
  const [kind = "", ...rest] = name.split("-")
  const [first = "", second = ""] = rest
  switch (kind) {
    case "debian":
      return { entries: () => LayerEntries.debian(cache) }
    case "modules":
      return { entries: () => LayerEntries.nodeModules(Number(first), Number(second || 1)) }
    case "changes":
      return { entries: () => LayerEntries.changes(Number(first)) }
    case "large":
      return { entries: () => LayerEntries.large(Number(first)), level: GZIP_FAST }
    case "many":
      return { entries: () => LayerEntries.many(Number(first), second), level: GZIP_FAST }
    default:
      throw new Error(`no layer is called "${name}"`)
  }
}

/** Layers of each image, lowest first. */
export const IMAGES = {
  debian: ["debian"],
  modules: [`modules-${MODULES}`],
  /** A Debian, a node_modules of 20,000 files, and what removes, overwrites and changes types over both. */
  three: ["debian", `modules-${MODULES}`, `changes-${MODULES}`],
  "times-1": [`modules-${MODULES}`],
  "times-4": [`modules-${MODULES * 4}`],
  "times-16": [`modules-${MODULES * 16}`],
  ...Object.fromEntries([2, 3, 4, 5].map((seed) => [`different-${seed}`, [`modules-${MODULES}-${seed}`]])),
  ...Object.fromEntries([6, 7, 8, 9].map((seed) => [`sharing-${seed}`, ["debian", `modules-2000-${seed}`]])),
  "ten-gigabytes": [`large-${LayerEntries.TEN_GIGABYTES}`],
  ...Object.fromEntries(
    ["mixed", "directories", "symlinks", "empty"].map((kind) => [
      `million-${kind}`,
      [`many-${MILLION}-${kind}`]
    ])
  )
}

/** Of what decides on the content of a layer by its name: a layer that other sources made is made again. */
const SOURCES = createHash("sha256")
for (const name of ["LayerEntries", "SourceText", "TarStream"])
  SOURCES.update(readFileSync(join(here, `${name}.mjs`)))
const EDITION = SOURCES.digest("hex").slice(0, 12)

const digestOf = async (path) => {
  const hash = createHash("sha256")
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash)
  return `sha256:${hash.digest("hex")}`
}

/** Takes chunks and writes them to `path`, compressed. */
const compressor = (compression, path, level) => {
  if (compression === "gzip") {
    const input = createGzip({ level: level ?? GZIP_LEVEL, chunkSize: 2 ** 18 })
    return { input, done: pipeline(input, createWriteStream(path)) }
  }
  const child = spawn("zstd", ["-q", "-f", `-${ZSTD_LEVEL}`, "-", "-o", path], {
    stdio: ["pipe", "ignore", "inherit"]
  })
  const done = new Promise((resolve, reject) => {
    child.on("error", reject)
    child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`zstd: exit code ${code}`))))
  })
  return { input: child.stdin, done }
}

/** One pass over the entries, whatever the number of compressions. */
const makeLayer = async (name, directory, cache) => {
  const { entries, level } = layerSource(name, cache)
  const partial = (compression) =>
    join(directory, `${name}.${compression}.partial-${randomBytes(4).toString("hex")}`)
  const outputs = COMPRESSIONS.map((compression) => {
    const path = partial(compression)
    return { compression, path, ...compressor(compression, path, level) }
  })
  const finished = Promise.all(outputs.map(({ done }) => done))
  const diffId = createHash("sha256")
  let bytes = 0
  let count = 0
  const counted = function* () {
    for (const entry of entries()) {
      count++
      yield entry
    }
  }
  const write = async () => {
    for (const chunk of archive(counted())) {
      diffId.update(chunk)
      bytes += chunk.length
      for (const { input } of outputs) if (!input.write(chunk)) await once(input, "drain")
    }
    for (const { input } of outputs) input.end()
  }
  try {
    await Promise.all([write(), finished])
    const facts = { name, bytes, entries: count, diffId: `sha256:${diffId.digest("hex")}` }
    for (const { compression, path } of outputs) {
      facts[compression] = { digest: await digestOf(path), size: statSync(path).size }
      renameSync(path, join(directory, `${name}.${compression}`))
    }
    return facts
  } finally {
    for (const { path } of outputs) rmSync(path, { force: true })
  }
}

/** The layer's facts and blobs, made unless they are there. */
const layer = async (name, cache) => {
  const directory = join(cache, "layers", EDITION)
  const facts = join(directory, `${name}.json`)
  if (!existsSync(facts)) {
    removeOthers(join(cache, "layers"), EDITION)
    mkdirSync(directory, { recursive: true })
    const made = await makeLayer(name, directory, cache)
    writeFileSync(`${facts}.partial`, JSON.stringify(made))
    renameSync(`${facts}.partial`, facts)
  }
  const blob = (compression) => join(directory, `${name}.${compression}`)
  return { ...JSON.parse(readFileSync(facts, "utf8")), blob }
}

/** Of earlier editions: they are large. */
const removeOthers = (directory, kept) => {
  if (!existsSync(directory)) return
  for (const name of readdirSync(directory)) {
    if (name !== kept) rmSync(join(directory, name), { recursive: true, force: true })
  }
}

const place = (source, target) => {
  if (existsSync(target)) return
  try {
    linkSync(source, target)
  } catch (error) {
    if (error.code !== "EXDEV") throw error
    copyFileSync(source, target)
  }
}

/**
 * Writes the images as `DIRECTORY/example.org/NAME`, reference `v1`, and returns for each its name for `oci-systemd`, its layout
 * and its layers. Blobs are hard links where the cache is on the same file system: not to be written.
 */
export const writeLayouts = async ({ directory, names, compression, cache = CACHE }) => {
  const images = []
  for (const name of names) {
    if (IMAGES[name] === undefined)
      throw new Error(`no image is called "${name}"; there are: ${Object.keys(IMAGES)}`)
    const layers = []
    for (const layerName of IMAGES[name]) layers.push(await layer(layerName, cache))
    const layout = join(directory, "example.org", name)
    const blobs = join(layout, "blobs/sha256")
    mkdirSync(blobs, { recursive: true })
    const path = (digest) => join(blobs, digest.slice("sha256:".length))
    const json = (mediaType, value) => {
      const content = Buffer.from(JSON.stringify(value))
      const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`
      writeFileSync(path(digest), content)
      return { mediaType, digest, size: content.length }
    }
    const config = json(`${OCI}.config.v1+json`, {
      architecture: ARCHITECTURES[process.arch] ?? process.arch,
      os: "linux",
      config: { Cmd: ["/bin/true"] },
      rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) }
    })
    const blobsOfLayers = layers.map((made) => {
      const { digest, size } = made[compression]
      place(made.blob(compression), path(digest))
      return { mediaType: `${OCI}.layer.v1.tar+${compression}`, digest, size, path: path(digest) }
    })
    const manifest = json(`${OCI}.manifest.v1+json`, {
      schemaVersion: 2,
      mediaType: `${OCI}.manifest.v1+json`,
      config,
      layers: blobsOfLayers.map(({ path: _, ...descriptor }) => descriptor)
    })
    const annotations = { "org.opencontainers.image.ref.name": "v1" }
    writeFileSync(join(layout, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }))
    writeFileSync(
      join(layout, "index.json"),
      JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] })
    )
    images.push({
      name: `example.org/${name}:v1`,
      layout,
      layers: blobsOfLayers,
      entries: layers.reduce((sum, { entries }) => sum + entries, 0),
      bytes: layers.reduce((sum, { bytes }) => sum + bytes, 0)
    })
  }
  return images
}
