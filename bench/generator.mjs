/**
 * How long the generator takes, and how much memory: against a bare start of the same Node, with many images, and
 * beside podman's generator on as many .container files.
 *
 *     npm run build:executables && node bench/generator.mjs [RUNS [IMAGES,IMAGES,…]]
 *
 * Each figure is the median of RUNS (15), taken in turn, with nothing in the environment but PATH, as systemd starts
 * generators. Ratios are to `node -e 0` of the same run: they depend on Node's version, since Node's own start does.
 */
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const dist = join(dirname(fileURLToPath(import.meta.url)), "../dist")
const RUNS = Number(process.argv[2] ?? 15)
const COUNTS = process.argv[3]?.split(",").map(Number) ?? [0, 1, 100, 1000, 10_000]
const PODMAN = "/usr/lib/systemd/system-generators/podman-system-generator"
/** In memory, as /run is, where the machine has that. */
const work = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "oci-generator-bench-"))

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex")
const OCI = "application/vnd.oci.image"

/** Layouts with one image each, as an ordinary application's: index, manifest and configuration; no layers. */
const makeLayouts = (directory, count) => {
  mkdirSync(directory, { recursive: true })
  for (let index = 0; index < count; index++) {
    const layout = join(directory, "example.org", `app-${index}`)
    mkdirSync(join(layout, "blobs/sha256"), { recursive: true })
    const put = (mediaType, content) => {
      const bytes = Buffer.from(JSON.stringify(content))
      writeFileSync(join(layout, "blobs/sha256", sha256(bytes)), bytes)
      return { mediaType, digest: `sha256:${sha256(bytes)}`, size: bytes.length }
    }
    const layers = Array.from({ length: 5 }, (_, layer) => `sha256:${sha256(`${index} ${layer}`)}`)
    const config = put(`${OCI}.config.v1+json`, {
      architecture: process.arch === "x64" ? "amd64" : process.arch,
      os: "linux",
      config: {
        Entrypoint: ["/usr/bin/app"],
        Cmd: ["--listen", `0.0.0.0:${1024 + index}`],
        Env: ["PATH=/usr/local/bin:/usr/bin:/bin", `NAME=app-${index}`, "LANG=C.UTF-8"],
        WorkingDir: "/srv",
        User: "1000:1000",
        ExposedPorts: { "8080/tcp": {} },
        Labels: { "org.opencontainers.image.title": `App ${index}` }
      },
      history: layers.map((layer) => ({
        created: "2026-01-01T00:00:00Z",
        created_by: `RUN something # ${layer}`
      })),
      rootfs: { type: "layers", diff_ids: layers }
    })
    const manifest = put(`${OCI}.manifest.v1+json`, {
      schemaVersion: 2,
      config,
      layers: layers.map((digest) => ({ mediaType: `${OCI}.layer.v1.tar+gzip`, digest, size: 1_000_000 }))
    })
    writeFileSync(join(layout, "oci-layout"), `{"imageLayoutVersion":"1.0.0"}`)
    const annotations = { "org.opencontainers.image.ref.name": "stable" }
    writeFileSync(
      join(layout, "index.json"),
      JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] })
    )
  }
}

const makeQuadlets = (directory, count) => {
  mkdirSync(directory, { recursive: true })
  for (let index = 0; index < count; index++) {
    writeFileSync(
      join(directory, `app-${index}.container`),
      `[Unit]\nDescription=App ${index}\n[Container]\nImage=example.org/app-${index}:stable\nExec=--listen 0.0.0.0:${1024 + index}\nEnvironment=NAME=app-${index} LANG=C.UTF-8\nWorkingDir=/srv\nUser=1000\n`
    )
  }
}

/** One run: milliseconds, and where GNU time is, the most memory in MiB. */
const TIME = "/usr/bin/time"
const once = ({ argv, before = () => {}, env = {} }) => {
  before()
  const output = join(work, "units")
  rmSync(output, { recursive: true, force: true })
  mkdirSync(output)
  const start = process.hrtime.bigint()
  const { status, stderr } = spawnSync(argv[0], [...argv.slice(1), output, output, output], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8"
  })
  const milliseconds = Number(process.hrtime.bigint() - start) / 1e6
  if (status !== 0) throw new Error(`${argv.join(" ")} ended with ${status}: ${stderr}`)
  return milliseconds
}

