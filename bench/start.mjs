/**
 * How long `systemctl start` takes until the program runs, on a booted machine: services of one image in each root mode,
 * against a plain service of the host (the same program, nothing else), and against one that is confined like the image's but has
 * no root of its own. Then fifty images at once, against fifty plain services. Then `podman run` of the same image, and a Quadlet of
 * it, in the same machine. And what a health check costs of the processor, against a oneshot that is confined like the service and enters
 * the same root by itself, as checks did before they joined the service.
 * As root, with what the end-to-end tests need; the programs are those of the last `npm run build`.
 *
 *     node bench/start.mjs [--release trixie] [--runs 15] [--part one|many|podman|check]…
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { build } from "esbuild"
import { printTable } from "./Measure.mjs"

const { values } = parseArgs({
  options: {
    release: { type: "string", default: "trixie" },
    runs: { type: "string", default: "15" },
    part: { type: "string", multiple: true, default: ["one", "many", "podman", "check"] }
  }
})

const top = join(dirname(fileURLToPath(import.meta.url)), "..")
/** The machines of the tests are TypeScript. The bundle lies as deep as its source: that finds the rest from where it is. */
const machines = async () => {
  const outfile = join(top, "node_modules/.cache/bench/Machines.mjs")
  const source = [
    "test/e2e/support/Installed.ts",
    "test/e2e/support/Packages.ts",
    "test/e2e/support/layouts.ts",
    "test/support/LayoutWriter.ts"
  ]
  await build({
    stdin: {
      contents: source.map((path) => `export * from "./${path}"`).join("\n"),
      resolveDir: top,
      loader: "ts"
    },
    outfile,
    bundle: true,
    platform: "node",
    format: "esm"
  })
  return import(outfile)
}
const { busyboxRootfs, installed, installPackages, LAYOUTS, LayoutWriter } = await machines()

const work = mkdtempSync(join(tmpdir(), "oci-systemd-bench-"))
process.on("exit", () => rmSync(work, { recursive: true, force: true }))

const MANY = Array.from({ length: 50 }, (_, index) => `many${index}`)
const unit = (name) => `org.example.${name}.ref.v1.service`
const PROGRAM = ["/bin/sleep", "1000000"]
const CONFIGURATION = `[image example.org/persistent:*]
root = persistent
[image example.org/readonly:*]
root = readonly
[image example.org/strict:*]
profile = strict
[image example.org/trusted:*]
profile = trusted
[image example.org/trusted-readonly:*]
profile = trusted
root = readonly
`

const rootfs = await busyboxRootfs(join(work, "rootfs"))
const archive = join(work, "rootfs.tar")
spawnSync("tar", ["-C", rootfs, "-cf", archive, "."])
const content = readFileSync(archive)
const writeLayout = (directory, name, config = {}) => {
  const layout = new LayoutWriter(join(directory, "example.org", name))
  const full = { Entrypoint: PROGRAM, StopSignal: "SIGKILL", Env: [`NAME=${name}`], ...config }
  layout.index(layout.named("v1", layout.image({ config: full }, {}, content)))
}

const IMAGES = {
  ephemeral: {},
  persistent: {},
  readonly: {},
  strict: {},
  trusted: {},
  "trusted-readonly": {},
  "with-user": { User: "app" },
  checked: { Healthcheck: { Test: ["CMD", "/bin/true"], Interval: 3600e9 } }
}
const machine = await installed(values.release, (directory) => {
  for (const [name, config] of Object.entries(IMAGES)) writeLayout(directory, name, config)
  for (const name of MANY) writeLayout(directory, name)
})

/** Runs in the machine: prints the milliseconds that each start took, as JSON. */
const MEASURE = `
const { spawnSync } = require("node:child_process")
const [runs, sets] = process.argv.slice(2).map((argument) => JSON.parse(argument))
const run = (...words) => {
  const { error, status, stderr, stdout } = spawnSync(words[0], words.slice(1), { encoding: "utf8" })
  if (status !== 0) throw error ?? new Error(words.join(" ") + ": " + stderr)
  return stdout
}
const settle = () => {
  while (!/^(No jobs.*)?$/m.test(run("systemctl", "list-jobs", "--no-legend").trim() || "No jobs")) {}
  // PID 1 takes in five mount events a second: what is left of the last run must not be measured.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300)
}
const times = sets.map(() => [])
for (let turn = -1; turn < runs; turn++) {
  for (const [index, { start, stop }] of sets.entries()) {
    settle()
    const before = process.hrtime.bigint()
    run(...start)
    const took = Number(process.hrtime.bigint() - before) / 1e6
    // The first is not counted: it makes what the others find.
    if (turn >= 0) times[index].push(took)
    run(...stop)
  }
}
console.log(JSON.stringify(times))
`

const service = (lines) => `[Unit]\nStartLimitIntervalSec=0\n[Service]\n${lines.join("\n")}\n`
const plain = service(["Type=exec", `ExecStart=${PROGRAM.join(" ")}`, "KillSignal=SIGKILL"])

const median = (times) => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]

/** Units that are started together. */
const units = (name, ...words) => ({
  name,
  start: ["systemctl", "start", ...words],
  stop: ["systemctl", "stop", ...words]
})

const measured = async (runs, sets) => {
  const { stdout } = await machine.run(["node", "/root/measure.cjs", String(runs), JSON.stringify(sets)], {
    timeout: 600_000
  })
  return JSON.parse(stdout.trim().split("\n").at(-1)).map((times, index) => ({
    name: sets[index].name,
    median: median(times),
    least: Math.min(...times),
    most: Math.max(...times)
  }))
}

