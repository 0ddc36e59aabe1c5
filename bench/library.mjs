/**
 * What it costs a program to import the library: milliseconds more than Node with nothing, each the best of several
 * processes. It measures what is built:
 *
 *     npm run build && node bench/library.mjs [ROUNDS]
 */
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"

const TOP = fileURLToPath(new URL("../", import.meta.url))
const rounds = Number(process.argv[2] ?? 15)

const IMPORTS = {
  "the whole library": "oci-systemd-generator",
  "the library with Effect": "oci-systemd-generator/effect",
  "effect/Effect alone": "effect/Effect",
  Platform: "oci-systemd-generator/Platform",
  UnitName: "oci-systemd-generator/UnitName",
  LayerMerge: "oci-systemd-generator/LayerMerge",
  Render: "oci-systemd-generator/Render"
}

/** @param {string} code */
const timed = (code) => {
  const begin = process.hrtime.bigint()
  const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", code], {
    cwd: TOP
  })
  if (status !== 0) throw new Error(stderr.toString())
  return Number(process.hrtime.bigint() - begin) / 1e6
}

// In turns, so that a busy moment of the machine meets all of them.
const best = new Map([["bare Node", Number.POSITIVE_INFINITY]])
for (let round = 0; round < rounds; round++) {
  for (const [name, from] of [["bare Node", ""], ...Object.entries(IMPORTS)]) {
    const time = timed(from === "" ? "" : `import ${JSON.stringify(from)}`)
    best.set(name, Math.min(best.get(name) ?? Number.POSITIVE_INFINITY, time))
  }
}
const bare = best.get("bare Node") ?? 0
console.log(`bare Node ${process.version}: ${bare.toFixed(0)} ms`)
for (const name of Object.keys(IMPORTS)) {
  console.log(`${name}: +${((best.get(name) ?? 0) - bare).toFixed(0)} ms`)
}
