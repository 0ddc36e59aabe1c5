/** The generator's memory: whatever changes between runs, or while one is made, units and messages are those of a run without it. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { dirname } from "node:path"
import fc from "fast-check"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import * as ExtractsTree from "../../src/domain/extracts/ExtractsTree.ts"
import * as Blobs from "../../src/services/layout/Blobs.ts"
import { EMPTY_TAR, LayoutWriter } from "../support/LayoutWriter.ts"
import { EXTRACTS, LAYOUTS, MEMORY, MemoryMachine, ROOTS, skipReason } from "../support/MemoryMachine.ts"

/** Each sequence has some ten runs. */
const SEQUENCES = process.env.PROPERTY_RUNS === undefined ? 3 : Number(process.env.PROPERTY_RUNS) / 25

type Change = (machine: MemoryMachine) => void | Promise<void>
/** Described, so that a failing sequence can be read. */
interface Step {
  readonly name: string
  readonly change: Change
}
const step = (name: string, change: Change): Step => ({ name, change })

const NAMES = ["a", "b", "org/c", "org/d"]
const layoutOf = (machine: MemoryMachine, name: string) => machine.at(`${LAYOUTS}/${name}`)

const CONFIGS = [
  { Entrypoint: ["/bin/app"] },
  { Entrypoint: ["/bin/app"], Env: ["A=b", "no assignment"] },
  { Cmd: ["app"], User: "somebody" },
  { Cmd: 3 }
]

const write = (path: string, text: string): void => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

const writeLayout = (machine: MemoryMachine, name: string, config: number, ref: string): void => {
  const path = layoutOf(machine, name)
  rmSync(path, { recursive: true, force: true })
  const layout = new LayoutWriter(path)
  layout.index(layout.named(ref, layout.image({ config: CONFIGS[config] })))
}

/** An image and a signature, one of them with a name, so that the name of the image depends on what the signature's manifest says. */
const writeSigned = (
  machine: MemoryMachine,
  name: string,
  named: "image" | "signature",
  isSigned: boolean
): void => {
  const path = layoutOf(machine, name)
  rmSync(path, { recursive: true, force: true })
  const layout = new LayoutWriter(path)
  const image = layout.image({ config: CONFIGS[0] })
  const type = isSigned
    ? "application/vnd.dev.cosign.simplesigning.v1+json"
    : "application/vnd.oci.image.layer.v1.tar"
  const other = layout.image({ config: CONFIGS[1] }, { layers: [layout.blob(type, EMPTY_TAR)] })
  layout.index(
    named === "image" ? layout.named("v1", image) : image,
    named === "signature" ? layout.named("v1", other) : other
  )
}

/** What is there stays where there is nothing to change. */
const ifThere = (path: string, change: () => void): void => {
  if (existsSync(path)) change()
}

/** The same size and the same time of modification, and other content. */
const rewriteInPlace = (machine: MemoryMachine, name: string): void => {
  const index = `${layoutOf(machine, name)}/index.json`
  ifThere(index, () => {
    const { atime, mtime } = statSync(index)
    const text = readFileSync(index, "utf8")
    writeFileSync(
      index,
      text.includes('"v1"') ? text.replaceAll('"v1"', '"v2"') : text.replaceAll('"v2"', '"v1"')
    )
    utimesSync(index, atime, mtime)
  })
}

const blobsOf = (machine: MemoryMachine, name: string): readonly string[] => {
  const directory = `${layoutOf(machine, name)}/blobs/sha256`
  return existsSync(directory) ? readdirSync(directory).map((blob) => `${directory}/${blob}`) : []
}

