/**
 * Extractions that do not get to their end: killed, interrupted, out of room, refused, several at once. Afterwards there is the whole
 * root or none, and the next run succeeds and leaves nothing of the last.
 */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import fc from "fast-check"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import * as ExtractsTree from "../../src/domain/extracts/ExtractsTree.ts"
import * as FileLock from "../../src/services/files/FileLock.ts"
import { NativeCalls } from "../../src/services/files/NativeCalls.ts"
import { NOBODY } from "../support/AsUser.ts"
import * as ErofsPlace from "../support/ErofsPlace.ts"
import * as LockFiles from "../support/LockFiles.ts"
import { ExtractsPlace, endAll, type Outcome, type RootsKind, type Running } from "./support/ExtractsPlace.ts"
import { imageFile, Mounted, whyNoExt4, whyNoTmpfs } from "./support/Mounted.ts"
import { requireOrSkip, whyNoGetfattr, whyNoStrace } from "./support/Requirements.ts"
import { describeRoot } from "./support/RootView.ts"
import { SMALL_LOWEST, writeCrossedImages, writeSmallImage } from "./support/SmallImage.ts"
import * as SystemCalls from "./support/SystemCalls.ts"
import { differences } from "./support/TreeDescription.ts"

const DIST = join(dirname(fileURLToPath(import.meta.url)), "../../dist")

/** Of each kind of roots. */
const KILLS = process.env.OCI_SYSTEMD_LONG === undefined ? 40 : 400
const INTERRUPTIONS = 20
const SNAPSHOTS = 18
/** The first run of a program is slow, and any may be: the median counts. */
const MEASURED = 5
/** The number of kills after which one run goes to its end, on everything that they left. */
const ROUND = 10

/** The moments differ from run to run; a failure says which they were. */
const seed = Number(process.env.CRASH_SEED ?? Date.now() % 2 ** 31)

/** Numbers in [0, 1), the same for one seed and one `stream`. */
const moments = (count: number, stream: number): readonly number[] =>
  fc
    .sample(fc.noBias(fc.nat(999_999)), { numRuns: count, seed: seed + stream })
    .map((moment) => moment / 1_000_000)

const noGetfattr = whyNoGetfattr()
const noTmpfs = noGetfattr ?? whyNoTmpfs()
const noExt4 = noGetfattr ?? whyNoExt4()

/** A file system of our own, where there can be one: flushing takes as long as our own data takes. */
const disk = noExt4 === undefined ? await Mounted.ext4(2 ** 29) : undefined
const work = disk === undefined ? mkdtempSync(join(tmpdir(), "oci-crash-")) : join(disk.path, "work")
const layouts = join(work, "layouts")
const noMounts = noExt4 ?? (await ErofsPlace.whyNoMounts())
let blobs: readonly string[]
/** Of an extraction of each kind that nobody disturbed: they are the same. */
let whole: readonly string[]

const assertWhole = async (root: string, what: string): Promise<void> =>
  assert.equal(differences(await describeRoot(root), whole), "", what)

/** The whole root or none, and which of them. */
const wholeOrNothing = async (place: ExtractsPlace, what: string): Promise<"whole" | "nothing"> => {
  const roots = place.roots()
  assert.isAtMost(roots.length, 1, what)
  for (const root of roots) await assertWhole(root, what)
  return roots.length === 0 ? "nothing" : "whole"
}

/** Whatever was left: a run succeeds, the root is right and has its name, and nothing else is there. */
const nextRunSucceeds = async (place: ExtractsPlace, what: string): Promise<void> => {
  const { code, stderr } = await place.run()
  assert.equal(code, 0, `${what}: ${stderr}`)
  assert.equal(await wholeOrNothing(place, what), "whole", what)
  assert.deepEqual(place.leftovers(), [], what)
  assert.equal(place.named(), realpathSync(place.roots()[0] ?? ""), what)
}

/** Progress may stand before the error. */
const failsWith = ({ code, stderr }: Outcome, message: RegExp, what: string, status = FAILED): void => {
  assert.equal(code, status, `${what}: ${stderr}`)
  assert.match(stderr, message, what)
}

/** See docs/cli.md. */
const FAILED = 1
const REFUSED_TO_USER = 5

/** The exit status, and all that standard error has besides progress. */
const complaints = ({ code, stderr }: Outcome): readonly [number | null, readonly string[]] => [
  code,
  stderr.split("\n").filter((line) => /^(?:warning|error| {2})/.test(line))
]

