/**
 * Extractions that do not get to their end: killed, interrupted, out of room, refused, several at once. Afterwards there is the whole
 * root or none, and the next run succeeds and leaves nothing of the last.
 */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import fc from "fast-check"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { NOBODY } from "../support/AsUser.ts"
import { ExtractsPlace, endAll, type Outcome } from "./support/ExtractsPlace.ts"
import { imageFile, Mounted, whyNoExt4, whyNoTmpfs } from "./support/Mounted.ts"
import { requireOrSkip, whyNoGetfattr, whyNoStrace } from "./support/Requirements.ts"
import { writeCrossedImages, writeSmallImage } from "./support/SmallImage.ts"
import * as SystemCalls from "./support/SystemCalls.ts"
import { describeTree, differences } from "./support/TreeDescription.ts"

const DIST = join(dirname(fileURLToPath(import.meta.url)), "../../dist")

const KILLS = 200
const INTERRUPTIONS = 20
const SNAPSHOTS = 20
/** The first run of a program is slow, and any may be: the median counts. */
const MEASURED = 5
/** After so many kills a run to the end, on whatever they left. */
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
let blobs: readonly string[]
/** Of an extraction that nobody disturbed. */
let whole: readonly string[]
/** Milliseconds of a whole run, of its part from the lock on, and of that from the root on. */
let duration = { all: 0, locked: 0, published: 0 }

const placeIn = (name: string): ExtractsPlace => {
  mkdirSync(join(work, name))
  return new ExtractsPlace(join(work, name), layouts)
}

const assertWhole = async (root: string, what: string): Promise<void> =>
  assert.equal(differences(await describeTree(root), whole), "", what)

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
  assert.equal(place.named(), place.roots()[0], what)
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

beforeAll(async () => {
  mkdirSync(work, { recursive: true })
  chmodSync(work, 0o755)
  if (disk !== undefined) chmodSync(disk.path, 0o755)
  blobs = writeSmallImage(layouts)
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
  whole = await describeTree(root)
  assert.isAbove(whole.length, 500)
  assert.isTrue(whole.some((line) => line.startsWith("one file: ./d4/hard0 = ./d5/f0")))
})

afterAll(async () => {
  await endAll()
  rmSync(work, { recursive: true, force: true })
  await disk?.[Symbol.asyncDispose]()
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

describe.skipIf(requireOrSkip(noGetfattr))(`an extraction that ends early (CRASH_SEED=${seed})`, () => {
  it(`leaves the whole root or none when it is killed, ${KILLS} times, and the next one cleans up`, async () => {
    const seen = { whole: 0, nothing: 0, untidy: 0 }
    // Two at a time: both processors, and some noise.
    const lane = async (number: number) => {
      const place = placeIn(`killed-${number}`)
      for (const [index, moment] of moments(KILLS / 2, number).entries()) {
        const what = `kill ${index} of lane ${number}`
        await disturb(place, "SIGKILL", moment, index)
        const left = await wholeOrNothing(place, what)
        seen[left]++
        if (place.leftovers().length > 0) seen.untidy++
        if (left === "whole" || index % ROUND === ROUND - 1) {
          await nextRunSucceeds(place, `the run after ${what}`)
          place.clear()
        }
      }
    }
    // Both to their end, whatever the other meets.
    for (const result of await Promise.allSettled([lane(1), lane(2)]))
      if (result.status === "rejected") throw result.reason
    // Else the moments were not where something happens.
    for (const count of Object.values(seen)) assert.isAbove(count, KILLS / 40, JSON.stringify(seen))
  })

  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143]
  ] as const) {
    it(`cleans up after itself on ${signal}, and says so with exit code ${code}`, async () => {
      const place = placeIn(signal)
      let interrupted = 0
      for (const [index, moment] of moments(INTERRUPTIONS, code).entries()) {
        const what = `${signal} ${index}`
        const outcome = await disturb(place, signal, moment, index)
        assert.deepEqual(place.leftovers(), [], what)
        const left = await wholeOrNothing(place, what)
        if (outcome.code === 0) assert.equal(left, "whole", what)
        // The signal itself where it came before anything was there to catch it.
        else assert.oneOf(outcome.code ?? outcome.signal, [code, signal], `${what}: ${outcome.stderr}`)
        if (outcome.code === code) interrupted++
        if (left === "whole") place.clear()
      }
      assert.isAbove(interrupted, INTERRUPTIONS / 4)
      await nextRunSucceeds(place, "the run after all")
    })
  }
})

describe.skipIf(requireOrSkip(noTmpfs))(`an extraction on a file system that is full`, () => {
  const PARTS = [0, 0.1, 0.3, 0.5, 0.7, 0.9]

  it("names the image and what there is no room for, leaves nothing, and works when there is room again (tmpfs)", async () => {
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
        const place = new ExtractsPlace(work, layouts, join(mounted.path, "extracts"))
        const what = `${part} of the ${kind}`
        failsWith(await place.run(), /^error: example\.org\/small:v1: .*ENOSPC/m, what)
        assert.deepEqual([place.roots(), place.leftovers()], [[], []], what)
        await mounted.remount("size=64M,nr_inodes=100000")
        await nextRunSucceeds(place, `the run after ${what}`)
      }
    }
  })

  it.skipIf(requireOrSkip(noExt4))("does so on ext4 too, where data is allotted late", async () => {
    await using mounted = await Mounted.ext4(64 * 2 ** 20)
    const place = new ExtractsPlace(work, layouts, join(mounted.path, "extracts"))
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

  it("says what is read-only, and works when it no longer is", async () => {
    await using mounted = await Mounted.tmpfs("size=64M")
    const place = new ExtractsPlace(work, layouts, join(mounted.path, "extracts"))
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
      rmSync(join(place.extracts, "dirs"), { recursive: true })
    }
  })
})