const name = fc.constantFrom(...NAMES)
const layouts: fc.Arbitrary<Step> = fc.oneof(
  fc
    .tuple(name, fc.nat(CONFIGS.length - 1), fc.constantFrom("v1", "v2", "latest"))
    .map(([name, config, ref]) =>
      step(`write ${name}:${ref} ${config}`, (machine) => writeLayout(machine, name, config, ref))
    ),
  fc
    .tuple(name, fc.constantFrom<"image" | "signature">("image", "signature"), fc.boolean())
    .map(([name, named, isSigned]) =>
      step(
        `write ${name} with ${isSigned ? "a signature" : "two images"} and a name for the ${named}`,
        (machine) => writeSigned(machine, name, named, isSigned)
      )
    ),
  name.map((name) =>
    step(`remove ${name}`, (machine) => rmSync(layoutOf(machine, name), { recursive: true, force: true }))
  ),
  fc.tuple(name, name).map(([from, to]) =>
    step(`rename ${from} ${to}`, (machine) =>
      ifThere(layoutOf(machine, from), () => {
        if (from === to) return
        rmSync(layoutOf(machine, to), { recursive: true, force: true })
        mkdirSync(dirname(layoutOf(machine, to)), { recursive: true })
        renameSync(layoutOf(machine, from), layoutOf(machine, to))
      })
    )
  ),
  name.map((name) => step(`rewrite ${name} in place`, (machine) => rewriteInPlace(machine, name))),
  name.map((name) =>
    step(`touch ${name}`, (machine) => {
      const index = `${layoutOf(machine, name)}/index.json`
      ifThere(index, () => utimesSync(index, new Date(), new Date()))
    })
  ),
  name.map((name) =>
    step(`damage blobs of ${name}`, (machine) => {
      for (const blob of blobsOf(machine, name)) writeFileSync(blob, "x".repeat(statSync(blob).size))
    })
  ),
  name.map((name) =>
    step(`blobs of ${name} become links`, (machine) => {
      for (const blob of blobsOf(machine, name)) {
        const elsewhere = `${dirname(layoutOf(machine, ""))}/elsewhere-${Blobs.sha256(blob)}`
        renameSync(blob, elsewhere)
        symlinkSync(
          `../../../../${"../".repeat(name.split("/").length - 1)}elsewhere-${Blobs.sha256(blob)}`,
          blob
        )
      }
    })
  ),
  fc.constant(
    step("layouts replaced by an older copy", (machine) => {
      const path = machine.at(LAYOUTS)
      renameSync(path, `${path}-before`)
      machine.run(`cp -a ${LAYOUTS}-before ${LAYOUTS} && rm -r ${LAYOUTS}-before ${LAYOUTS}/org`)
    })
  ),
  fc.constant(
    step("layouts become a link", (machine) => {
      machine.run(
        `test -L ${LAYOUTS} || { rm -rf ${LAYOUTS}-real; mv ${LAYOUTS} ${LAYOUTS}-real && ln -s layouts-real ${LAYOUTS}; }`
      )
    })
  ),
  fc.constant(
    step("what the link leads to is renamed", (machine) => {
      machine.run(
        `test ! -L ${LAYOUTS} || { mv ${LAYOUTS}-real ${LAYOUTS}-other; ln -sfn layouts-other ${LAYOUTS}; ln -sfn layouts-other ${LAYOUTS}-real; }`
      )
    })
  )
)

const CONFIGURATIONS = [
  "",
  "[image *]\nwantedby = multi-user.target\n",
  "[image *]\nread_only = yes\nnonsense\n",
  "[image a:*]\nalias = same.service\n[image b:*]\nalias = same.service\n"
]
const DROP_INS = [
  "/etc/oci-generator.conf.d/a.conf",
  "/run/oci-generator.conf.d/a.conf",
  "/etc/oci-generator.conf.d/b.conf"
]

