/** Real programs as they are generated: each is spoken to, checked, restarted, and stopped. */
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { EXTRACTS, installed } from "./support/Installed.ts"
import { type Machine, type Release, releases, skipReason } from "./support/Machine.ts"
import { copyTo, programs } from "./support/Programs.ts"
import { settled } from "./support/Waiting.ts"

type Program = "nginx" | "redis" | "postgres" | "node"

const unit = (program: Program) => `org.debian.programs.ref.${program}.service`
const mounted = (program: Program) => `/run/oci/roots/org.debian.programs.ref.${program}`

/** All on one release, and one on each other, there in a root that cannot be written. */
const PROGRAMS: Readonly<Record<Release, readonly Program[]>> = {
  bookworm: ["redis"],
  trixie: ["nginx", "redis", "postgres", "node"],
  sid: ["redis"]
}
const CONFIGURATION: Readonly<Record<Release, string>> = {
  bookworm: "",
  trixie: "[image debian.org/programs:*]\nhealth = restart\n",
  sid: "[image debian.org/programs:*]\nroot = readonly\n"
}

/** All share a root with logs that lead to /dev/stdout, so each has the pipe. */
const SAID: Readonly<Record<Program, readonly RegExp[]>> = {
  nginx: [/"GET \/ HTTP\/1\.0" 200/, /\[notice\].*start worker process/],
  redis: [/Ready to accept connections/],
  postgres: [/database system is ready to accept connections/],
  node: [/^listening$/m]
}

const SAY = `
const [host, port, text] = process.argv.slice(1)
const socket = require("node:net").connect(Number(port), host, () => socket.end(text))
socket.pipe(process.stdout)
socket.on("error", (error) => { console.error(error.message); process.exitCode = 1 })
`

const reason = skipReason()
describe.skipIf(reason !== undefined).each(releases())(`programs on %s${reason ?? ""}`, (release) => {
  let machine: Machine
  beforeAll(async () => {
    const layout = await programs()
    machine = await installed(release, (directory) => copyTo(layout, join(directory, "debian.org/programs")))
    await machine.write("/etc/oci-generator.conf", CONFIGURATION[release])
    await machine.boot()
  })
  afterAll(async () => machine?.dispose())

  const systemctl = (...words: readonly string[]) => machine.run(["systemctl", ...words])
  const show = async (program: Program, property: string) =>
    (await systemctl("show", "-P", property, unit(program))).stdout.trim()
  /** Programs report in different ways that they are ready, so a test asks again until they answer. */
  const until = async (look: () => Promise<string>, found: RegExp): Promise<string> => {
    let text = ""
    for (let round = 0; round < 200; round++) {
      text = await look()
      if (found.test(text)) return text
      await new Promise((resolve) => setTimeout(resolve, 150))
    }
    throw new Error(`no ${found} in\n${text}`)
  }
  const say = async (port: number, text: string) =>
    (await machine.run(["node", "-e", SAY, "127.0.0.1", `${port}`, text], { check: false })).stdout
  const get = (port: number, path: string) => say(port, `GET ${path} HTTP/1.0\r\n\r\n`)
  const sql = async (statement: string) => {
    const psql = ["chroot", mounted("postgres"), "/usr/lib/postgresql/17/bin/psql"]
    return (
      await machine.run([...psql, "-h", "127.0.0.1", "-U", "postgres", "-Atc", statement], { check: false })
    ).stdout
  }
  const volume = (program: Program, name: string) =>
    `/var/lib/oci/volumes/org.debian.programs.ref.${program}/${name}`

  /** How each is asked whether it is there, is given something to keep, and is asked for it. */
  const speaking: Readonly<
    Record<
      Program,
      {
        readonly ask: () => Promise<string>
        readonly there: RegExp
        readonly keep: () => Promise<unknown>
        readonly kept: () => Promise<string>
      }
    >
  > = {
    nginx: {
      ask: () => get(80, "/"),
      there: /^HTTP\/1\.1 200[\s\S]*nginx/,
      keep: () => machine.write(`${volume("nginx", "var%2Fwww%2Fkept")}/page`, "kept: yes\n", 0o644),
      kept: () => get(80, "/kept/page")
    },
    redis: {
      ask: () => say(6379, "PING\r\n"),
      there: /^\+PONG/,
      keep: async () => assert.strictEqual(await say(6379, "SET kept yes\r\n"), "+OK\r\n"),
      kept: async () => `kept: ${await say(6379, "GET kept\r\n")}`.replace("$3\r\n", "")
    },
    postgres: {
      ask: () => sql("select 'there'"),
      there: /^there/,
      keep: () => sql("create table kept as select 'yes' as value"),
      kept: async () => `kept: ${await sql("select value from kept")}`
    },
    node: {
      ask: () => get(8080, "/"),
      there: /"user":990,"pid":\d+,"greeting":"100% of \$HOME"/,
      keep: () => get(8080, "/"),
      kept: async () => (Number(/"kept":(\d+)/.exec(await get(8080, "/"))?.[1]) > 2 ? "kept: yes" : "lost")
    }
  }

  describe.each(PROGRAMS[release])("%s", (program) => {
    const { ask, there, keep, kept } = speaking[program]

    it("starts as it was built, answers, and is healthy", async () => {
      await systemctl("start", unit(program))
      await until(ask, there)
      await until(
        async () =>
          (await machine.run(["systemctl", "status", "--full", unit(program)], { check: false })).stdout,
        /oci-health\[\d+\]: healthy/
      )
      assert.strictEqual(await show(program, "ActiveState"), "active")
    })

    it("keeps its volume over a restart, and not its root", async () => {
      await keep()
      assert.match(await kept(), /^(?:HTTP[\s\S]*)?kept: yes/m)
      const mark = `${mounted(program)}/etc/mark`
      const marked = await machine.run(["touch", mark], { check: false })
      assert.strictEqual(marked.code === 0, release !== "sid", marked.stderr)
      await systemctl("restart", unit(program))
      await until(ask, there)
      assert.match(await kept(), /^(?:HTTP[\s\S]*)?kept: yes/m)
      assert.notStrictEqual((await machine.run(["ls", mark], { check: false })).code, 0)
    })

    it("has what it says in the journal, through logs that lead to its output too", async () => {
      const journal = await machine.journal(unit(program))
      for (const line of SAID[program]) assert.match(journal, line)
    })

    it("stops by its signal, and leaves its volume alone", async () => {
      await systemctl("stop", unit(program))
      assert.strictEqual(await show(program, "Result"), "success")
      await settled(machine)
      assert.strictEqual((await machine.run(`ls ${EXTRACTS}/scratch`)).stdout, "")
      assert.strictEqual(
        (await machine.run(`grep -c ${mounted(program)} /proc/self/mountinfo || :`)).stdout.trim(),
        "0"
      )
      assert.strictEqual((await systemctl("--failed", "--plain", "--no-legend")).stdout, "")
      await machine.run(`ls /var/lib/oci/volumes/org.debian.programs.ref.${program}/*`)
    })
  })

  it("leave no user records behind, and share one extract", async () => {
    assert.strictEqual((await machine.run("ls /run/userdb /run/oci/users | grep oci- || :")).stdout, "")
    assert.lengthOf((await machine.run(`ls -d ${EXTRACTS}/roots/sha256/*/*`)).stdout.trim().split("\n"), 1)
  })
})
