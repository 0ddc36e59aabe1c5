/**
 * Draws docs/terminal.svg: a real run of `oci-systemd`, as a terminal shows it.
 *
 *     npm run build && node scripts/terminal.mjs
 *
 * The images are made for it, below a temporary directory. script(1) gives the program a terminal.
 */
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import tar from "tar-stream"
import { top } from "./setup.mjs"

const COLUMNS = 96
const ESCAPE = "\u001b"
const ARCHITECTURE = process.arch === "x64" ? "amd64" : process.arch
/** The commands, and the lines that are shown of long output. A gap is shown as `…`. */
const COMMANDS = [
  { command: ["list"] },
  { command: ["inspect", "myorg.com/myapp:stable"], from: /^.*\[Service\]/, lines: 17 },
  { command: ["extract", "myorg.com/myap:stable"] },
  { command: ["gc", "--dry-run"] }
]

const CONTROLS = new RegExp(
  `(${ESCAPE}\\[[0-9]*[AJK]|\\r|\\n)|((?:${ESCAPE}\\[[0-9;]*m|[^${ESCAPE}\\r\\n])+)`,
  "g"
)
const STYLED = new RegExp(`${ESCAPE}\\[([0-9;]*)m|([^${ESCAPE}]+)`, "g")

const digest = (bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`
const MEDIA = "application/vnd.oci.image"

const archive = (files) =>
  new Promise((resolve) => {
    const pack = tar.pack()
    const chunks = []
    pack.on("data", (chunk) => chunks.push(chunk))
    pack.on("end", () => resolve(Buffer.concat(chunks)))
    for (const [name, content] of Object.entries(files)) {
      if (name.endsWith("/")) pack.entry({ name, type: "directory", mode: 0o755, mtime: new Date(0) })
      else pack.entry({ name, mode: 0o755, mtime: new Date(0) }, content)
    }
    pack.finalize()
  })

const noise = (bytes) => {
  const buffer = Buffer.alloc(bytes)
  for (let at = 0; at < bytes; at += 4) buffer.writeUInt32LE(Math.imul(at + 1, 2654435761) >>> 0, at)
  return buffer
}

/**
 * Writes a layout with these references, each with its layers, its process, and fields that replace those of
 * its descriptor.
 */
const writeLayout = (path, references) => {
  rmSync(path, { recursive: true, force: true })
  mkdirSync(join(path, "blobs/sha256"), { recursive: true })
  const blob = (type, content) => {
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content))
    writeFileSync(join(path, "blobs", digest(bytes).replace(":", "/")), bytes)
    return { mediaType: `${MEDIA}.${type}`, digest: digest(bytes), size: bytes.length }
  }
  const manifests = references.map(({ architecture = ARCHITECTURE, config, layers, ref }) => ({
    ...blob("manifest.v1+json", {
      schemaVersion: 2,
      mediaType: `${MEDIA}.manifest.v1+json`,
      config: blob("config.v1+json", {
        architecture,
        os: "linux",
        config: { Entrypoint: ["/bin/app"], ...config },
        rootfs: { type: "layers", diff_ids: layers.map(digest) }
      }),
      layers: layers.map((layer) => blob("layer.v1.tar+gzip", gzipSync(layer)))
    }),
    annotations: { "org.opencontainers.image.ref.name": ref }
  }))
  writeFileSync(join(path, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}')
  writeFileSync(join(path, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }))
}

const work = mkdtempSync(join(tmpdir(), "oci-systemd-terminal-"))
const layouts = join(work, "layouts")
const configuration = join(work, "conf")
const cli = join(top, "dist/oci-systemd.cjs")

/** Runs the program in a terminal and returns its whole output. */
const run = (...args) => {
  const line = `stty cols ${COLUMNS} rows 50; exec "$0" "$@" 2>&1`
  const words = ["sh", "-c", line, process.execPath, cli, "--config", configuration, ...args]
  const quoted = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ")
  return spawnSync("script", ["--quiet", "--command", quoted, "/dev/null"], {
    encoding: "utf8",
    env: { ...process.env, TERM: "xterm-256color", NO_COLOR: "" }
  }).stdout
}

const base = await archive({ "bin/": "", "lib/libc.so": noise(2_500_000) })
const app = await archive({ "bin/app": "#!/bin/sh\nexec sleep infinity\n" })
const next = await archive({ "bin/app": "#!/bin/sh\nexec sleep 86400\n", "share/data": noise(700_000) })
const myapp = (...references) => writeLayout(join(layouts, "myorg.com/myapp"), references)
const stable = {
  ref: "stable",
  layers: [base, app],
  config: { Cmd: ["--serve"], StopSignal: "SIGINT", ExposedPorts: { "8080/tcp": {} } }
}

try {
  writeFileSync(
    configuration,
    `[system]\nimagelayoutdir = ${layouts}\nextractsdir = ${work}/extracts\n\n[image myorg.com/*]\nwantedby = multi-user.target\nrestart = on-failure\n`
  )
  myapp(stable, { ref: "next", layers: [base, next] })
  writeLayout(join(layouts, "docker.io/library/nginx"), [{ ref: "1.27", layers: [base, app] }])
  writeLayout(join(layouts, "example.org/mainframe"), [{ ref: "v1", layers: [app], architecture: "s390x" }])
  run("extract", "docker.io/library/nginx", "myorg.com/myapp:next")
  const shots = COMMANDS.map(({ command, from, lines: most = Number.POSITIVE_INFINITY }) => {
    if (command[0] === "gc") myapp(stable)
    const all = settled(run(...command)).map((line) =>
      line.replaceAll(configuration, "/etc/oci-generator.conf").replaceAll(work, "/var/lib/oci")
    )
    const first = from === undefined ? 0 : all.findIndex((line) => from.test(line))
    const shown = all.slice(first, first + most)
    return [
      `${ESCAPE}[1m# oci-systemd ${command.join(" ")}${ESCAPE}[0m`,
      ...(first > 0 ? ["…"] : []),
      ...shown,
      ...(first + shown.length < all.length ? ["…"] : []),
      ""
    ]
  })
  writeFileSync(join(top, "docs/terminal.svg"), draw(shots.flat()))
} finally {
  rmSync(work, { recursive: true, force: true })
}

/** Returns the final lines: lines that were overwritten are gone. */
function settled(output) {
  const lines = [""]
  let row = 0
  for (const [, control, text] of output.replaceAll("\r\n", "\n").matchAll(CONTROLS)) {
    if (text !== undefined) lines[row] += text
    else if (control === "\n") lines[++row] ??= ""
    else if (control === "\r") lines[row] = ""
    else if (control.endsWith("A")) row = Math.max(0, row - Number(control.slice(2, -1) || 1))
    else if (control.endsWith("J")) {
      lines.length = row + 1
      lines[row] = ""
    }
  }
  return lines.join("\n").trimEnd().split("\n")
}

/** Draws the lines as text in a picture, which is small and whose words can be searched and copied. */
function draw(lines) {
  const [width, height] = [COLUMNS * 8.45 + 40, lines.length * 18 + 28]
  const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
  const rows = lines.map((line, row) => {
    let style = ""
    const spans = [...line.matchAll(STYLED)].map(([, code, text]) => {
      if (text === undefined) {
        style = code === "0" || code === "" ? "" : `c${code}`
        return ""
      }
      return style === "" ? escape(text) : `<tspan class="${style}">${escape(text)}</tspan>`
    })
    return `<text x="20" y="${row * 18 + 34}" xml:space="preserve">${spans.join("")}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="oci-systemd in a terminal">
<style>
text { font: 14px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #d8dee9; white-space: pre }
.c1 { font-weight: bold; fill: #ffffff } .c2 { fill: #8a94a6 } .c31 { fill: #ff7b72 } .c32 { fill: #7ee787 } .c33 { fill: #e3b341 } .c36 { fill: #76e3ea }
</style>
<rect width="100%" height="100%" rx="8" fill="#161b22"/>
${rows.join("\n")}
</svg>
`
}