const machines: fc.Arbitrary<Step> = fc.oneof(
  fc
    .constantFrom(...CONFIGURATIONS)
    .map((text) => step(`configure ${JSON.stringify(text)}`, (machine) => machine.configure(text))),
  fc.constant(
    step("no configuration", (machine) => rmSync(machine.at("/etc/oci-generator.conf"), { force: true }))
  ),
  fc.tuple(fc.constantFrom(...DROP_INS), fc.constantFrom(...CONFIGURATIONS)).map(([file, text]) =>
    step(`${file} is ${JSON.stringify(text)}`, (machine) => {
      rmSync(machine.at(file), { force: true })
      write(machine.at(file), text)
    })
  ),
  fc.constantFrom(...DROP_INS).map((file) =>
    step(`${file} is masked`, (machine) => {
      rmSync(machine.at(file), { force: true })
      mkdirSync(dirname(machine.at(file)), { recursive: true })
      symlinkSync("/dev/null", machine.at(file))
    })
  ),
  fc
    .constantFrom(...DROP_INS)
    .map((file) => step(`${file} is removed`, (machine) => rmSync(machine.at(file), { force: true }))),
  fc
    .constantFrom("passwd: files systemd\ngroup: files systemd\n", "passwd: files\n")
    .map((text) =>
      step(`nsswitch ${JSON.stringify(text)}`, (machine) =>
        writeFileSync(machine.at("/etc/nsswitch.conf"), text)
      )
    ),
  fc
    .constantFrom(252, 257, 262)
    .map((version) => step(`systemd ${version}`, (machine) => machine.setSystemdVersion(version))),
  fc.constant(step("upgrade", (machine) => machine.upgrade())),
  fc.constantFrom("err", "info", "debug").map((level) =>
    step(`log level ${level}`, (machine) => {
      machine.environment = { SYSTEMD_LOG_LEVEL: level }
    })
  ),
  fc
    .constantFrom(LAYOUTS, `${LAYOUTS}/org`, EXTRACTS)
    .map((directory) => step(`mount over ${directory}`, (machine) => machine.mount(directory))),
  fc.constant(step("unmount", (machine) => machine.unmountAll()))
)

const roots: fc.Arbitrary<Step> = fc.oneof(
  fc.constantFrom("a.ref.v1", "b.ref.v1", "gone.ref.v1").map((root) =>
    step(`the root ${root} is mounted`, (machine) => {
      mkdirSync(machine.at(`${ROOTS}/${root}`), { recursive: true })
      write(
        machine.at(`${EXTRACTS}/scratch/${root}/units/${root}.service`),
        `[Service]\nExecStart=/bin/${root}\n`
      )
    })
  ),
  fc
    .constantFrom("a.ref.v1", "b.ref.v1", "gone.ref.v1")
    .map((root) =>
      step(`the root ${root} is unmounted`, (machine) =>
        rmSync(machine.at(`${ROOTS}/${root}`), { recursive: true, force: true })
      )
    ),
  fc.tuple(name, fc.boolean()).map(([name, isThere]) =>
    step(`facts of ${name} ${isThere ? "are found" : "are lost"}`, (machine) => {
      for (const blob of blobsOf(machine, name)) {
        const digest = `sha256:${blob.slice(-64)}` as Parameters<typeof ExtractsTree.factsOf>[0]
        const file = machine.at(`${EXTRACTS}/${ExtractsTree.factsOf(digest, "somebody", Blobs.sha256)}`)
        if (!isThere) rmSync(file, { force: true })
        else
          write(
            file,
            JSON.stringify({
              user: { user: "somebody", identity: { uid: 7, gid: 8, supplementaryGids: [], home: "/" } }
            })
          )
      }
    })
  )
)

