/** A hundred stops each of real programs that are process 1 of a namespace: each ends by itself, and loses nothing. */
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { installed } from "./support/Installed.ts"
import { type Machine, releases, skipReason } from "./support/Machine.ts"
import { copyTo, programs } from "./support/Programs.ts"
import { until } from "./support/Waiting.ts"

const STOPS = 100

/** What each says when it is there to be used, and when it goes in order. */
const PROGRAMS = {
  redis: { ready: /Ready to accept connections/, farewell: /Redis is now ready to exit, bye bye/ },
  postgres: {
    ready: /database system is ready to accept connections/,
    farewell: /database system is shut down/
  },
  nginx: { ready: /start worker process/, farewell: /\[notice\].*: exit$/ }
}

const unit = (program: string) => `org.debian.programs.ref.${program}.service`
const reason = skipReason()
const newer = releases().filter((release) => release !== "bookworm")

describe.skipIf(reason !== undefined).each(newer)(`a hundred stops on %s${reason ?? ""}`, (release) => {
  let machine: Machine
  beforeAll(async () => {
    const layout = await programs()
    machine = await installed(release, (directory) => copyTo(layout, join(directory, "debian.org/programs")))
    for (const program of Object.keys(PROGRAMS))
      await machine.write(
        `/etc/systemd/system/${unit(program)}.d/often.conf`,
        "[Unit]\nStartLimitIntervalSec=0\n"
      )
    await machine.boot()
  })
  afterAll(async () => machine?.dispose())

  it.each(Object.entries(PROGRAMS))("%s", async (program, { ready, farewell }) => {
    const name = unit(program)
    const journal = (...words: readonly string[]) =>
      machine.run(["journalctl", "--boot", "--unit", name, ...words], { check: false })
    let cursor = ""
    const said = async (pattern: RegExp) => {
      await machine.run(["journalctl", "--sync"])
      const { stdout } = await journal("-o", "cat", ...(cursor === "" ? [] : [`--after-cursor=${cursor}`]))
      return stdout.split("\n").some((line) => pattern.test(line))
    }
    for (let stop = 1; stop <= STOPS; stop++) {
      cursor = /^-- cursor: (.*)$/m.exec((await journal("--lines=1", "--show-cursor")).stdout)?.[1] ?? ""
      await machine.run(["systemctl", "start", name])
      await until(machine, `start ${stop}`, () => said(ready))
      await machine.run(["systemctl", "stop", name])
      await until(machine, `farewell ${stop}`, () => said(farewell))
      assert.isFalse(await said(/SIGKILL|code=killed|Failed with result/), `stop ${stop}`)
    }
  })
})
