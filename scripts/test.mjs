/**
 * All checks: formatting and lint, types, unit and property tests, and, where the machine can boot systemd in a
 * container, the end-to-end tests. Ends in one line of counts.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setUp, top } from "./setup.mjs"

try {
  setUp()
} catch (error) {
  console.error(`setting up failed: ${error.message}`)
  console.log("\n0 passed, 1 failed, 0 skipped")
  process.exit(1)
}
const bin = (name) => join(top, "node_modules/.bin", name)
const run = (name, command, args) => {
  console.log(`\n== ${name}`)
  return spawnSync(command, args, { cwd: top, stdio: "inherit" }).status === 0
}

const results = mkdtempSync(join(tmpdir(), "oci-systemd-test-"))
const report = join(results, "report.json")
const green = [
  run("format and lint", bin("biome"), ["check", "."]),
  run("types", bin("tsc"), ["-p", "."]),
  run("tests", bin("vitest"), ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`])
]
let counts
try {
  counts = JSON.parse(readFileSync(report, "utf8"))
} catch {
  counts = { numPassedTests: 0, numFailedTests: 1, numPendingTests: 0 }
}
rmSync(results, { recursive: true, force: true })
// A test file that cannot be loaded has no failed test, but vitest fails.
const failedTests = green[2] ? counts.numFailedTests : Math.max(counts.numFailedTests, 1)
const failed = failedTests + green.slice(0, 2).filter((ok) => !ok).length
if (failed > 0 || green.includes(false) || counts.numPassedTests === 0) process.exitCode = 1
console.log(`\n${counts.numPassedTests} passed, ${failed} failed, ${counts.numPendingTests} skipped`)
