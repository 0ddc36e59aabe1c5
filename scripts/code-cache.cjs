/**
 * Makes V8's code caches for the Node that runs this, beside the programs:
 *
 *     node dist/code-cache.cjs
 *
 * The build does it for its own Node. A package does it where it is installed, and again when Node is another: a cache
 * is of use to exactly one version. Without it, or with one that does not fit, the programs start as they are, only slower.
 *
 * Each program is run once, on an image made up for it, so that the cache has the functions that were needed.
 */
"use strict"
const { execFileSync } = require("node:child_process")
const { createHash } = require("node:crypto")
const fs = require("node:fs")
const { tmpdir } = require("node:os")
const { join } = require("node:path")
const { Script } = require("node:vm")

/** `flags`: those that the program is run with, or V8 does not take the cache. */
const PROGRAMS = {
  "oci-systemd-generator": {
    flags: [],
    run: (place) => ["-config", `${place}/conf`, "-debug", `${place}/units`]
  },
  "oci-systemd": {
    flags: ["--max-semi-space-size=4"],
    run: (place) => ["dry-run", "--config", `${place}/conf`]
  },
  "layer-worker": { flags: ["--max-semi-space-size=4"], run: () => [] }
}

const pathOf = (program) => join(__dirname, "code", program)

/** Runs a program in this process, and writes its cache when it ends. */
const warmUp = (program, target, args) => {
  const source = fs.readFileSync(`${pathOf(program)}.js`)
  const script = new Script(source.latin1Slice(), { filename: `${pathOf(program)}.js` })
  process.on("exit", () => {
    const cache = script.createCachedData()
    const hash = createHash("sha256").update(source).update(cache).digest()
    // Whoever reads it meanwhile has the whole of the old one, or of the new.
    fs.writeFileSync(`${target}.new`, Buffer.concat([hash, cache]))
    fs.renameSync(`${target}.new`, target)
  })
  process.argv = [process.execPath, join(__dirname, `${program}.cjs`), ...args]
  script.runInThisContext()(require, join(__dirname, `${program}.cjs`), __dirname)
}

/** A layout with one image, as small as it can be; its layer is not there, and nobody asks for it. */
const makePlace = (place) => {
  const layout = `${place}/layouts/example.org/image`
  fs.mkdirSync(`${layout}/blobs/sha256`, { recursive: true })
  fs.mkdirSync(`${place}/units`)
  const put = (mediaType, content, more = {}) => {
    const bytes = Buffer.from(JSON.stringify(content))
    const hex = createHash("sha256").update(bytes).digest("hex")
    fs.writeFileSync(`${layout}/blobs/sha256/${hex}`, bytes)
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length, ...more }
  }
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
    rootfs: { type: "layers", diff_ids: [`sha256:${"0".repeat(64)}`] }
  })
  const layers = [{ mediaType: `${type}.layer.v1.tar+gzip`, digest: `sha256:${"1".repeat(64)}`, size: 1 }]
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

/** Makes the caches of these programs in `directory`, as for programs that are run with `flags`. */
const make = (directory, names = Object.keys(PROGRAMS), flags = undefined) => {
  const place = fs.mkdtempSync(join(tmpdir(), "oci-systemd-"))
  try {
    makePlace(place)
    for (const name of names) {
      const program = PROGRAMS[name]
      const target = join(directory, `${name}.${process.version}-${process.arch}.cache`)
      execFileSync(
        process.execPath,
        [...(flags ?? program.flags), __filename, name, target, ...program.run(place)],
        { stdio: ["ignore", "ignore", "ignore"] }
      )
    }
  } finally {
    fs.rmSync(place, { recursive: true, force: true })
  }
}

module.exports = { make }

if (require.main === module) {
  const [program, target, ...args] = process.argv.slice(2)
  if (program === undefined) make(join(__dirname, "code"))
  else warmUp(program, target, args)
}