describe.skipIf(requireOrSkip(noGetfattr ?? (process.getuid?.() === 0 ? undefined : "not root")))(
  "an extraction by an ordinary user",
  () => {
    /** A copy that anybody can read, wherever the project is. */
    const programFor = (directory: string): string => {
      cpSync(DIST, join(directory, "dist"), { recursive: true })
      return join(directory, "dist/oci-systemd.cjs")
    }

    it("says what the user may not do, leaves nothing, and works when the user may", async () => {
      const place = placeIn("ordinary")
      const options = { user: NOBODY, program: programFor(join(work, "ordinary")) }
      failsWith(
        await place.run(options),
        new RegExp(`^error: example\\.org/small:v1: .*${place.extracts}.*EACCES`, "m"),
        "no extracts directory",
        REFUSED_TO_USER
      )
      chmodSync(join(work, "ordinary"), 0o777)
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
  }
)

describe.skipIf(requireOrSkip(noGetfattr))("two extractions at once", () => {
  const said = ({ stdout }: Outcome) => (/: extracted to /.test(stdout) ? "extracted" : "was there")

  it("of one image take turns: one works, the other waits, both succeed", async () => {
    const place = placeIn("two")
    for (let round = 0; round < 5; round++) {
      const first = place.start()
      await place.begun(first)
      first.child.kill("SIGSTOP")
      const second = place.start()
      await sleep(duration.all * 2)
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

  it("of two images with the same layers, in opposite orders, take each layer apart once and do not block one another", async () => {
    mkdirSync(join(work, "crossed"))
    const crossed = join(work, "crossed/layouts")
    const images = writeCrossedImages(crossed)
    const place = new ExtractsPlace(join(work, "crossed"), crossed)
    for (let round = 0; round < 10; round++) {
      const outcomes = await Promise.all(images.map((image) => place.run({ images: [image] })))
      assert.deepEqual(outcomes.map(complaints), Array(2).fill([0, []]))
      assert.deepEqual(place.leftovers(), [])
      const roots = place.roots()
      assert.equal(roots.length, 2)
      // One file with several names, or it was written twice.
      for (const path of ["d0/f0", "other/f0"])
        assert.equal(new Set(roots.map((root) => statSync(join(root, path)).ino)).size, 1, path)
      place.clear()
    }
  })

  it("do not wait for the dead: a killed one's lock is the next one's", async () => {
    const place = placeIn("dead")
    const first = place.start()
    await place.begun(first)
    first.child.kill("SIGSTOP")
    const second = place.start()
    await sleep(duration.all)
    first.child.kill("SIGKILL")
    await first.ended
    const outcome = await second.ended
    assert.deepEqual([outcome.code, said(outcome)], [0, "extracted"], outcome.stderr)
    place.clear()
    const third = place.start()
    await place.begun(third)
    third.child.kill("SIGKILL")
    await third.ended
    assert.isNotEmpty(place.leftovers())
    await nextRunSucceeds(place, "the run after a killed one")
  })
})

describe.skipIf(requireOrSkip(noGetfattr ?? whyNoStrace()))("what an extraction makes visible", () => {
  it("is flushed before: between the flush and the rename nothing is written", async () => {
    const place = placeIn("traced")
    const trace = join(work, "traced/strace")
    const { code, stderr } = await place.run({ under: SystemCalls.tracing(trace) })
    assert.equal(code, 0, stderr)
    const calls = SystemCalls.parse(readFileSync(trace, "utf8"))
    const visible = calls.filter(
      (call) => call.name.startsWith("rename") && SystemCalls.movesTo(call, TRUSTED)
    )
    assert.isTrue(visible.some((call) => SystemCalls.movesTo(call, [/[/]dirs[/]/])))
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
  const TRUSTED = [/[/]extracts[/]dirs[/]/, /[/]extracts[/]layers[/]/]
})

describe.skipIf(requireOrSkip(noExt4))("a machine that loses power during an extraction", () => {
  /** What is on the disk: a journal to be replayed, and nothing that the kernel had still in memory. */
  const diskNow = (machine: Mounted): string => {
    const copy = imageFile()
    copyFileSync(machine.image ?? "", copy)
    return copy
  }

  it("has the whole root or none when it is back, at any moment, and goes on", async () => {
    await using machine = await Mounted.ext4(48 * 2 ** 20)
    const extracts = (mounted: Mounted) => join(mounted.path, "extracts")
    const seen = { whole: 0, nothing: 0 }
    for (const [index, moment] of moments(SNAPSHOTS, 1000).entries()) {
      const place = new ExtractsPlace(work, layouts, extracts(machine))
      const running = place.start()
      await place.begun(running)
      // The last is after the end: what was reported must be there.
      const last = index === SNAPSHOTS - 1
      await (last ? running.ended : sleep(moment * duration.locked))
      running.child.kill("SIGSTOP")
      const image = diskNow(machine)
      running.child.kill("SIGKILL")
      await running.ended
      const copy = await Mounted.existing(image)
      try {
        const afterwards = new ExtractsPlace(work, layouts, extracts(copy))
        const left = await wholeOrNothing(afterwards, `snapshot ${index}`)
        seen[left]++
        if (last) assert.equal(left, "whole", "after the end")
        await nextRunSucceeds(afterwards, `the run after snapshot ${index}`)
      } finally {
        await copy[Symbol.asyncDispose]()
      }
      place.clear()
    }
    for (const count of Object.values(seen)) assert.isAbove(count, 0, JSON.stringify(seen))
  })
})