const memoryFile = (machine: MemoryMachine, file: string, change: (path: string) => void): void => {
  for (const memory of [machine.at(MEMORY), machine.at(`${EXTRACTS}/memory`)]) {
    const path = `${memory}/last/${file}`
    ifThere(path, () => change(path))
  }
}
const FILES = ["head", "names", "expected", "usable", "foreign", "units", "directories", "stderr"]
const memories: fc.Arbitrary<Step> = fc.oneof(
  fc.constant(step("ahead", (machine) => machine.ahead())),
  fc.constantFrom("v1", "v2").map((boot) =>
    step(`boot as ${boot}`, (machine) => {
      rmSync(machine.at("/run/oci"), { recursive: true, force: true })
      machine.bootAs(boot)
    })
  ),
  fc.constantFrom("flags\t\t: fpu\n", "flags\t\t: cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3\n").map((flags) =>
    step(`another machine: ${flags}`, (machine) => {
      rmSync(machine.at("/run/oci"), { recursive: true, force: true })
      machine.bootAs(flags)
      machine.setProcessor(flags)
    })
  ),
  fc
    .tuple(fc.constantFrom(...FILES), fc.nat(3))
    .map(([file, quarters]) =>
      step(`${file} of the memory is cut to ${quarters}/4`, (machine) =>
        memoryFile(machine, file, (path) => truncateSync(path, (statSync(path).size * quarters) >> 2))
      )
    ),
  fc
    .constantFrom(...FILES)
    .map((file) =>
      step(`${file} of the memory is lost`, (machine) => memoryFile(machine, file, (path) => rmSync(path)))
    ),
  fc.constant(
    step("the units in the memory are others", (machine) =>
      memoryFile(machine, "units", (path) => writeFileSync(path, Buffer.alloc(statSync(path).size, 0)))
    )
  ),
  fc.constant(
    step("the memory is open to all", (machine) => memoryFile(machine, ".", (path) => chmodSync(path, 0o777)))
  ),
  fc.constant(
    step("the memory is a copy", (machine) => {
      machine.run(`cd ${MEMORY} && cp -a "$(readlink last)" 1-copy && ln -sfn 1-copy last`)
    })
  )
)

const nothing = fc.constant(step("nothing", () => {}))
const change = fc.oneof(layouts, layouts, machines, roots)
const meanwhile = fc.tuple(change, fc.nat(80)).map(([{ change, name }, milliseconds]) =>
  step(`after ${milliseconds} ms of a run: ${name}`, async (machine) => {
    const done: unknown[] = []
    await machine.whileRunning(milliseconds, () => done.push(change(machine)))
    await Promise.all(done)
  })
)
const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: nothing },
    { weight: 5, arbitrary: change },
    { weight: 1, arbitrary: meanwhile },
    { weight: 2, arbitrary: memories }
  ),
  { minLength: 6, maxLength: 12 }
)

const reason = skipReason()
describe.skipIf(reason !== undefined)(
  `the generator's memory${reason === undefined ? "" : ` (${reason})`}`,
  () => {
    let machine: MemoryMachine
    beforeAll(async () => {
      machine = await MemoryMachine.start()
    })
    afterAll(() => machine?.stop())

    const assertSame = (after: string) => {
      const remembered = machine.remembering()
      const whole = machine.forgetful()
      assert.deepEqual(remembered.units, whole.units, after)
      if (machine.environment.SYSTEMD_LOG_LEVEL !== "debug") assert.equal(remembered.said, whole.said, after)
    }

    it(
      "gives the units and the messages of a run without it, whatever changes",
      async () => {
        await fc.assert(
          fc.asyncProperty(steps, async (steps) => {
            machine.reset()
            writeLayout(machine, "a", 0, "v1")
            const done: string[] = []
            for (const { change, name } of steps) {
              done.push(name)
              await change(machine)
              assertSame(done.join("\n"))
            }
            // The first of these is remembered, if it was not put back already.
            machine.environment = {}
            for (let run = 0; run < 2; run++) assertSame(`${done.join("\n")}\nnothing`)
            assert.isAbove(machine.hits, 0, done.join("\n"))
          }),
          { numRuns: SEQUENCES }
        )
      },
      // Some twenty starts of Node each, on a machine that may be doing much else.
      200_000 * SEQUENCES
    )
  }
)
