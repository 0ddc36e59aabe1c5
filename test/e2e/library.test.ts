/** The library as others have it: packed, installed in an empty project, type-checked there, and run. */
import { spawn } from "node:child_process"
import { cp, mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { proxies } from "./support/BaseRoot.ts"
import { run } from "./support/Command.ts"
import { requireOrSkip } from "./support/Requirements.ts"

const TOP = fileURLToPath(new URL("../../", import.meta.url))
const IMAGE = "example.org/hello:latest"
const HELLO = "org.example.hello.ref.latest.service"

/** Asks for one small package, whatever registry npm is told to use. */
const whyNoRegistry = async (): Promise<string | undefined> => {
  const asked = await run(["npm", "view", "ini@6.0.0", "version"], { check: false, env: proxies() })
  return asked.code === 0 ? undefined : "npm reaches no registry"
}

/** What a program in TypeScript does with the library: results and errors have their types. */
const CONSUMER = `
import { Catalog, Extract, ImageName, LayerError, Selection, Session, Settings } from "oci-systemd-generator"

const settings: Settings.Settings = Settings.make({
  system: { imagelayoutdir: process.argv[2] ?? "", extractsdir: process.argv[3] ?? "", roots: "directories" },
  images: { "example.org/*": { root: "readonly", wantedby: ["multi-user.target"] } }
})
// @ts-expect-error there is no such mode of a root
Settings.make({ images: { "*": { root: "nowhere" } } })

const session: Session.Session = Session.open(settings, { onWarning: () => {} })
const catalog = await session.run(Catalog.load(settings))
const outcome = await session.attempt(Selection.one(catalog, "nobody:none"), { signal: AbortSignal.timeout(60_000) })
if (outcome._tag === "Right") throw new Error(ImageName.display(outcome.right.context.name))
const tag: "NoSuchImage" | "SeveralImages" | "LayoutUnread" | "NativeCallsUnavailable" | "NotAnImage" = outcome.left._tag
const [image] = catalog.images
if (image === undefined) throw new Error("no image")
const extracted = await session.attempt(Extract.extract(image))
if (extracted._tag === "Left") throw extracted.left
const describe = (error: LayerError.LayerError): string =>
  error._tag === "LayerDigestMismatch" ? error.actual : error.message
console.log(tag, extracted.right.root, typeof describe)
await session.close()
`

const compilerOptions = (moduleResolution: "bundler" | "nodenext") => ({
  module: moduleResolution === "bundler" ? "ESNext" : "NodeNext",
  moduleResolution,
  target: "ES2022",
  lib: ["ES2023"],
  types: ["node"],
  strict: true,
  exactOptionalPropertyTypes: true,
  allowJs: true,
  checkJs: true,
  outDir: "out",
  rootDir: "."
})

const reason = await whyNoRegistry()
describe.skipIf(requireOrSkip(reason))(`the library${reason === undefined ? "" : `: ${reason}`}`, () => {
  let project: string
  const at = (name: string) => join(project, name)
  const node = (...words: readonly string[]) => run(["node", ...words], { cwd: project, check: false })

  beforeAll(async () => {
    project = await mkdtemp(join(tmpdir(), "oci-systemd-library-"))
    await run(["npm", "pack", "--silent", "--pack-destination", project], { cwd: TOP })
    const tarball = (await readdir(project)).find((name) => name.endsWith(".tgz"))
    await writeFile(at("package.json"), JSON.stringify({ private: true, type: "module" }))
    await run(
      [
        "npm",
        "install",
        "--no-fund",
        "--no-audit",
        "--loglevel=error",
        `./${tarball}`,
        "@types/node@20.19.43"
      ],
      { cwd: project, env: proxies(), timeout: 300_000 }
    )
    await cp(join(TOP, "examples"), at("examples"), { recursive: true })
    await writeFile(at("consumer.ts"), CONSUMER)
    await run(["node", join(TOP, "scripts/sample.mjs"), at("layouts")])
  })
  afterAll(() => rm(project, { recursive: true, force: true }))

  it.each(["bundler", "nodenext"] as const)("has types, and so do its examples: %s", async (resolution) => {
    const include = ["consumer.ts", "examples/*.mjs"]
    const options = { ...compilerOptions(resolution), noEmit: resolution === "bundler" }
    await writeFile(at("tsconfig.json"), JSON.stringify({ compilerOptions: options, include }))
    // Declarations of the packages it stands on are checked as well: no skipLibCheck.
    const { code, stdout } = await run(
      ["node", join(TOP, "node_modules/typescript/bin/tsc"), "-p", project],
      {
        check: false,
        timeout: 300_000
      }
    )
    assert.strictEqual(code, 0, stdout)
  })

  it("runs in a program in TypeScript", async () => {
    const { code, stderr, stdout } = await node("out/consumer.js", at("layouts"), at("extracts"))
    assert.strictEqual(code, 0, stderr)
    assert.match(stdout, /^NoSuchImage \/.*\/extracts\/roots\/sha256\/\S+ function\n$/)
  })

  it.each(["extract", "extract-effect"])(
    "examples/%s.mjs extracts, and says what went wrong",
    async (name) => {
      const extracts = at(name)
      const done = await node(`examples/${name}.mjs`, at("layouts"), extracts, IMAGE)
      assert.strictEqual(done.code, 0, done.stderr)
      assert.match(done.stderr, /layer 1: .*2 entries/)
      const hello = await run([join(done.stdout.trim(), "bin/hello"), "hello", "you"])
      assert.match(hello.stdout, /^\S+\nhello\nyou\n$/)
      const failed = await node(`examples/${name}.mjs`, at("layouts"), extracts, "nobody:none")
      assert.strictEqual(failed.code, 1)
      assert.match(failed.stderr, /no image is called "nobody:none"/)
    }
  )

  it("examples/render.mjs prints units of a configuration", async () => {
    const { stdout } = await node("examples/render.mjs")
    assert.match(
      stdout,
      /^ExecStart=@:\/usr\/bin\/myapp "\/usr\/bin\/myapp" "--greeting" "100%% of \$HOME; yours"$/m
    )
    assert.match(stdout, /^# multi-user\.target\.wants\/com\.myorg\.myapp\.ref\.stable\.service -> /m)
  })

  it("examples/watch.mjs writes the units of a layout that comes later", async () => {
    const [layouts, units] = [at("watched"), at("units")]
    await mkdir(layouts)
    await mkdir(units)
    const watching = spawn("node", ["examples/watch.mjs", layouts, units], {
      cwd: project,
      stdio: ["ignore", "ignore", "pipe"]
    })
    let said = ""
    watching.stderr.on("data", (text) => {
      said += text
    })
    const ended = new Promise<number | null>((resolve) => watching.on("exit", resolve))
    // Found as well where it is there before the watch begins: there is nothing to wait for first.
    await cp(at("layouts/example.org"), join(layouts, "example.org"), { recursive: true })
    try {
      for (let round = 0; round < 600 && watching.exitCode === null; round++) {
        if ((await readdir(units)).includes(HELLO)) break
        await sleep(100)
      }
      assert.include(await readdir(units), HELLO)
    } finally {
      watching.kill("SIGTERM")
    }
    assert.strictEqual(await ended, 0, said)
  })

  it("has the programs, which run, and install themselves, from where npm puts them", async () => {
    const [configuration, machine, units] = [at("conf"), at("machine"), at("generated")]
    await Promise.all([mkdir(machine), mkdir(units)])
    await writeFile(
      configuration,
      `[system]\nimagelayoutdir = ${at("layouts")}\nextractsdir = ${at("program-extracts")}\nroots = directories\n`
    )
    await run([at("node_modules/.bin/oci-systemd-generator"), "-config", configuration, units])
    assert.include(await readdir(units), HELLO)
    await run([at("node_modules/.bin/oci-systemd"), "install", "--root", machine])
    // What loads native code has it, without the package that npm installed.
    await rename(at("node_modules"), at("away"))
    try {
      const program = join(machine, "usr/local/bin/oci-systemd")
      const { stdout } = await run([program, "extract", "--config", configuration])
      assert.match(stdout, /^example\.org\/hello:latest: extracted to /)
    } finally {
      await rename(at("away"), at("node_modules"))
    }
  })

  it("says of everything that it exports what it is", async () => {
    const command = ["npm", "run", "--silent", "docs", "--", "--emit", "none"]
    const { code, stderr, stdout } = await run(command, {
      cwd: TOP,
      check: false,
      env: proxies(),
      timeout: 300_000
    })
    assert.strictEqual(code, 0, `${stdout}${stderr}`)
  })

  it("costs a program nothing native until it is used", async () => {
    const script = `
      const { createRequire } = await import("node:module")
      await import("oci-systemd-generator")
      const { cache } = createRequire(import.meta.resolve("oci-systemd-generator"))
      console.log(Object.keys(cache).some((file) => file.includes("koffi")), process.report.getReport().sharedObjects.some((file) => file.includes("koffi")))`
    const { stdout } = await node("--input-type=module", "-e", script)
    assert.strictEqual(stdout, "false false\n")
  })
})
