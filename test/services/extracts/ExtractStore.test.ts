import { type ChildProcess, spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { once } from "node:events"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { dirname, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { build } from "esbuild"
import type { Digest } from "../../../src/domain/document/Digest.ts"
import * as ExtractsTree from "../../../src/domain/extracts/ExtractsTree.ts"
import { ExtractStore, type ExtractStoreService } from "../../../src/services/extracts/ExtractStore.ts"
import type { Workplace } from "../../../src/services/extracts/RootPublication.ts"
import { NativeCalls } from "../../../src/services/files/NativeCalls.ts"
import * as TreeRemoval from "../../../src/services/files/TreeRemoval.ts"
import { asUser, NOBODY } from "../../support/AsUser.ts"
import * as LockFiles from "../../support/LockFiles.ts"

const isRoot = process.geteuid?.() === 0
const asRoot = isRoot ? it.scopedLive : it.scopedLive.skip
const NEEDS_ROOT = isRoot ? "" : " (skipped: needs root)"

const here = dirname(fileURLToPath(import.meta.url))
/** Below node_modules, where the bundled child finds koffi. */
const childFile = resolve(
  here,
  `../../../node_modules/.cache/oci-systemd-tests/extracts-child-${process.pid}.mjs`
)

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex")
const digest = (text: string) => `sha256:${sha256(text)}` as Digest
const CHAIN = digest("chain")

const place = Effect.acquireRelease(
  Effect.sync(() => `${fs.mkdtempSync(`${tmpdir()}/oci-extracts-`)}/extracts`),
  (path) => TreeRemoval.remove(dirname(path), (cause) => cause).pipe(Effect.orDie)
)

const extracts = Effect.gen(function* () {
  const directory = yield* place
  const context = yield* Layer.build(Layer.provide(ExtractStore.layer(directory), NativeCalls.layer))
  return yield* Effect.provide(ExtractStore, context)
})

const fill = ({ root, stage }: Workplace) =>
  Effect.sync(() => {
    fs.writeFileSync(`${root}/file`, "data")
    fs.writeFileSync(`${stage}/rest`, "rest")
    fs.chmodSync(root, 0o555)
    fs.utimesSync(root, 1000, 1000)
    return "made"
  })

/** Waits until this many others wait while one of this process works at `CHAIN`. */
const waiters = ({ directory }: ExtractStoreService, count: number) =>
  LockFiles.openedHere(`${directory}/${ExtractsTree.lockOf(CHAIN)}`, count + 1)

/** What is left of work under way. */
const leftovers = ({ directory }: ExtractStoreService) =>
  ["tmp", "locks"].flatMap((name) =>
    fs.readdirSync(`${directory}/${name}`).map((entry) => `${name}/${entry}`)
  )
const roots = ({ directory }: ExtractStoreService) =>
  fs
    .readdirSync(`${directory}/roots`, { recursive: true, encoding: "utf8" })
    .filter((path) => path.split("/").length === 3)
    .sort()

describe("ExtractStore.publish", () => {
  it.scopedLive("publishes what was filled in, as it was, and leaves nothing else", () =>
    Effect.gen(function* () {
      const service = yield* extracts
      assert.isFalse(yield* service.isExtracted(CHAIN))
      assert.deepStrictEqual(yield* service.publish(CHAIN, fill), Option.some("made"))
      assert.isTrue(yield* service.isExtracted(CHAIN))
      const hex = sha256("chain")
      const root = service.rootDirectory(CHAIN)
      assert.strictEqual(root, `${service.directory}/roots/sha256/${hex.slice(0, 2)}/${hex}`)
      assert.deepStrictEqual(fs.readdirSync(root), ["file"])
      assert.strictEqual(fs.statSync(root).mtimeMs, 1_000_000)
      assert.strictEqual(fs.statSync(root).mode & 0o7777, 0o555)
      assert.deepStrictEqual(leftovers(service), [])
      assert.strictEqual(fs.statSync(`${service.directory}/roots`).mode & 0o7777, 0o700)
    })
  )

  it.scopedLive("does nothing where the root is there already", () =>
    Effect.gen(function* () {
      const service = yield* extracts
      yield* service.publish(CHAIN, fill)
      assert.deepStrictEqual(yield* service.publish(CHAIN, () => Effect.dieMessage("used")), Option.none())
    })
  )

  it.scopedLive("of two at once one works and one waits, and both succeed", () =>
    Effect.gen(function* () {
      const service = yield* extracts
      const begun = yield* Deferred.make<void>()
      const go = yield* Deferred.make<void>()
      let uses = 0
      const use = (workplace: Workplace) =>
        Effect.gen(function* () {
          uses++
          yield* Deferred.succeed(begun, undefined)
          yield* Deferred.await(go)
          return yield* fill(workplace)
        })
      const first = yield* Effect.fork(service.publish(CHAIN, use))
      yield* Deferred.await(begun)
      const second = yield* Effect.fork(service.publish(CHAIN, use))
      const other = yield* service.publish(digest("another chain"), fill)
      assert.deepStrictEqual(other, Option.some("made"))
      yield* waiters(service, 1)
      assert.isTrue(Option.isNone(yield* Fiber.poll(second)))
      yield* Deferred.succeed(go, undefined)
      assert.deepStrictEqual(yield* Fiber.join(first), Option.some("made"))
      assert.deepStrictEqual(yield* Fiber.join(second), Option.none())
      assert.strictEqual(uses, 1)
      assert.deepStrictEqual(leftovers(service), [])
    })
  )

  it.scopedLive("when the one that works fails, the one that waits does it", () =>
    Effect.gen(function* () {
      const service = yield* extracts
      const begun = yield* Deferred.make<void>()
      const first = yield* Effect.fork(
        service.publish(CHAIN, () =>
          Deferred.succeed(begun, undefined).pipe(
            Effect.zipRight(waiters(service, 1)),
            Effect.zipRight(Effect.fail("no"))
          )
        )
      )
      yield* Deferred.await(begun)
      assert.deepStrictEqual(yield* service.publish(CHAIN, fill), Option.some("made"))
      assert.deepStrictEqual(yield* Effect.either(Fiber.join(first)), Either.left("no"))
      assert.deepStrictEqual(leftovers(service), [])
    })
  )

  it.scopedLive("failure, defects and interruption leave nothing, not even of a closed tree", () =>
    Effect.gen(function* () {
      const service = yield* extracts
      const outside = `${service.directory}-outside`
      fs.mkdirSync(outside)
      fs.writeFileSync(`${outside}/precious`, "kept")
      const messUp = ({ root, stage }: Workplace) =>
        Effect.sync(() => {
          fs.mkdirSync(`${root}/closed/inner`, { recursive: true })
          fs.writeFileSync(`${root}/closed/inner/file`, "x")
          fs.writeFileSync(Buffer.from(`${root}/closed/\xff\n`, "latin1"), "x")
          fs.symlinkSync(outside, `${root}/closed/link`)
          fs.symlinkSync(outside, `${stage}/link`)
          fs.chmodSync(`${root}/closed/inner`, 0)
          fs.chmodSync(`${root}/closed`, 0o555)
        })
      const endings: ReadonlyArray<Effect.Effect<never, string>> = [
        Effect.fail("failure"),
        Effect.dieMessage("defect"),
        Effect.interrupt
      ]
      for (const ending of endings) {
        const exit = yield* Effect.exit(
          service.publish(CHAIN, (workplace) => Effect.zipRight(messUp(workplace), ending))
        )
        assert.isTrue(Exit.isFailure(exit))
        assert.deepStrictEqual(leftovers(service), [])
        assert.deepStrictEqual(roots(service), [])
      }
      assert.deepStrictEqual(fs.readdirSync(outside), ["precious"])
    })
  )

  it.scopedLive("interrupted from outside, while it works and while it waits", () =>
    Effect.gen(function* () {
      const service = yield* extracts
      const begun = yield* Deferred.make<void>()
      const working = yield* Effect.fork(
        service.publish(CHAIN, () => Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never))
      )
      yield* Deferred.await(begun)
      const waiting = yield* Effect.fork(service.publish(CHAIN, fill))
      yield* waiters(service, 1)
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(waiting)))
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(working)))
      assert.deepStrictEqual(leftovers(service), [])
      assert.deepStrictEqual(roots(service), [])
    })
  )

  asRoot(`an ordinary user publishes and discards read-only roots${NEEDS_ROOT}`, () =>
    Effect.gen(function* () {
      const service = yield* extracts
      fs.chownSync(dirname(service.directory), NOBODY, NOBODY)
      const closed = (workplace: Workplace) =>
        Effect.zipRight(
          Effect.sync(() => fs.mkdirSync(`${workplace.root}/closed`, 0)),
          fill(workplace)
        )
      yield* asUser(NOBODY, service.publish(CHAIN, closed))
      assert.strictEqual(fs.statSync(service.rootDirectory(CHAIN)).mode & 0o7777, 0o555)
      assert.isTrue(yield* asUser(NOBODY, service.discard(CHAIN)))
      const failed = service.publish(CHAIN, (workplace) =>
        Effect.zipRight(closed(workplace), Effect.fail("no"))
      )
      assert.strictEqual(yield* asUser(NOBODY, Effect.flip(failed)), "no")
      assert.deepStrictEqual([roots(service), leftovers(service)], [[], []])
    })
  )

  it.scopedLive("says what the system refused", () =>
    Effect.gen(function* () {
      const service = yield* extracts
      fs.writeFileSync(service.directory, "a file")
      const error = yield* Effect.flip(service.publish(CHAIN, fill))
      assert.strictEqual(
        error instanceof Error && error.message,
        `cannot make the extracts directory at ${service.directory}: ENOTDIR`
      )
    })
  )

  it.scopedLive("a discarded root is gone and can be published again", () =>
    Effect.gen(function* () {
      const service = yield* extracts
      assert.isFalse(yield* service.discard(CHAIN))
      yield* service.publish(CHAIN, fill)
      assert.isTrue(yield* service.discard(CHAIN))
      assert.deepStrictEqual([roots(service), leftovers(service)], [[], []])
      assert.deepStrictEqual(yield* service.publish(CHAIN, fill), Option.some("made"))
    })
  )
})

