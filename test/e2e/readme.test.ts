/** The README's five minutes, line by line, on booted machines: what is fetched from the world comes from here instead. */
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { installed } from "./support/Installed.ts"
import { type Machine, releases, skipReason } from "./support/Machine.ts"
import { copyTo, programs } from "./support/Programs.ts"
import * as Skopeo from "./support/Skopeo.ts"
import { until } from "./support/Waiting.ts"

const README = new URL("../../README.md", import.meta.url)
const UNIT = "library.nginx.ref.stable.service"

/** The machines have no network: these two lines are answered by what the test put there. */
const PUBLIC = "docker://docker.io/library/nginx:stable"
const HERE = "oci:/srv/images:nginx"
const INSTALL = /^apt install /
/** Of curl, what the README asks of it. */
const CURL = `#!/bin/sh
exec node -e 'fetch(process.argv[1]).then((it) => it.text()).then((text) => console.log(text))' "$1"
`

/** What a line has to say. */
const SAID: ReadonlyArray<readonly [line: RegExp, said: RegExp]> = [
  [/^oci-systemd list$/, /^library\/nginx:stable +library\.nginx\.ref\.stable\.service/m],
  [/^curl /, /Welcome to nginx/],
  [/^systemctl status /, /Active: active \(running\)/],
  [/^journalctl /, /"GET \/ HTTP\/1\.1" 200/],
  [/^oci-systemd enable /, /./]
]

/** Lines that change nothing, and may be asked again. */
const ASKS = /^(curl|journalctl|systemctl status) /

const lines = async (): Promise<readonly string[]> => {
  const block = /<!-- quick start -->\s*```sh\n(.*?)```/s.exec(await readFile(README, "utf8"))?.[1]
  if (block === undefined) throw new Error("README.md has no quick start")
  return block.split("\n").filter((line) => line !== "" && !INSTALL.test(line))
}

const reason = skipReason()
describe.skipIf(reason !== undefined).each(releases())(`README.md on %s${reason ?? ""}`, (release) => {
  let machine: Machine
  beforeAll(async () => {
    const layout = await programs()
    machine = await installed(release, async (layouts) => {
      const root = join(layouts, "../../../..")
      await Skopeo.install(root, "docker.io")
      await copyTo(layout, join(root, "srv/images"))
      await writeFile(join(root, "usr/local/bin/curl"), CURL, { mode: 0o755 })
    })
    await machine.boot()
  })
  afterAll(async () => machine?.dispose())

  it("brings nginx to life", async () => {
    const typed = await lines()
    for (const [of] of SAID)
      assert.lengthOf(
        typed.filter((line) => of.test(line)),
        1,
        `${of}`
      )
    for (const line of typed) {
      const expected = SAID.find(([of]) => of.test(line))?.[1] ?? /^/
      const command = line.replace(PUBLIC, HERE)
      let result = await machine.run(command, { check: false })
      // People type slower than nginx starts, and than its log comes to the journal.
      if (ASKS.test(line))
        await until(machine, line, async () => {
          result = await machine.run(command, { check: false })
          return expected.test(result.stdout)
        })
      assert.strictEqual(result.code, 0, `${line}\n${result.stdout}${result.stderr}`)
      assert.match(result.stdout, expected, line)
    }
  })

  it("has nginx started at the next boot", async () => {
    await machine.reboot()
    await until(
      machine,
      "an active service",
      async () => (await machine.run(["systemctl", "is-active", UNIT], { check: false })).code === 0
    )
    assert.match((await machine.run("curl http://localhost/")).stdout, /Welcome to nginx/)
  })

  it("removes it by one command, which says what stays", async () => {
    const line = /^oci-systemd remove .*$/m.exec(await readFile(README, "utf8"))?.[0] ?? ""
    const { stdout } = await machine.run(line)
    assert.include(stdout, `Stopped ${UNIT}.`)
    assert.match(stdout, /^Removed \/etc\/oci-generator\.conf\.d\/50-enabled-\S+\.conf\.$/m)
    assert.match(stdout, /^Removed \/var\/lib\/oci\/layouts\/library\/nginx\.$/m)
    assert.match(stdout, /^Kept \/var\/lib\/oci\/volumes\/library\.nginx\.ref\.stable: /m)
    assert.strictEqual((await machine.run("ls -A /var/lib/oci/layouts")).stdout, "")
    assert.strictEqual(
      (await machine.run("find /var/lib/oci/extracts/roots -mindepth 3 -maxdepth 3")).stdout,
      ""
    )
    assert.notInclude((await machine.run("cat /proc/self/mountinfo")).stdout, "library.nginx")
    const { code } = await machine.run(["systemctl", "cat", UNIT], { check: false })
    assert.notStrictEqual(code, 0)
    assert.strictEqual((await machine.run("systemctl --failed --plain --no-legend")).stdout, "")
  })
})