const report = (title, results, references) => {
  console.log(`${title}\n`)
  printTable(
    ["service", "median ms", "least", "most", ...references.map(({ name }) => `to ${name}`)],
    results.map(({ name, median, least, most }) => [
      name,
      ...[median, least, most].map((time) => time.toFixed(1)),
      ...references.map((reference) => (median / reference.median).toFixed(2))
    ])
  )
}

/** The image's own unit, less its root and what comes before it: its program is the host's then. */
const withoutRoot = async () => {
  // Before the first start its unit is one that says what is not known yet.
  await machine.run(["systemctl", "start", unit("ephemeral")])
  await machine.run(["systemctl", "stop", unit("ephemeral")])
  const text = await machine.read(`/run/systemd/generator/${unit("ephemeral")}`)
  return text
    .split("\n")
    .filter(
      (line) =>
        !/^(?:RootDirectory|WorkingDirectory|BindPaths|Requires|After|Wants|StandardOutput|StandardError)=/.test(
          line
        )
    )
    .join("\n")
}

const one = async () => {
  await machine.write("/run/systemd/system/plain.service", plain)
  await machine.write("/run/systemd/system/confined.service", await withoutRoot())
  await machine.run("systemctl daemon-reload")
  const results = await measured(Number(values.runs), [
    units("plain", "plain.service"),
    units("confined", "confined.service"),
    ...Object.keys(IMAGES).map((name) => units(name, unit(name)))
  ])
  report("`systemctl start` until the program runs", results, results.slice(0, 2))
}

const many = async () => {
  const names = MANY.map((name) => `plain-${name}.service`)
  for (const name of names) await machine.write(`/run/systemd/system/${name}`, plain)
  await machine.run("systemctl daemon-reload")
  const results = await measured(Math.min(5, Number(values.runs)), [
    units("50 plain", ...names),
    units("50 images", ...MANY.map(unit))
  ])
  report("Fifty at once, until all run", results, results.slice(0, 1))
}

/** A machine in a container has no `pids` controller, can raise no limits, and its services have no keyrings and no bpf. */
const PODMAN = {
  packages: ["podman", "crun", "netavark", "nftables"],
  files: {
    // The kernel refuses an overlay on the overlay that the machine's root is.
    "/etc/containers/storage.conf": `[storage]
driver = "overlay"
graphroot = "/var/lib/oci/podman"
runroot = "/run/containers/storage"
`,
    "/etc/containers/containers.conf": `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
pids_limit = 0
keyring = false
`,
    "/etc/containers/systemd/quadlet.container": `[Container]
Image=localhost/image:v1
Network=host
PodmanArgs=--cgroups=disabled
`
  }
}

const podman = async () => {
  const layout = join(LAYOUTS, "example.org/ephemeral")
  // Its name for an image in a layout is one that only it knows.
  const pulled = await machine.run(["podman", "pull", "--quiet", `oci:${layout}:v1`])
  await machine.run(["podman", "tag", pulled.stdout.trim(), "localhost/image:v1"])
  const run = (...options) => ({
    name: ["podman run -d", ...options].join(" "),
    start: ["podman", "run", "--detach", "--quiet", "--name=measured", ...options, "localhost/image:v1"],
    stop: ["podman", "rm", "--force", "--time=0", "measured"]
  })
  const results = await measured(Number(values.runs), [
    run(),
    run("--network=host"),
    run("--network=host", "--cgroups=disabled"),
    units("Quadlet, as the last", "quadlet.service"),
    ...["ephemeral", "readonly", "trusted"].map((name) => units(name, unit(name)))
  ])
  const { stdout } = await machine.run("podman --version")
  report(`Beside ${stdout.trim()}, until it says that the program runs`, results, [results[0], results[3]])
}

const check = async () => {
  const name = unit("checked")
  await machine.run(["systemctl", "start", name])
  const text = await machine.read(`/run/systemd/generator/${name}`)
  const own = text
    .split("\n")
    .filter((line) => !/^(?:Type|ExecStart|Requires|After|Wants|KillSignal)=/.test(line))
    .join("\n")
  await machine.write(
    "/run/systemd/system/own.service",
    `${own}\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n`
  )
  await machine.run("systemctl daemon-reload")
  const used = async (checking) => {
    const times = []
    for (let run = 0; run < Number(values.runs); run++) {
      await machine.run(["systemctl", "restart", checking])
      const { stdout } = await machine.run(["systemctl", "show", "-P", "CPUUsageNSec", checking])
      times.push(Number(stdout) / 1e6)
    }
    return { name: checking, median: median(times), least: Math.min(...times), most: Math.max(...times) }
  }
  const results = [await used("own.service"), await used(`oci-check@${name}`)]
  report("Processor time of one check", results, results.slice(0, 1))
}

// Nothing else keeps this process from ending while a machine is switched off.
const alive = setInterval(() => {}, 1000)
try {
  await machine.write("/etc/oci-generator.conf", CONFIGURATION)
  await machine.write("/root/measure.cjs", MEASURE)
  if (values.part.includes("podman")) {
    await installPackages(machine.root, PODMAN.packages)
    for (const [path, content] of Object.entries(PODMAN.files)) await machine.write(path, content)
  }
  await machine.boot()
  await machine.write("/run/systemd/system/service.d/starts.conf", "[Unit]\nStartLimitIntervalSec=0\n")
  await machine.run("systemctl daemon-reload")
  const version = (await machine.run("systemctl --version")).stdout.split("\n")[0]
  console.log(`${values.release}: ${version}\n`)
  const parts = { one, many, podman, check }
  for (const part of values.part) {
    if (parts[part] === undefined)
      throw new Error(`no part is called "${part}"; there are: ${Object.keys(parts)}`)
    await parts[part]()
  }
} finally {
  await machine.dispose()
  clearInterval(alive)
}