describe("configs, names and scratch", () => {
  it.scopedLive("a config is written once, by its digest", () =>
    Effect.gen(function* () {
      const service = yield* extracts
      const path = yield* service.writeConfig(digest("{}"), Buffer.from("{}"))
      assert.strictEqual(path, `${service.directory}/${ExtractsTree.configOf(digest("{}"))}`)
      assert.strictEqual(fs.readFileSync(path, "utf8"), "{}")
      yield* service.writeConfig(digest("{}"), Buffer.from("{}"))
      assert.deepStrictEqual(leftovers(service), [])
    })
  )

  it.scopedLive("names lead to configs and roots by relative links, and move on with the reference", () =>
    Effect.gen(function* () {
      const service = yield* extracts
      const name = { layout: "myorg.com/myapp", ref: "stable" }
      for (const version of ["one", "two"]) {
        const chainId = digest(version)
        const configDigest = digest(`config ${version}`)
        yield* service.publish(chainId, fill)
        yield* service.writeConfig(configDigest, Buffer.from(version))
        const links = yield* service.linkName(name, { configDigest, chainId })
        assert.strictEqual(links, `${service.directory}/names/myorg.com/myapp/stable`)
        assert.strictEqual(
          fs.readlinkSync(`${links}/config`),
          `../../../../${ExtractsTree.configOf(configDigest)}`
        )
        assert.strictEqual(fs.readFileSync(`${links}/config`, "utf8"), version)
        assert.strictEqual(
          fs.realpathSync(`${links}/rootfs`),
          fs.realpathSync(service.rootDirectory(chainId))
        )
        assert.strictEqual(yield* service.linkName(name, { configDigest, chainId }), links)
      }
      assert.deepStrictEqual(leftovers(service), [])
    })
  )

  it.scopedLive("hostile names stay inside, apart from each other, and out of the links' way", () =>
    Effect.gen(function* () {
      const service = yield* extracts
      const refs = [
        "..",
        ".",
        "",
        "/etc/passwd",
        "../../../../etc",
        "a/b",
        "a%2Fb",
        "a\nb",
        "%",
        "%2E",
        "\0",
        "config",
        "rootfs",
        "%63onfig",
        "x".repeat(300),
        "x".repeat(301),
        `${"é".repeat(200)}`,
        "\ud800",
        "\udc00",
        "\ufffd",
        "-rf",
        "~"
      ]
      const seen = new Set<string>()
      for (const layout of ["org/app", "org/app/config", "..", "a//b"]) {
        for (const ref of refs) {
          const links = yield* service.linkName(
            { layout, ref },
            { configDigest: digest("c"), chainId: CHAIN }
          )
          seen.add(fs.realpathSync(links))
          assert.isTrue(
            fs.realpathSync(links).startsWith(fs.realpathSync(`${service.directory}/names/`)),
            ref
          )
          assert.strictEqual(resolve(links, fs.readlinkSync(`${links}/rootfs`)), service.rootDirectory(CHAIN))
        }
      }
      assert.strictEqual(seen.size, 4 * refs.length)
      assert.deepStrictEqual(fs.readdirSync(service.directory).sort(), [
        "configs",
        "format",
        "images",
        "layers",
        "locks",
        "names",
        "roots",
        "scratch",
        "templates",
        "tmp"
      ])
    })
  )

  it.scopedLive("a template takes the place of all others of its image, once it is complete", () =>
    Effect.gen(function* () {
      const service = yield* extracts
      const at = (digest: string) => `${service.directory}/templates/com.myorg.myapp.ref.stable/${digest}`
      const make = (digest: string, content: string) =>
        service.template(at(digest), (directory) =>
          Effect.sync(() => {
            assert.isFalse(fs.existsSync(at(digest)))
            fs.writeFileSync(`${directory}/content`, content)
          })
        )
      yield* make("one", "1")
      yield* make("two", "2")
      assert.deepStrictEqual(fs.readdirSync(dirname(at("two"))), ["two"])
      assert.strictEqual(fs.readFileSync(`${at("two")}/content`, "utf8"), "2")
      const failed = yield* service
        .template(at("three"), (directory) =>
          Effect.zipRight(
            Effect.sync(() => fs.writeFileSync(`${directory}/half`, "")),
            Effect.fail("no more")
          )
        )
        .pipe(Effect.flip)
      assert.strictEqual(failed, "no more")
      assert.deepStrictEqual(fs.readdirSync(dirname(at("two"))), ["two"])
      assert.deepStrictEqual(leftovers(service), [])
    })
  )
})

