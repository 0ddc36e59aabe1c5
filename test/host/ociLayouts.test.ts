/** The script that looks again after mounts sees what the generator saw, and does nothing unless that has changed. */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "vitest"
import * as MountSnapshot from "../../src/services/host/MountSnapshot.ts"
import { temporary } from "../support/LayoutWriter.ts"

const SCRIPT = fileURLToPath(new URL("../../src/host/oci-layouts.sh", import.meta.url))

/** Writes down what it is asked, and refuses to reload. */
const SYSTEMCTL = `#!/bin/sh
echo "$1" >>"$CALLS"
[ "$1" != daemon-reload ]
`

/** What the script says of the directories that the generator saw; and whether it wanted to reload. */
const look = (work: string, ...sightings: ReturnType<typeof MountSnapshot.of>[]) => {
  const [bin, calls] = [join(work, "bin"), join(work, "calls")]
  mkdirSync(bin, { recursive: true })
  writeFileSync(join(bin, "systemctl"), SYSTEMCTL, { mode: 0o755 })
  const argv = sightings.flatMap(({ directory, seen }) => [directory, seen])
  const { status, stdout, stderr } = spawnSync("sh", [SCRIPT, ...argv], {
    encoding: "utf8",
    env: { PATH: `${bin}:/usr/bin:/bin`, CALLS: calls, OCI_LOCK: join(work, "lock") }
  })
  assert.strictEqual(stderr, "")
  const reloaded = existsSync(calls) && readFileSync(calls, "utf8").includes("daemon-reload\n")
  assert.strictEqual(status, reloaded ? 1 : 0)
  return { stdout, reloaded }
}
const QUIET = { stdout: "", reloaded: false }
const changed = (path: string) => ({
  stdout: `${path} is not what it was when units were generated\n`,
  reloaded: true
})

describe("oci-layouts", () => {
  it("sees what the generator saw, also where other file systems are, and does nothing", () => {
    using work = temporary()
    const at = (name: string) => join(work.path, name)
    mkdirSync(at("there/below"), { recursive: true })
    symlinkSync("there", at("link"))
    symlinkSync("nowhere", at("dangling"))
    const paths = ["/", "/proc", "/dev", "/sys", ...["there", "link", "dangling", "missing/deep"].map(at)]
    const sightings = paths.map(MountSnapshot.of)
    assert.deepStrictEqual(look(work.path, ...sightings), QUIET)
    assert.match(sightings[0]?.seen ?? "", /^\d+:\d+:[1-9]\d*$/)
    assert.strictEqual(sightings[5]?.seen, sightings[4]?.seen)
    assert.strictEqual(sightings[5]?.realPath, at("there"))
    assert.strictEqual(sightings[7]?.realPath, at("missing/deep"))
  })

  it("has the generator look again where a directory has come, gone, or is another", () => {
    using work = temporary()
    const path = join(work.path, "layouts")
    const missing = MountSnapshot.of(path)
    assert.strictEqual(missing.seen, "missing")
    mkdirSync(path)
    assert.deepStrictEqual(look(work.path, missing), changed(path))
    const there = MountSnapshot.of(path)
    assert.deepStrictEqual(
      look(work.path, MountSnapshot.of("/"), { ...there, seen: missing.seen }),
      changed(path)
    )
    renameSync(path, join(work.path, "moved"))
    assert.deepStrictEqual(look(work.path, there), changed(path))
    mkdirSync(path)
    assert.deepStrictEqual(look(work.path, there), changed(path))
  })

  it("looks for mounts below, too", () => {
    using work = temporary()
    const { directory, realPath, seen } = MountSnapshot.of("/")
    const fewer = seen.replace(/\d+$/, (count) => `${Number(count) - 1}`)
    assert.deepStrictEqual(look(work.path, { directory, realPath, seen: fewer }), changed("/"))
  })
})
