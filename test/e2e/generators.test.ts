/** Generators at once, and killed: whatever is read at any moment, each unit is a whole one. */
import { type ChildProcess, spawn } from "node:child_process"
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import fc from "fast-check"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { LayoutWriter, temporary } from "../support/LayoutWriter.ts"
import { cleanEnvironment } from "./support/Command.ts"

const GENERATOR = join(dirname(fileURLToPath(import.meta.url)), "../../dist/oci-systemd-generator.cjs")
const IMAGES = 40
const ROUNDS = 5
const KILLS = 20

const seed = Number(process.env.STRESS_SEED ?? Date.now() % 2 ** 31)

const place = temporary()
const config = join(place.path, "oci-generator.conf")
/** Of a run that nobody disturbed: by path, the text of a unit, or where a link leads. */
let whole: ReadonlyMap<string, string>

/** A directory as systemd makes one for each run. */
const fresh = (name: string): string => {
  const directory = join(place.path, name)
  mkdirSync(directory)
  return directory
}

const start = (
  directory: string
): { readonly child: ChildProcess; readonly ended: Promise<number | null> } => {
  const child = spawn(process.execPath, [GENERATOR, "-config", config, directory], {
    env: cleanEnvironment,
    stdio: "ignore"
  })
  return { child, ended: new Promise((resolve) => child.on("close", resolve)) }
}

/** What a reader finds: but for what is there under a temporary name, which systemd takes for no unit. */
const read = (directory: string): ReadonlyMap<string, string> => {
  const found = new Map<string, string>()
  for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
    if (/(?:^|\/)\.oci-\d+$/.test(name)) continue
    const path = join(directory, name)
    const stat = lstatSync(path)
    if (stat.isSymbolicLink()) found.set(name, `-> ${readlinkSync(path)}`)
    else if (stat.isFile()) found.set(name, readFileSync(path, "utf8"))
  }
  return found
}

/** Perhaps not all units yet, but each of them as it should be. */
const assertNothingTorn = (directory: string, what: string): void => {
  for (const [name, text] of read(directory)) assert.equal(text, whole.get(name), `${what}: ${name}`)
}

beforeAll(async () => {
  const layouts = join(place.path, "layouts")
  writeFileSync(
    config,
    `[system]\nimagelayoutdir = ${layouts}\nextractsdir = ${place.path}/extracts\n[image *]\nwantedby = multi-user.target\n`
  )
  for (let number = 0; number < IMAGES; number++) {
    const writer = new LayoutWriter(join(layouts, `example.org/image${number}`))
    writer.index(writer.named("v1", writer.image()))
  }
  const directory = fresh("whole")
  assert.equal(await start(directory).ended, 0)
  whole = read(directory)
  assert.isAtLeast(whole.size, 3 * IMAGES)
})
afterAll(() => place[Symbol.dispose]())

describe(`generators (STRESS_SEED=${seed})`, () => {
  it("in one directory, three at once, each with every unit whole at every moment", async () => {
    const directory = fresh("together")
    let running = 3
    const lane = async () => {
      for (let round = 0; round < ROUNDS; round++) assert.equal(await start(directory).ended, 0)
      running--
    }
    const lanes = Promise.all([lane(), lane(), lane()])
    let reads = 0
    for (; running > 0; reads++) {
      assertNothingTorn(directory, `read ${reads}`)
      await sleep(1)
    }
    await lanes
    assert.isAbove(reads, ROUNDS)
    assert.deepEqual(read(directory), whole)
    assert.deepEqual(
      readdirSync(directory).filter((name) => name.startsWith(".")),
      []
    )
  })

  it("in directories of their own, at once, each with all units", async () => {
    const directories = ["one", "two", "three"].map(fresh)
    const codes = await Promise.all(directories.map((directory) => start(directory).ended))
    assert.deepEqual(codes, [0, 0, 0])
    for (const directory of directories) assert.deepEqual(read(directory), whole)
  })

  it(`leave no unit torn when they are killed, ${KILLS} times, and the next one writes all`, async () => {
    // Each is killed once this many files are there; the first of them before it has written any.
    const counts = fc.sample(fc.nat(whole.size - 1), { numRuns: KILLS - 1, seed })
    for (const [index, count] of [0, ...counts].entries()) {
      const directory = fresh(`killed${index}`)
      const { child, ended } = start(directory)
      let hasEnded = false
      const end = ended.finally(() => {
        hasEnded = true
      })
      while (!hasEnded && readdirSync(directory, { recursive: true }).length < count) await sleep(1)
      child.kill("SIGKILL")
      const code = await end
      if (count === 0) assert.isNull(code)
      assertNothingTorn(directory, `kill ${index}`)
      assert.equal(await start(directory).ended, 0)
      assert.deepEqual(read(directory), whole)
    }
  })
})