const memory = ({ argv, before = () => {}, env = {} }) => {
  before()
  if (!existsSync(TIME)) return undefined
  const output = join(work, "units")
  rmSync(output, { recursive: true, force: true })
  mkdirSync(output)
  const { stderr } = spawnSync(TIME, ["-f", "%M", ...argv, output, output, output], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8"
  })
  return Number(stderr.trim().split("\n").at(-1)) / 1024
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

/** All of them in turn, so that what else the machine does meets each alike. */
const measure = (title, programs, runs) => {
  console.log(`\n${title}`)
  const times = programs.map(() => [])
  for (let run = 0; run < runs; run++)
    for (const [at, program] of programs.entries()) times[at].push(once(program))
  const base = median(times[0])
  for (const [at, program] of programs.entries()) {
    const time = median(times[at])
    const most = memory(program)
    console.log(
      `  ${program.name.padEnd(44)} ${time.toFixed(1).padStart(8)} ms ${(time / base).toFixed(2).padStart(7)}${most === undefined ? "" : ` ${most.toFixed(0).padStart(6)} MiB`}`
    )
  }
}

try {
  const node = { name: "node -e 0", argv: [process.execPath, "-e", "0", "--"] }
  const plain = join(work, "plain")
  for (const name of ["oci-systemd-generator.cjs", "code/oci-systemd-generator.js"]) {
    cpSync(join(dist, name), join(plain, name))
  }
  const program = (name, argv) => (config) => ({ name, argv: [...argv, "-config", config] })
  const forms = [
    program("bundle, without a code cache", [process.execPath, join(plain, "oci-systemd-generator.cjs")]),
    program("bundle", [process.execPath, join(dist, "oci-systemd-generator.cjs")]),
    ...(existsSync(join(dist, "bin"))
      ? [program("single executable", [join(dist, "bin/oci-systemd-generator")])]
      : [])
  ]
  if (forms.length < 3) console.log("no single executable: npm run build:executables makes it")
  /** With its memory, as systemd runs it: nothing has changed, or the configuration has. */
  const remembering = (config, isChanged) => {
    const memory = `${config}-${isChanged ? "changed" : "unchanged"}`
    const argv = [join(dist, "oci-generator"), "-config", config]
    const env = { OCI_GENERATOR_MEMORY: memory }
    // What is as new as the run is not trusted, and would not be remembered.
    const settle = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
    const change = () => {
      utimesSync(config, new Date(), new Date())
      settle()
    }
    return isChanged
      ? { name: "with its memory, changed and remembered anew", argv, env, before: change }
      : {
          name: "with its memory, unchanged",
          argv,
          env,
          // The other one has changed the configuration.
          before: () => {
            settle()
            once({ argv, env })
          }
        }
  }
  console.log(
    `Node ${process.version}, V8 ${process.versions.v8}; ratios to node -e 0; units are written to ${work}`
  )

  const configOf = (count) => {
    const directory = join(work, `${count}`)
    makeLayouts(join(directory, "layouts"), count)
    const config = join(directory, "conf")
    writeFileSync(
      config,
      `[system]\nimagelayoutdir = ${directory}/layouts\nextractsdir = ${directory}/extracts\nmaxseconds = 1000\n`
    )
    return config
  }
  if (!existsSync(PODMAN)) console.log(`no ${PODMAN}: not compared (Debian: apt install podman)`)
  for (const count of COUNTS) {
    const config = configOf(count)
    const peers = []
    if (existsSync(PODMAN)) {
      const files = join(work, `quadlets-${count}`)
      makeQuadlets(files, count)
      peers.push({ name: "podman's generator", argv: [PODMAN], env: { QUADLET_UNIT_DIRS: files } })
    }
    const shown = count <= 1 ? forms : forms.slice(1)
    const runs = count >= 10_000 ? Math.min(3, RUNS) : count >= 1000 ? Math.min(7, RUNS) : RUNS
    measure(
      `${count} image${count === 1 ? "" : "s"}`,
      [
        node,
        ...shown.map((form) => form(config)),
        remembering(config, false),
        remembering(config, true),
        ...peers
      ],
      runs
    )
    rmSync(join(work, `${count}`), { recursive: true, force: true })
  }
} finally {
  rmSync(work, { recursive: true, force: true })
}