beforeAll(() => {
  mkdirSync(work, { recursive: true })
  chmodSync(work, 0o755)
  if (disk !== undefined) chmodSync(disk.path, 0o755)
  blobs = writeSmallImage(layouts)
})

afterAll(async () => {
  await endAll()
  rmSync(work, { recursive: true, force: true })
  await disk?.[Symbol.asyncDispose]()
})

/** All of it, for one kind of roots. */
const crashes = (roots: RootsKind): void => {
  const at = (name: string): string => join(work, `${roots}-${name}`)
  const placeIn = (name: string): ExtractsPlace => {
    mkdirSync(at(name))
    return new ExtractsPlace(at(name), layouts, undefined, roots)
  }
  /** Milliseconds of a whole run, of its part from the lock on, and of that from the root on. */
  let duration = { all: 0, locked: 0, published: 0 }

  beforeAll(async () => {
    const place = placeIn("whole")
    const spans = { all: [] as number[], locked: [] as number[], published: [] as number[] }
    for (let run = 0; run < MEASURED; run++) {
      place.clear()
      const start = performance.now()
      const running = place.start()
      await place.begun(running)
      const locked = performance.now()
      await place.published(running)
      const published = performance.now()
      const { code, stderr } = await running.ended
      assert.equal(code, 0, stderr)
      const end = performance.now()
      spans.all.push(end - start)
      spans.locked.push(end - locked)
      spans.published.push(end - published)
    }
    const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[MEASURED >> 1] ?? 0
    duration = { all: median(spans.all), locked: median(spans.locked), published: median(spans.published) }
    const [root = ""] = place.roots()
    assert.equal(lstatSync(root).isSymbolicLink(), roots === "mounted")
    const found = await describeRoot(root)
    whole ??= found
    assert.isAbove(whole.length, 500)
    assert.isTrue(whole.some((line) => line.startsWith("one file: ./d4/hard0 = ./d5/f0")))
    assert.equal(differences(found, whole), "", "the two kinds of roots")
  })

  /** Sends `signal` at a moment of the whole run, of what comes after the lock, or of what comes after the root is there. */
  const disturb = async (
    place: ExtractsPlace,
    signal: NodeJS.Signals,
    moment: number,
    index: number
  ): Promise<Outcome> => {
    const running = place.start()
    if (index % 5 === 0) await sleep(moment * duration.all)
    else if (index % 5 === 1) {
      await place.published(running)
      await sleep(moment * duration.published)
    } else {
      await place.begun(running)
      await sleep(moment * duration.locked)
    }
    running.child.kill(signal)
    return running.ended
  }

  /**
   * Runs `test` with an extraction that has begun and cannot end: this process holds the lock of one of its layers. It stops at
   * the same point on any machine.
   */
  const whileBlocked = (place: ExtractsPlace, test: (running: Running) => Promise<void>): Promise<void> =>
    Effect.gen(function* () {
      const lock = join(place.extracts, ExtractsTree.layerLockOf(SMALL_LOWEST))
      mkdirSync(dirname(lock), { recursive: true, mode: 0o700 })
      yield* FileLock.lockFile(yield* NativeCalls, lock)
      yield* Effect.promise(async () => {
        const running = place.start()
        await place.blocked(running, lock)
        await test(running)
      })
    }).pipe(Effect.scoped, Effect.provide(NativeCalls.layer), Effect.runPromise)

  describe.skipIf(requireOrSkip(noGetfattr))(`an extraction that ends early (CRASH_SEED=${seed})`, () => {
    it(`leaves the whole root or none when it is killed, ${KILLS} times, and the next one cleans up`, async () => {
      // Two at a time: both processors, and some noise.
      const lane = async (number: number) => {
        const place = placeIn(`killed-${number}`)
        for (const [index, moment] of moments(KILLS / 2, number).entries()) {
          const what = `kill ${index} of lane ${number}`
          await disturb(place, "SIGKILL", moment, index)
          const left = await wholeOrNothing(place, what)
          if (left === "whole" || index % ROUND === ROUND - 1) {
            await nextRunSucceeds(place, `the run after ${what}`)
            place.clear()
          }
        }
      }
      // Both to their end, whatever the other meets.
      for (const result of await Promise.allSettled([lane(1), lane(2)]))
        if (result.status === "rejected") throw result.reason
    })

    it("leaves no root but its work when it is killed at its layers, and a whole root when that is there", async () => {
      const place = placeIn("killed-at-known-points")
      await whileBlocked(place, async (running) => {
        running.child.kill("SIGKILL")
        await running.ended
        assert.equal(await wholeOrNothing(place, "killed at its layers"), "nothing")
        assert.isTrue(place.leftovers().some((path) => path.startsWith("tmp/")))
      })
      await nextRunSucceeds(place, "the run after a kill at the layers")
      place.clear()
      const running = place.start()
      await place.published(running)
      running.child.kill("SIGKILL")
      await running.ended
      assert.equal(await wholeOrNothing(place, "killed with the root there"), "whole")
      await nextRunSucceeds(place, "the run after a kill with the root there")
    })

    for (const [signal, code] of [
      ["SIGINT", 130],
      ["SIGTERM", 143]
    ] as const) {
      it(`cleans up after itself on ${signal}, and says so with exit code ${code}`, async () => {
        const place = placeIn(signal)
        for (const [index, moment] of moments(INTERRUPTIONS, code).entries()) {
          const what = `${signal} ${index}`
          const outcome = await disturb(place, signal, moment, index)
          assert.deepEqual(place.leftovers(), [], what)
          const left = await wholeOrNothing(place, what)
          if (outcome.code === 0) assert.equal(left, "whole", what)
          // The signal itself where it came before anything was there to catch it.
          else assert.oneOf(outcome.code ?? outcome.signal, [code, signal], `${what}: ${outcome.stderr}`)
          if (left === "whole") place.clear()
        }
        await nextRunSucceeds(place, "the run after all")
      })

      it(`does so on ${signal} in the middle of its layers`, async () => {
        const place = placeIn(`${signal}-blocked`)
        await whileBlocked(place, async (running) => {
          running.child.kill(signal)
          const outcome = await running.ended
          assert.equal(outcome.code, code, outcome.stderr)
          assert.equal(await wholeOrNothing(place, signal), "nothing")
          // The lock is the test's.
          assert.deepEqual(place.leftovers(), [ExtractsTree.layerLockOf(SMALL_LOWEST)])
        })
        await nextRunSucceeds(place, `the run after ${signal}`)
      })
    }
  })

  describe(`an extraction on a file system that is full`, () => {
    // The kernel mounts no image of a tmpfs.
    const tmpfsIt = it.skipIf(roots === "mounted" || requireOrSkip(noTmpfs))

    const PARTS = [0, 0.1, 0.3, 0.5, 0.7, 0.9]

    tmpfsIt(
      "names the image and what there is no room for, leaves nothing, and works when there is room again (tmpfs)",
      async () => {
        await using roomy = await Mounted.tmpfs("size=64M")
        const measured = new ExtractsPlace(work, layouts, join(roomy.path, "extracts"))
        assert.equal((await measured.run()).code, 0)
        const needed = roomy.used()
        for (const part of PARTS) {
          for (const [kind, options] of [
            ["bytes", `size=${4096 + Math.floor(needed.bytes * part)}`],
            ["inodes", `nr_inodes=${2 + Math.floor(needed.inodes * part)}`]
          ] as const) {
            await using mounted = await Mounted.tmpfs(options)
            const place = new ExtractsPlace(work, layouts, join(mounted.path, "extracts"), roots)
            const what = `${part} of the ${kind}`
            failsWith(await place.run(), /^error: example\.org\/small:v1: .*ENOSPC/m, what)
            assert.deepEqual([place.roots(), place.leftovers()], [[], []], what)
            await mounted.remount("size=64M,nr_inodes=100000")
            await nextRunSucceeds(place, `the run after ${what}`)
          }
        }
      }
    )

    it.skipIf(requireOrSkip(noExt4))("does so on ext4 too, where data is allotted late", async () => {
      await using mounted = await Mounted.ext4(64 * 2 ** 20)
      const place = new ExtractsPlace(work, layouts, join(mounted.path, "extracts"), roots)
      const before = mounted.used()
      assert.equal((await place.run()).code, 0)
      const needed = mounted.used().bytes - before.bytes
      place.clear()
      for (const part of PARTS) {
        mounted.fillExcept(needed * part, "ballast")
        const what = `${part} of the bytes`
        failsWith(await place.run(), /^error: example\.org\/small:v1: .*ENOSPC/m, what)
        assert.deepEqual([place.roots(), place.leftovers()], [[], []], what)
        rmSync(join(mounted.path, "ballast"))
        await nextRunSucceeds(place, `the run after ${what}`)
        place.clear()
      }
    })

    tmpfsIt("says what is read-only, and works when it no longer is", async () => {
      await using mounted = await Mounted.tmpfs("size=64M")
      const place = new ExtractsPlace(work, layouts, join(mounted.path, "extracts"), roots)
      for (const state of ["empty", "with directories"]) {
        await mounted.remount("ro")
        failsWith(
          await place.run(),
          new RegExp(`^error: example\\.org/small:v1: .*${mounted.path}.*EROFS`, "m"),
          state
        )
        await mounted.remount("rw")
        assert.deepEqual([place.roots(), place.leftovers()], [[], []], state)
        await nextRunSucceeds(place, state)
        rmSync(join(place.extracts, "roots"), { recursive: true })
      }
    })
  })

  // Only root mounts images.
  const noUser = noGetfattr ?? (process.getuid?.() === 0 ? undefined : "not root")
  describe.skipIf(roots === "mounted" || requireOrSkip(noUser))("an extraction by an ordinary user", () => {
    /** A copy that anybody can read, wherever the project is. */
    const programFor = (directory: string): string => {
      cpSync(DIST, join(directory, "dist"), { recursive: true })
      return join(directory, "dist/oci-systemd.cjs")
    }

    it("says what the user may not do, leaves nothing, and works when the user may", async () => {
      const place = placeIn("ordinary")
      const options = { user: NOBODY, program: programFor(at("ordinary")) }
      failsWith(
        await place.run(options),
        new RegExp(`^error: example\\.org/small:v1: .*${place.extracts}.*EACCES`, "m"),
        "no extracts directory",
        REFUSED_TO_USER
      )
      chmodSync(at("ordinary"), 0o777)
      const [, blob = ""] = blobs
      chmodSync(blob, 0)
      try {
        failsWith(
          await place.run(options),
          new RegExp(`^error: example\\.org/small:v1: .*${blob}.*permission denied`, "m"),
          "a blob that is not theirs",
          REFUSED_TO_USER
        )
      } finally {
        chmodSync(blob, 0o644)
      }
      assert.deepEqual([place.roots(), place.leftovers()], [[], []])
      const { code, stderr } = await place.run(options)
      assert.equal(code, 0, stderr)
      assert.deepEqual([place.roots().length, place.leftovers()], [1, []])
    })
  })

  describe.skipIf(requireOrSkip(noGetfattr))("two extractions at once", () => {
    const said = ({ stdout }: Outcome) => (/: extracted to /.test(stdout) ? "extracted" : "was there")

    it("of one image take turns: one works, the other waits, both succeed", async () => {
      const place = placeIn("two")
      for (let round = 0; round < 5; round++) {
        const first = place.start()
        await place.begun(first)
        first.child.kill("SIGSTOP")
        const second = place.start()
        await LockFiles.opened(second.child.pid ?? 0, place.chainLock())
        assert.isNull(second.child.exitCode)
        assert.deepEqual(place.roots(), [])
        first.child.kill("SIGCONT")
        const outcomes = await Promise.all([first.ended, second.ended])
        assert.deepEqual(
          outcomes.map(({ code }) => code),
          [0, 0],
          outcomes.map(({ stderr }) => stderr).join("")
        )
        assert.deepEqual(outcomes.map(said), ["extracted", "was there"])
        assert.deepEqual(place.leftovers(), [])
        assert.equal(await wholeOrNothing(place, `round ${round}`), "whole")
        place.clear()
      }
    })

    it("start together, four of them, and one alone does the work", async () => {
      const place = placeIn("four")
      const outcomes = await Promise.all([1, 2, 3, 4].map(() => place.run()))
      assert.deepEqual(outcomes.map(complaints), Array(4).fill([0, []]))
      assert.deepEqual(outcomes.map(said).sort(), ["extracted", "was there", "was there", "was there"])
      assert.deepEqual(place.leftovers(), [])
      assert.equal(await wholeOrNothing(place, "four"), "whole")
    })

    it("of two images with the same layers, in opposite orders, store each layer once and do not block one another", async () => {
      mkdirSync(at("crossed"))
      const crossed = join(at("crossed"), "layouts")
      const images = writeCrossedImages(crossed)
      const place = new ExtractsPlace(at("crossed"), crossed, undefined, roots)
      for (let round = 0; round < 10; round++) {
        const outcomes = await Promise.all(images.map((image) => place.run({ images: [image] })))
        assert.deepEqual(outcomes.map(complaints), Array(2).fill([0, []]))
        assert.deepEqual(place.leftovers(), [])
        const made = place.roots()
        assert.equal(made.length, 2)
        // Each directory has files of its own; of each layer there is one archive, however many images have it.
        for (const path of roots === "directories" ? ["d0/f0", "other/f0"] : [])
          assert.equal(new Set(made.map((root) => statSync(join(root, path)).ino)).size, 2, path)
        const stored = readdirSync(join(place.extracts, "layers"), { recursive: true }).map(String)
        assert.equal(stored.filter((name) => name.endsWith(".tar")).length, 2)
        place.clear()
      }
    })

    it("do not wait for the dead: a killed one's lock is the next one's", async () => {
      const place = placeIn("dead")
      const first = place.start()
      await place.begun(first)
      first.child.kill("SIGSTOP")
      const second = place.start()
      await LockFiles.opened(second.child.pid ?? 0, place.chainLock())
      first.child.kill("SIGKILL")
      await first.ended
      const outcome = await second.ended
      assert.deepEqual([outcome.code, said(outcome)], [0, "extracted"], outcome.stderr)
      place.clear()
      await whileBlocked(place, async (third) => {
        third.child.kill("SIGKILL")
        await third.ended
        assert.isNotEmpty(place.leftovers())
      })
      await nextRunSucceeds(place, "the run after a killed one")
    })
  })

  describe.skipIf(requireOrSkip(noGetfattr ?? whyNoStrace()))("what an extraction makes visible", () => {
    it("is flushed before: between the flush and the rename nothing is written", async () => {
      const place = placeIn("traced")
      const trace = join(at("traced"), "strace")
      const { code, stderr } = await place.run({ under: SystemCalls.tracing(trace) })
      assert.equal(code, 0, stderr)
      const calls = SystemCalls.parse(readFileSync(trace, "utf8"))
      const visible = calls.filter(
        (call) => call.name.startsWith("rename") && SystemCalls.movesTo(call, TRUSTED)
      )
      assert.isTrue(visible.some((call) => SystemCalls.movesTo(call, [/[/]roots[/]/])))
      for (const rename of visible) {
        const flush = calls.findLast((call) => call.name === "syncfs" && call.ended < rename.started)
        assert.isDefined(flush, `no flush before ${rename.text}`)
        const moved = calls.filter(
          (call) =>
            call.started < rename.started && SystemCalls.writesBelow(call, SystemCalls.movedFrom(rename))
        )
        assert.isNotEmpty(moved, rename.text)
        const late = moved.filter((call) => call.ended > (flush?.started ?? 0))
        assert.deepEqual(
          late.map(({ text }) => text),
          [],
          rename.text
        )
      }
    })

    /** Where what is there is taken to be complete. */
    const TRUSTED = [/[/]extracts[/]roots[/]/, /[/]extracts[/]images[/]/, /[/]extracts[/]layers[/]/]
  })

  describe.skipIf(requireOrSkip(noExt4))("a machine that loses power during an extraction", () => {
    /** What is on the disk: a journal to be replayed, and nothing that the kernel had still in memory. */
    const diskNow = (machine: Mounted): string => {
      const copy = imageFile()
      copyFileSync(machine.image ?? "", copy)
      return copy
    }

    it("has the whole root or none when it is back, at any moment, and goes on", async () => {
      await using machine = await Mounted.ext4(128 * 2 ** 20)
      const extracts = (mounted: Mounted) => join(mounted.path, "extracts")
      const place = new ExtractsPlace(work, layouts, extracts(machine), roots)
      const lostPower = async (running: Running, what: string, expected?: "whole" | "nothing") => {
        running.child.kill("SIGSTOP")
        const image = diskNow(machine)
        running.child.kill("SIGKILL")
        await running.ended
        const copy = await Mounted.existing(image)
        try {
          // In a directory of its own: the configuration is written there, and `place` keeps its own.
          const afterwards = new ExtractsPlace(
            mkdtempSync(join(work, "afterwards-")),
            layouts,
            extracts(copy),
            roots
          )
          const left = await wholeOrNothing(afterwards, what)
          if (expected !== undefined) assert.equal(left, expected, what)
          await nextRunSucceeds(afterwards, `the run after ${what}`)
        } finally {
          await copy[Symbol.asyncDispose]()
        }
      }
      await whileBlocked(place, (running) => lostPower(running, "a snapshot at the layers", "nothing"))
      place.clear()
      for (const [index, moment] of moments(SNAPSHOTS, 1000).entries()) {
        const running = place.start()
        await place.begun(running)
        await sleep(moment * duration.locked)
        await lostPower(running, `snapshot ${index}`)
        place.clear()
      }
      // What was reported must be there.
      const running = place.start()
      const { code, stderr } = await running.ended
      assert.equal(code, 0, stderr)
      await lostPower(running, "the snapshot after the end", "whole")
    })
  })
}

describe("roots that are directories", () => crashes("directories"))
describe.skipIf(requireOrSkip(noMounts))("roots that are mounted", () => crashes("mounted"))
