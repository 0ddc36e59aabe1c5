/** What an image's process has, by one program under podman and here, is what docs/process.md says. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { LayoutWriter, temporary } from "../support/LayoutWriter.ts"
import { run } from "./support/Command.ts"
import { installed } from "./support/Installed.ts"
import { busyboxRootfs } from "./support/layouts.ts"
import { type Machine, releases, skipReason } from "./support/Machine.ts"
import * as Podman from "./support/Podman.ts"

const DOCUMENT = new URL("../../docs/process.md", import.meta.url)
const PROGRAM = new URL("../support/processFacts.sh", import.meta.url)
const UNIT = "org.example.facts.ref.v1.service"
const COLUMNS = ["podman", "bookworm", "trixie", "sid"] as const
type Column = (typeof COLUMNS)[number]
/** Prints what the program compares itself with. */
const OF_HOST =
  'printf "HOST=%s\\n" "$(hostname)"; printf "SPACES="; for n in cgroup ipc mnt net pid user uts; do printf "%s " "$(readlink /proc/self/ns/$n)"; done; echo; sed -n "s/^CapInh:[^0-9a-f]*/INHERITED=/p" /proc/1/status'

const parse = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text.split("\n").flatMap((line) => {
      const [fact, value] = line.split("\t")
      return fact === undefined || value === undefined ? [] : [[fact, value.trim() || "none"] as const]
    })
  )

/** The rows of the document: a fact, a cell for each column, and why they differ. */
const rows = (): Map<string, string[]> =>
  new Map(
    readFileSync(DOCUMENT, "utf8")
      .split("\n")
      .filter((line) => line.startsWith("| ") && !line.startsWith("| fact") && !line.startsWith("| ---"))
      .map((line) =>
        line
          .split("|")
          .slice(1, -1)
          .map((cell) => cell.trim())
      )
      .map(([fact = "", ...cells]) => [fact, cells])
  )

const compare = (column: Column, found: ReadonlyMap<string, string>): void => {
  assert.isAbove(found.size, 40, JSON.stringify([...found]))
  const at = COLUMNS.indexOf(column)
  const documented = rows()
  if (process.env.UPDATE_GOLDEN === "1") {
    for (const [fact, value] of found) {
      const cells = documented.get(fact) ?? ["", "", "", "", ""]
      cells[at] = value
      documented.set(fact, cells)
    }
    const head = readFileSync(DOCUMENT, "utf8").replace(/(\n\| -[^\n]*\n)[\s\S]*/, "$1")
    const table = [...documented].map(([fact, cells]) => `| ${fact} | ${cells.join(" | ")} |`)
    writeFileSync(DOCUMENT, `${head}${table.join("\n")}\n`)
    return
  }
  for (const [fact, cells] of documented)
    if (new Set(cells.slice(0, 4)).size > 1) assert.notStrictEqual(cells[4], "", `why ${fact} differs`)
  const cells = new Map([...documented].map(([fact, cells]) => [fact, cells[at] ?? ""]))
  assert.deepEqual(Object.fromEntries(found), Object.fromEntries(cells))
}

const rootfs = async (directory: string): Promise<string> => {
  const root = await busyboxRootfs(join(directory, "rootfs"))
  await run(["mkdir", "-p", join(root, "mnt")])
  await run(["cp", PROGRAM.pathname, join(root, "facts.sh")])
  return root
}
const COMMAND = ["/bin/busybox", "sh", "/facts.sh"]

const reason = skipReason()
describe.skipIf(reason !== undefined).each(releases())(`a process on %s${reason ?? ""}`, (release) => {
  let machine: Machine
  beforeAll(async () => {
    machine = await installed(release, async (layouts) => {
      using work = temporary()
      const archive = join(work.path, "root.tar")
      await run(["tar", "-C", await rootfs(work.path), "-cf", archive, "."])
      const layout = new LayoutWriter(join(layouts, "example.org/facts"))
      const config = { Entrypoint: COMMAND }
      layout.index(layout.named("v1", layout.image({ config }, {}, readFileSync(archive))))
    })
    await machine.boot()
  })
  afterAll(async () => machine?.dispose())

  it("has what the document says", async () => {
    const variables = (await machine.run(OF_HOST)).stdout.trim().split("\n")
    const lines = variables.map((line) => `Environment="${line}"`).join("\n")
    await machine.write(`/etc/systemd/system/${UNIT}.d/host.conf`, `[Service]\n${lines}\n`)
    await machine.run("systemctl daemon-reload")
    await machine.run(["systemctl", "start", "--wait", UNIT], { check: false })
    compare(release, parse(await machine.journal(UNIT)))
  })
})

describe.skipIf(reason !== undefined || !Podman.isUsable())("a container of podman", () => {
  it("has what the document says", async () => {
    using work = temporary()
    const { stdout } = await Podman.runImage(work.path, await rootfs(work.path), COMMAND, OF_HOST)
    compare("podman", parse(stdout))
  })
})
