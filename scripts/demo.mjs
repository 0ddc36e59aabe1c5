/**
 * Shows the main job on a sample: a layout is found, extracted and converted to units, all below a temporary
 * directory.
 */
import { execFileSync } from "node:child_process"
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setUp, top } from "./setup.mjs"

setUp()
const { makeSample } = await import("./sample.mjs")

const work = mkdtempSync(join(tmpdir(), "oci-systemd-demo-"))
const heading = (text) => console.log(`\n\u2500\u2500 ${text}\n`)
const program = (name, ...args) =>
  execFileSync(process.execPath, [join(top, "dist", `${name}.cjs`), ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"]
  })

const tree = (directory, indent = "   ") => {
  for (const entry of readdirSync(directory, { withFileTypes: true }).sort((a, b) =>
    a.name < b.name ? -1 : 1
  )) {
    const path = join(directory, entry.name)
    const more = entry.isSymbolicLink()
      ? ` -> ${readlinkSync(path)}`
      : entry.isFile()
        ? `  ${statSync(path).size} bytes`
        : "/"
    console.log(`${indent}${entry.name}${more}`)
    if (entry.isDirectory()) tree(path, `${indent}   `)
  }
}

try {
  const layouts = join(work, "layouts")
  const units = join(work, "units")
  const configuration = join(work, "oci-generator.conf")
  mkdirSync(units)
  writeFileSync(
    configuration,
    `[system]\nimagelayoutdir = ${layouts}\nextractsdir = ${join(work, "extracts")}\nroots = directories\n`
  )

  heading("An OCI image layout, as skopeo would write it: example.org/hello")
  await makeSample(layouts)
  tree(layouts)

  heading("oci-systemd list")
  console.log(program("oci-systemd", "list", "--config", configuration))

  heading("oci-systemd extract: both layers verified and merged (the second one removes a file of the first)")
  program("oci-systemd", "extract", "--config", configuration)
  const [image] = JSON.parse(program("oci-systemd", "list", "--json", "--config", configuration))
  const { root } = JSON.parse(
    program("oci-systemd", "inspect", "--json", "--config", configuration, image.image)
  )
  tree(root)
  console.log("\n   the program in it runs:")
  for (const line of execFileSync(join(root, "bin/hello"), ["hello", "from", "the extracted root"], {
    encoding: "utf8"
  })
    .trim()
    .split("\n")) {
    console.log(`   | ${line}`)
  }

  heading("oci-systemd-generator, as systemd runs it at boot and at every daemon-reload")
  program("oci-systemd-generator", "-config", configuration, units)
  const written = readdirSync(units).sort(
    (a, b) => b.startsWith(image.unit) - a.startsWith(image.unit) || (a < b ? -1 : 1)
  )
  for (const unit of written.filter((name) => name.includes(image.unit))) {
    console.log(`   ${unit}\n`)
    console.log(readFileSync(join(units, unit), "utf8").replace(/^/gm, "   | ").replace(/ +$/gm, ""))
  }
  const others = written.filter((name) => name.startsWith("oci-layouts"))
  console.log(
    `   and ${others.length} units named oci-layouts…, for file systems that are mounted only later in the boot`
  )

  heading("What happens at systemctl start")
  console.log(
    "   1. oci-prepare@…  puts a writable layer over the extracted root, and makes the image's user known to the host"
  )
  console.log("      The first time it extracts the image.")
  console.log(`   2. ${image.unit}  runs the image's program in that root, as the image's user`)
  console.log(
    "   At systemctl stop oci-stop@… sends the stop signal and waits; then the mount goes, and what was written in it (oci-scratch@…)."
  )

  heading(
    "On a machine that runs systemd, with the programs installed (see README.md), this is all there is to it"
  )
  console.log("   mkdir -p /var/lib/oci/layouts/myorg.com")
  console.log("   skopeo copy docker://myorg/myapp:stable oci:/var/lib/oci/layouts/myorg.com/myapp:stable")
  console.log("   systemctl daemon-reload")
  console.log("   systemctl start com.myorg.myapp.ref.stable.service")
} finally {
  rmSync(work, { recursive: true, force: true })
}
