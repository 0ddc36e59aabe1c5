/** A status goes to systemd where systemd asks for one: a stand-in for systemd-notify keeps what it is given. */
import { chmodSync, readFileSync, watch, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, assert, it } from "vitest"
import * as StartStatus from "../../../src/services/unit/StartStatus.ts"
import { temporary } from "../../support/LayoutWriter.ts"

const PATH = process.env.PATH
afterEach(() => {
  process.env.PATH = PATH
})

it("the newest status is told, once the one before it has been", async () => {
  using work = temporary()
  const log = join(work.path, "log")
  writeFileSync(log, "")
  const standIn = join(work.path, "systemd-notify")
  writeFileSync(standIn, `#!/bin/sh\necho "$@" >>${log}\n`)
  chmodSync(standIn, 0o755)
  process.env.PATH = `${work.path}:${PATH}`
  const said = () => readFileSync(log, "utf8")
  const third = new Promise<void>((resolve) => {
    const watcher = watch(log, () => {
      if (!said().includes("third")) return
      watcher.close()
      resolve()
    })
  })
  const tell = StartStatus.make({ NOTIFY_SOCKET: "/run/systemd/notify" })
  for (const status of ["first", "second", "third"]) tell(status)
  await third
  assert.strictEqual(said(), "--no-block --status=first\n--no-block --status=third\n")
})

it("a start goes on where the status cannot be told", async () => {
  using work = temporary()
  process.env.PATH = work.path
  const tell = StartStatus.make({ NOTIFY_SOCKET: "/run/systemd/notify" })
  tell("first")
  tell("second")
  await new Promise((resolve) => setImmediate(resolve))
})

it("nothing is told where systemd does not ask", () => {
  process.env.PATH = "/nowhere"
  StartStatus.make({})("first")
})
