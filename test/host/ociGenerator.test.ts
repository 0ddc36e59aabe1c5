/** oci-generator: what it puts back, what it runs, and what it makes of a memory that is not as it should be. */
import { spawnSync } from "node:child_process"
import {
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { fileURLToPath } from "node:url"
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "vitest"
import * as GeneratorEnvironment from "../../src/services/host/GeneratorEnvironment.ts"
import { LayoutWriter } from "../support/LayoutWriter.ts"
import {
  EXTRACTS,
  GENERATOR,
  LAYOUTS,
  MEMORY,
  MemoryMachine,
  type Outcome,
  PLACE,
  PROGRAM,
  skipReason
} from "../support/MemoryMachine.ts"

const SCRIPT = fileURLToPath(new URL("../../src/host/oci-generator.sh", import.meta.url))

it("oci-generator knows the variables that the generator takes from its environment", () => {
  const [, names = ""] =
    /^ {2}for name in ([^;]*); do$/m.exec(readFileSync(SCRIPT, "utf8").replaceAll("\\\n", "")) ?? []
  assert.deepEqual(names.split(/\s+/), [...GeneratorEnvironment.NAMES])
})

const reason = skipReason()
describe.skipIf(reason !== undefined)(`oci-generator${reason === undefined ? "" : ` (${reason})`}`, () => {
  let machine: MemoryMachine
  beforeAll(async () => {
    machine = await MemoryMachine.start()
  })
  afterAll(() => machine?.stop())
  beforeEach(() => {
    machine.reset()
    writeLayout("good", { Entrypoint: ["/bin/app"] })
    writeLayout("bad", { Cmd: 3 })
  })

  const writeLayout = (name: string, config: object) => {
    const layout = new LayoutWriter(machine.at(`${LAYOUTS}/${name}`))
    layout.index(layout.named("v1", layout.image({ config })))
  }
  /** Runs until units are put back: what has just been written is not trusted at once. */
  const remember = (environment: Readonly<Record<string, string>> = {}, command = GENERATOR): Outcome => {
    for (let run = 0; run < 20; run++) {
      const outcome = machine.remembering(environment, command)
      if (machine.hits > 0) return outcome
    }
    throw new Error(`nothing is remembered: ${readFileSync(machine.at(`${MEMORY}/story`), "utf8")}`)
  }
  const assertWhole = (outcome: Outcome) => assert.deepEqual(outcome, machine.forgetful())

  it("puts back the units, and says what the run said", () => {
    const outcome = remember()
    assert.include(Object.keys(outcome.units), "good.ref.v1.service")
    assert.include(outcome.said, "bad:v1: ")
    assertWhole(outcome)
    assert.equal(statSync(machine.at(MEMORY)).mode & 0o777, 0o700)
  })

  it("runs no Node where it puts back", () => {
    remember()
    const { hits } = machine
    rmSync(machine.at(`${PROGRAM}/oci-systemd-generator.cjs`))
    // What the program was is an input as well: without it nothing holds, and nothing is made.
    assert.deepEqual(machine.remembering().units, {})
    assert.equal(machine.hits, hits)
  })

  it("says it to the kernel's log, as its own process", () => {
    writeFileSync(machine.at("/run/kmsg"), "")
    machine.run("touch /dev/kmsg 2>/dev/null; mount --bind /run/kmsg /dev/kmsg")
    try {
      const records = (outcome: Outcome) => {
        assert.equal(outcome.said, "")
        const text = readFileSync(machine.at("/run/kmsg"), "utf8")
        writeFileSync(machine.at("/run/kmsg"), "")
        return text.replace(/\[[0-9]+\]/g, "[PID]")
      }
      const environment = { SYSTEMD_LOG_TARGET: "kmsg" }
      machine.remembering(environment)
      const first = records({ units: {}, said: "" })
      assert.match(first, /^<27>oci-systemd-generator\[PID\]: bad:v1: .*\n$/)
      machine.remembering(environment)
      records({ units: {}, said: "" })
      assert.equal(records(remember(environment)).split("\n").at(-2), first.trim())
    } finally {
      machine.run("umount /dev/kmsg")
    }
  })

  it.each(["busybox sh", "dash"])("works in %s", (shell) => {
    if (spawnSync("sh", ["-c", `command -v ${shell}`]).status !== 0) return
    remember()
    const { hits } = machine
    assertWhole(machine.remembering({}, `${shell} ${GENERATOR}`))
    assert.equal(machine.hits, hits + 1)
  })

  it("works with busybox's tools alone", () => {
    if (spawnSync("busybox", ["true"]).status !== 0) return
    const tools = `${PLACE}/tools`
    machine.run(`mkdir ${tools} && busybox --install -s ${tools} && ln -s ${process.execPath} ${tools}/node`)
    const outcome = remember({}, `env PATH=${tools} ${GENERATOR}`)
    assert.deepEqual(outcome.units, machine.forgetful().units)
  })

  it("works with nothing in its environment, few files open, and standard streams closed", () => {
    const run = () => {
      rmSync(machine.at(`${PLACE}/out`), { recursive: true, force: true })
      mkdirSync(machine.at(`${PLACE}/out`))
      machine.run(
        `ulimit -n 256; exec env -i sh -c 'unset PWD OLDPWD; SYSTEMD_EXEC_PID=$$; export SYSTEMD_EXEC_PID; exec ${GENERATOR} ${PLACE}/out ${PLACE}/out ${PLACE}/out <&- >&- 2>&-'`
      )
      assert.include(readdirSync(machine.at(`${PLACE}/out`)), "good.ref.v1.service")
    }
    for (let times = 0; times < 20 && machine.hits === 0; times++) run()
    assert.isAbove(machine.hits, 0)
  })

  it("several at once give each their units, and leave a memory that holds", () => {
    const places = Array.from({ length: 8 }, (_, index) => `${PLACE}/at-once-${index}`)
    machine.run(
      places
        .map((place) => `mkdir ${place}; sh -c 'SYSTEMD_EXEC_PID=$$ exec ${GENERATOR} ${place}' &`)
        .concat("wait")
        .join("\n")
    )
    const units = Object.keys(machine.forgetful().units).filter((name) => !name.includes("/"))
    for (const place of places) {
      const found = readdirSync(machine.at(place), { withFileTypes: true })
      assert.sameMembers(
        found.filter((entry) => !entry.isDirectory()).map(({ name }) => name),
        units
      )
    }
    assertWhole(remember())
    assert.lengthOf(
      readdirSync(machine.at(MEMORY)).filter((name) => /^[0-9]/.test(name)),
      1
    )
  })

  it("has no memory where there is no room, and all units", () => {
    machine.run(`mkdir -p ${MEMORY} && mount -t tmpfs -o size=64k,mode=700 tmpfs ${MEMORY}`)
    try {
      for (let run = 0; run < 3; run++) assertWhole(machine.remembering())
      assert.equal(machine.hits, 0)
      assert.include(readFileSync(machine.at(`${MEMORY}/story`), "utf8"), "no space")
    } finally {
      machine.run(`umount ${MEMORY}`)
    }
  })

  it("makes nothing of a memory that is another user's", () => {
    remember()
    chownSync(machine.at(`${MEMORY}/last/.`), 1, 1)
    assertWhole(machine.remembering())
    assert.equal(machine.hits, 0)
    // Nor does it write one into a directory of another user.
    rmSync(machine.at(MEMORY), { recursive: true })
    mkdirSync(machine.at(`${MEMORY}-other`), { recursive: true })
    symlinkSync("generator-other", machine.at(MEMORY))
    for (let run = 0; run < 3; run++) assertWhole(machine.remembering())
    assert.deepEqual(
      readdirSync(machine.at(`${MEMORY}-other`)).filter((name) => name !== "story"),
      []
    )
  })

  it("is remembered for the next boot below the extracts directory", () => {
    machine.remembering()
    machine.ahead()
    rmSync(machine.at("/run/oci"), { recursive: true })
    machine.bootAs("11111111-1111-1111-1111-111111111111")
    assertWhole(machine.remembering())
    assert.equal(machine.hits, 1)
    // On another machine, a copy of the disk does not hold.
    machine.setProcessor("flags\t\t: other\n")
    rmSync(machine.at("/run/oci"), { recursive: true })
    assertWhole(machine.remembering())
    assert.equal(machine.hits, 0)
  })

  it("by hand nothing is remembered, and -debug tells whether systemd's run would be", () => {
    remember()
    const byHand = () => machine.run(`mkdir -p ${PLACE}/hand && ${GENERATOR} -debug ${PLACE}/hand`)
    const { hits } = machine
    assert.match(byHand(), /^oci-systemd-generator: the inputs of the remembered run are unchanged$/m)
    writeFileSync(machine.at("/etc/nsswitch.conf"), "passwd: files\n")
    assert.match(byHand(), /^oci-systemd-generator: .*: \/etc\/nsswitch\.conf has changed$/m)
    assert.equal(machine.hits, hits)
  })

  it.skipIf(spawnSync("strace", ["-V"]).status !== 0)(
    "remembers each path that Node's own start does not read (needs strace)",
    () => {
      writeLayout("linked", { Cmd: ["app"], User: "somebody" })
      machine.run(`mv ${LAYOUTS}/linked ${PLACE}/linked && ln -s ../linked ${LAYOUTS}/linked`)
      mkdirSync(machine.at("/etc/oci-generator.conf.d"))
      symlinkSync("/dev/null", machine.at("/etc/oci-generator.conf.d/a.conf"))
      remember()
      const looked = (command: string) => {
        machine.run(`strace -f -qq -e trace=%file -o ${PLACE}/trace ${command}`)
        const calls = readFileSync(machine.at(`${PLACE}/trace`), "utf8").split("\n")
        const paths = calls
          .filter(
            (call) => !/O_WRONLY|O_RDWR|^[0-9]+ +(?:execve|rename|symlink|mkdir|chdir|unlink)/.test(call)
          )
          .flatMap((call) => /"([^"]*)"/.exec(call)?.[1] ?? [])
        return new Set(paths)
      }
      const bare = looked(`${process.execPath} -e 0`)
      mkdirSync(machine.at(`${PLACE}/traced`))
      const all = looked(`${process.execPath} ${PROGRAM}/oci-systemd-generator.cjs ${PLACE}/traced`)
      const names = new Set(readFileSync(machine.at(`${MEMORY}/last/names`), "utf8").split("\0"))
      const directories = new Set(readFileSync(machine.at(`${MEMORY}/last/directories`), "utf8").split("\0"))
      const head = readFileSync(machine.at(`${MEMORY}/last/head`), "utf8")
      const forgotten = [...all].filter(
        (path) =>
          !bare.has(path) &&
          !names.has(path) &&
          !directories.has(path) &&
          !head.includes(`path ${path}\n`) &&
          !NOT_INPUTS.test(path)
      )
      assert.deepEqual(forgotten, [])
      assert.isTrue(names.has(`${LAYOUTS}/linked/index.json`))
      assert.isTrue(names.has("/dev/null"))
      assert.isTrue([...names].some((path) => path.startsWith(`${EXTRACTS}/facts/`)))
    }
  )
})

/**
 * What is in the memory's head; what Node looks at for scripts (packages, and each directory on the way to one); the code
 * cache, without which the code runs as well; the mounted roots, which are compared by their names; what is on the way to
 * a drop-in without its links.
 */
const NOT_INPUTS =
  /^\/proc\/(?:self\/mountinfo|cpuinfo|cmdline|self\/maps)$|package\.json$|^\/run(?:\/place(?:\/program(?:\/code)?)?)?$|\.cache$|^\/run\/oci\/roots$|\/node_modules$|^\/run\/place\/traced|^\/(?:dev|etc)$/
