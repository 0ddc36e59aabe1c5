/**
 * Makes V8's code caches for the Node that runs this, beside the programs:
 *
 *     node dist/code-cache.cjs
 *
 * The build does this for its own Node. A package does it when it is installed, and again when Node changes: a
 * cache works with exactly one version. Without a valid cache the programs work, but start more slowly.
 *
 * Each program is run once, on an image made for this purpose, so that the cache has the functions that it
 * used. For oci-systemd that is an extraction, because units wait for it.
 */
"use strict"
const { spawnSync } = require("node:child_process")
const { createHash } = require("node:crypto")
const fs = require("node:fs")
const { tmpdir } = require("node:os")
const { join } = require("node:path")
const { Script } = require("node:vm")
const { isMainThread, parentPort, Worker } = require("node:worker_threads")
const { gzipSync } = require("node:zlib")

/**
 * `flags` are the flags with which the program is run; V8 refuses the cache otherwise. `setsFlags` says whether the
 * program then sets further ones.
 */
const PROGRAMS = {
  "oci-systemd-generator": {
    flags: [],
    run: (place) => ["-config", `${place}/conf`, "-debug", `${place}/units`]
  },
  "oci-systemd": {
    flags: ["--max-semi-space-size=4"],
    setsFlags: true,
    run: (place) => ["extract", "--config", `${place}/conf`]
  },
  "layer-worker": { flags: ["--max-semi-space-size=4"], setsFlags: true, run: (place) => [place] }
}

const pathOf = (program) => join(__dirname, "code", program)

/** Runs a program in this process, and writes its cache when it ends. */
const warmUp = (program, target, args) => {
  const source = fs.readFileSync(`${pathOf(program)}.js`)
  const script = new Script(source.latin1Slice(), { filename: `${pathOf(program)}.js` })
  process.on("exit", () => {
    const cache = script.createCachedData()
    const hash = createHash("sha256").update(source).update(cache).digest()
    fs.writeFileSync(target, Buffer.concat([hash, cache]))
  })
  process.argv = [process.execPath, join(__dirname, `${program}.cjs`), ...args]
  script.runInThisContext()(require, join(__dirname, `${program}.cjs`), __dirname)
}

/** Does the same for the code of a worker, in a thread: it reads the layer, and ends. */
const warmUpWorker = (program, target, place) => {
  const worker = new Worker(__filename, { argv: [program, target] })
  const { blob, diffId } = layerIn(`${place}/layouts/example.org/image`)
  const directory = `${place}/layer`
  fs.mkdirSync(directory, 0o700)
  worker.on("message", ({ _tag }) => {
    if (_tag === "Progress") return
    if (_tag !== "Staged") process.exitCode = 1
    worker.postMessage({ _tag: "Abort" })
  })
  worker.on("error", ({ message }) => {
    process.stderr.write(message)
    process.exitCode = 1
  })
  worker.postMessage({ _tag: "Stage", request: { blob, diffId, compression: "gzip", directory } })
}

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex")

/** Returns a ustar header (pax(1)) of a file owned by root, with its data. */
const member = (path, { type = "0", mode = 0o644, link = "", data = "" } = {}) => {
  const bytes = Buffer.alloc(512 + Math.ceil(data.length / 512) * 512)
  const octal = (at, width, value) => bytes.write(value.toString(8).padStart(width - 1, "0"), at, "latin1")
  bytes.write(path, 0, "latin1")
  octal(100, 8, mode)
  octal(108, 8, 0)
  octal(116, 8, 0)
  octal(124, 12, data.length)
  octal(136, 12, 0)
  bytes.write(type, 156, "latin1")
  bytes.write(link, 157, "latin1")
  bytes.write("ustar\x0000", 257, "latin1")
  bytes.fill(" ", 148, 156)
  octal(
    148,
    8,
    bytes.subarray(0, 512).reduce((sum, byte) => sum + byte, 0)
  )
  bytes.write(data, 512, "latin1")
  return bytes
}

/** The image's layer, with each kind of member that ordinary layers have. */
const archive = Buffer.concat([
  member("bin/", { type: "5", mode: 0o755 }),
  member("PaxHeaders/true", { type: "x", data: "20 mtime=1700000.25\n" }),
  member("bin/true", { mode: 0o755, data: "#!/bin/true\n" }),
  member("bin/false", { type: "1", link: "bin/true" }),
  member("sbin", { type: "2", link: "bin" }),
  member("srv/.wh.gone"),
  Buffer.alloc(1024)
])
const layer = gzipSync(archive)