describe("processes that die", () => {
  beforeAll(async () => {
    await build({
      entryPoints: [resolve(here, "ExtractStore.child.ts")],
      bundle: true,
      platform: "node",
      format: "esm",
      external: ["koffi"],
      outfile: childFile
    })
  })
  afterAll(() => fs.rmSync(childFile, { force: true }))

  const child = (directory: string, chainId: Digest, files: number, then: "stay" | "end") =>
    Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, [childFile, directory, chainId, String(files), then], {
          stdio: ["ignore", "pipe", "inherit"]
        })
      ),
      kill
    )

  const kill = (process: ChildProcess) =>
    Effect.promise(async () => {
      if (process.exitCode !== null || process.signalCode !== null) return
      const exit = once(process, "exit")
      process.kill("SIGKILL")
      await exit
    })

  const says = (process: ChildProcess, line: string) =>
    Effect.async<void>((resume) => {
      let text = ""
      process.stdout?.on("data", (chunk) => {
        text += chunk
        if (text.includes(line)) resume(Effect.void)
      })
      process.once("exit", () => resume(Effect.dieMessage(`the child said ${text}, not ${line}`)))
    })

  it.scopedLive("what a killed process left is swept; what a living one holds is not", () =>
    Effect.gen(function* () {
      const service = yield* extracts
      const dead = yield* child(service.directory, digest("dead"), 50, "stay")
      yield* says(dead, "filled")
      assert.strictEqual(leftovers(service).length, 2)
      assert.strictEqual(yield* service.sweep, 0)
      assert.deepStrictEqual(yield* service.publish(CHAIN, fill), Option.some("made"))
      assert.strictEqual(leftovers(service).length, 2)

      yield* kill(dead)
      const living = yield* child(service.directory, digest("living"), 0, "stay")
      yield* says(living, "filled")
      yield* service.publish(digest("one more"), fill)
      // the dead one's directory and lock are gone
      assert.strictEqual(leftovers(service).length, 2)
      assert.include(leftovers(service), ExtractsTree.lockOf(digest("living")))

      assert.deepStrictEqual(yield* service.publish(digest("dead"), fill), Option.some("made"))
      yield* kill(living)
      assert.strictEqual(yield* service.sweep, 1)
      assert.deepStrictEqual(leftovers(service), [])
    })
  )

  it.scopedLive("who waits for a process that is killed goes on in its place", () =>
    Effect.gen(function* () {
      const service = yield* extracts
      const first = yield* child(service.directory, CHAIN, 10, "stay")
      yield* says(first, "filled")
      const waiting = yield* Effect.fork(service.publish(CHAIN, fill))
      // The child holds it, and this process waits for it.
      yield* LockFiles.openedHere(`${service.directory}/${ExtractsTree.lockOf(CHAIN)}`, 1)
      assert.isTrue(Option.isNone(yield* Fiber.poll(waiting)))
      yield* kill(first)
      assert.deepStrictEqual(yield* Fiber.join(waiting), Option.some("made"))
      assert.deepStrictEqual(leftovers(service), [])
    })
  )

  it.scopedLive("killed at any moment, there is the whole root or none", () =>
    Effect.gen(function* () {
      const service = yield* extracts
      const outcomes = yield* Effect.forEach(
        Array.from({ length: 16 }, (_, index) => index),
        (index) =>
          Effect.scoped(
            Effect.gen(function* () {
              const chainId = digest(`crash ${index}`)
              const process = yield* child(service.directory, chainId, 200, "end")
              // every other one is killed about the moment of the flush and the rename
              yield* says(process, index % 2 === 0 ? "started" : "filled")
              yield* Effect.sleep(`${index % 2 === 0 ? index * 4 : index / 2} millis`)
              yield* kill(process)
              const root = service.rootDirectory(chainId)
              if (!fs.existsSync(root)) return "nothing"
              assert.strictEqual(fs.readFileSync(`${root}/complete`, "utf8"), "yes")
              assert.strictEqual(fs.readdirSync(root).length, 21)
              return "all"
            })
          ),
        { concurrency: 4 }
      )
      assert.strictEqual(roots(service).length, outcomes.filter((outcome) => outcome === "all").length)
      yield* service.sweep
      assert.deepStrictEqual(leftovers(service), [])
    })
  )
})
