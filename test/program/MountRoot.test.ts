/** The root of an image at a directory of the caller's choice: both kinds of roots, and what is refused. */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { assert, describe, it } from "vitest"
import * as MountRoot from "../../src/program/MountRoot.ts"
import { NativeCalls } from "../../src/services/files/NativeCalls.ts"
import * as ErofsPlace from "../support/ErofsPlace.ts"
import { calls, isMounted, PLACES, withPlace } from "../support/MountedPlace.ts"
import * as Tar from "../support/TarWriter.ts"

const noMounts = await ErofsPlace.whyNoMounts()
if (noMounts !== undefined) console.error(`skipped: ${noMounts}`)

const LAYERS = [
  Tar.archive(
    Tar.member({ name: "bin/", type: "5", mode: 0o755 }),
    Tar.member({ name: "bin/su", mode: 0o4755 }, "#!")
  )
]

const unmount = (directory: string) =>
  Effect.runPromise(Effect.either(MountRoot.unmount(directory)).pipe(Effect.provide(NativeCalls.layer)))

const messageOf = (outcome: Either.Either<unknown, Error>) =>
  Either.match(outcome, { onLeft: ({ message }) => message, onRight: () => "done" })

const withDirectory = async (test: (directory: string) => Promise<void>): Promise<void> => {
  fs.mkdirSync(PLACES, { recursive: true })
  const directory = fs.mkdtempSync(join(PLACES, "directory-"))
  try {
    await test(directory)
  } finally {
    try {
      calls.mounts.detach(directory)
    } catch {
      // Nothing is mounted there, as a rule.
    }
    fs.rmSync(directory, { recursive: true, force: true })
  }
}

/** The options of the mount at a path. */
const optionsOf = (path: string): ReadonlyArray<string> =>
  fs
    .readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .findLast(([, , , , point]) => point === fs.realpathSync(path))?.[5]
    ?.split(",") ?? []

describe.skipIf(noMounts !== undefined).each(["mounted", "directories"] as const)("roots = %s", (roots) => {
  it("are mounted read-only, without set-user-ID and device files, kept by gc until they are unmounted, and then gone", () =>
    withDirectory((directory) =>
      withPlace(LAYERS, async ({ collect, layout, mount }) => {
        assert.strictEqual(messageOf(await mount(roots, directory)), "done")
        assert.deepStrictEqual(fs.readdirSync(directory), ["bin"])
        assert.includeMembers([...optionsOf(directory)], ["ro", "nosuid", "nodev"])
        assert.throws(() => fs.writeFileSync(join(directory, "new"), ""), /EROFS/)
        layout.index()
        const { kept } = await collect()
        assert.deepStrictEqual(
          kept.map(({ kind, reason }) => [kind, reason]),
          [["root", `in use by what is mounted at ${directory}`]]
        )
        assert.strictEqual(fs.readFileSync(join(directory, "bin/su"), "latin1"), "#!")
        assert.strictEqual(messageOf(await unmount(directory)), "done")
        assert.deepStrictEqual(fs.readdirSync(directory), [])
        assert.deepStrictEqual((await collect()).kept, [])
      })
    ))

  it("are not unmounted while a process uses them", () =>
    withDirectory((directory) =>
      withPlace(LAYERS, async ({ mount }) => {
        await mount(roots, directory)
        const fd = fs.openSync(join(directory, "bin/su"), "r")
        assert.strictEqual(
          messageOf(await unmount(directory)),
          `nothing is unmounted at ${directory}: it is in use`
        )
        fs.closeSync(fd)
        assert.strictEqual(messageOf(await unmount(directory)), "done")
      })
    ))
})

describe.skipIf(noMounts !== undefined)("a directory", () => {
  const refusals: ReadonlyArray<readonly [string, prepare: (directory: string) => void, reason: string]> = [
    ["is not empty", (directory) => fs.writeFileSync(join(directory, "file"), ""), "is not empty"],
    ["is missing", (directory) => fs.rmdirSync(directory), "does not exist"],
    [
      "is a file",
      (directory) => {
        fs.rmdirSync(directory)
        fs.writeFileSync(directory, "")
      },
      "is not a directory"
    ]
  ]
  it.each(refusals)("that %s is refused before anything is extracted", (_, prepare, reason) =>
    withDirectory((directory) =>
      withPlace(LAYERS, async ({ extracts, mount }) => {
        prepare(directory)
        assert.strictEqual(
          messageOf(await mount("auto", directory)),
          `nothing is mounted at ${directory}: it ${reason}`
        )
        assert.isFalse(fs.existsSync(extracts))
      })
    )
  )

  it("with something else mounted, or nothing, is left alone by unmount", () =>
    withDirectory(async (directory) => {
      assert.strictEqual(
        messageOf(await unmount(directory)),
        `nothing is unmounted at ${directory}: it has nothing mounted there`
      )
      execFileSync("mount", ["-t", "tmpfs", "tmpfs", directory])
      assert.strictEqual(
        messageOf(await unmount(directory)),
        `nothing is unmounted at ${directory}: it has something mounted there that is not the root of an image`
      )
    }))

  it("in which services have a root is left alone by unmount", () =>
    withPlace(LAYERS, async ({ start }) => {
      const root = await start("mounted")
      assert.include(messageOf(await unmount(root)), "is not the root of an image")
      assert.isTrue(isMounted(root))
    }))
})