/** Writes the layer as a blob of the layout, and returns its diff id. */
const layerIn = (layout) => {
  const hex = sha256(layer)
  const blob = { path: `${layout}/blobs/sha256/${hex}`, digest: `sha256:${hex}`, size: layer.length }
  return { blob, diffId: `sha256:${sha256(archive)}` }
}

/** Makes a layout with one image. */
const makePlace = (place) => {
  const layout = `${place}/layouts/example.org/image`
  fs.mkdirSync(`${layout}/blobs/sha256`, { recursive: true })
  fs.mkdirSync(`${place}/units`)
  const put = (mediaType, content, more = {}) => {
    const bytes = Buffer.from(JSON.stringify(content))
    const hex = sha256(bytes)
    fs.writeFileSync(`${layout}/blobs/sha256/${hex}`, bytes)
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length, ...more }
  }
  const { blob, diffId } = layerIn(layout)
  fs.writeFileSync(blob.path, layer)
  const type = "application/vnd.oci.image"
  const [architecture, variant] = {
    x64: ["amd64"],
    arm64: ["arm64", "v8"],
    arm: ["arm", "v6"],
    ia32: ["386"]
  }[process.arch] ?? [process.arch]
  const config = put(`${type}.config.v1+json`, {
    architecture,
    ...(variant === undefined ? {} : { variant }),
    os: "linux",
    config: {
      Entrypoint: ["/bin/true", "a b"],
      Env: ["PATH=/usr/bin:/bin", "A=b c"],
      WorkingDir: "/srv",
      Labels: { "org.opencontainers.image.title": "Warm" },
      Volumes: { "/data": {} },
      ExposedPorts: { "80/tcp": {} },
      StopSignal: "SIGTERM"
    },
    rootfs: { type: "layers", diff_ids: [diffId] }
  })
  const { digest, size } = blob
  const layers = [{ mediaType: `${type}.layer.v1.tar+gzip`, digest, size }]
  const manifest = put(
    `${type}.manifest.v1+json`,
    { schemaVersion: 2, config, layers },
    { annotations: { "org.opencontainers.image.ref.name": "v1" } }
  )
  fs.writeFileSync(`${layout}/index.json`, JSON.stringify({ schemaVersion: 2, manifests: [manifest] }))
  fs.writeFileSync(
    `${place}/conf`,
    `[system]\nimagelayoutdir = ${place}/layouts\nextractsdir = ${place}/extracts\n[image *]\nwantedby = multi-user.target\n`
  )
}

/** Makes the caches of these programs in `directory`, for programs that are run with `flags`. */
const make = (directory, names = Object.keys(PROGRAMS), flags = undefined) => {
  const place = fs.mkdtempSync(join(tmpdir(), "oci-systemd-"))
  try {
    makePlace(place)
    for (const name of names) {
      const program = PROGRAMS[name]
      const target = join(directory, `${name}.${process.version}-${process.arch}.cache`)
      fs.rmSync(`${target}.new`, { force: true })
      const { status, stderr } = spawnSync(
        process.execPath,
        [...(flags ?? program.flags), __filename, name, `${target}.new`, ...program.run(place)],
        { stdio: ["ignore", "ignore", "pipe"], encoding: "utf8" }
      )
      // If a run could not do everything, its cache contains less, and is still valid.
      if (status !== 0)
        process.stderr.write(`${name} ended with ${status} when its cache was made: ${stderr.trim()}\n`)
      // A process that reads the cache meanwhile gets either the whole old one or the whole new one.
      fs.renameSync(`${target}.new`, target)
    }
  } finally {
    fs.rmSync(place, { recursive: true, force: true })
  }
}

module.exports = { make }

if (require.main === module) {
  const [program, target, ...args] = process.argv.slice(2)
  if (isMainThread && PROGRAMS[program]?.setsFlags) {
    // The build sets V8's flags here, as in scripts/loader.cjs:
    // v8Flags
  }
  if (program === undefined) make(join(__dirname, "code"))
  else if (program === "layer-worker" && isMainThread) warmUpWorker(program, target, ...args)
  else warmUp(program, target, args)
  // This runs in the thread, which would otherwise wait for more work.
  parentPort?.on("message", ({ _tag }) => {
    if (_tag === "Abort") process.exit()
  })
}
