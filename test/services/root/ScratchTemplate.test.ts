/** What a template has of its own, and what a volume inside another volume becomes. */
import * as fs from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Volume } from "../../../src/domain/unit/ImageVolumes.ts"
import type { RootPaths } from "../../../src/domain/unit/RootPaths.ts"
import * as UserRecord from "../../../src/domain/unit/UserRecord.ts"
import { NativeCalls } from "../../../src/services/files/NativeCalls.ts"
import * as MountPoints from "../../../src/services/root/MountPoints.ts"
import * as ScratchTemplate from "../../../src/services/root/ScratchTemplate.ts"
import * as VolumeDirectories from "../../../src/services/root/VolumeDirectories.ts"
import { temporary } from "../../support/LayoutWriter.ts"

const asRoot = process.geteuid?.() === 0 ? it.effect : it.effect.skip

/** A root of an image with an owner and a mode of its own, and the empty directory of a template. */
const withRoot = <A, E>(
  test: (at: (path: string) => string, roots: RootPaths) => Effect.Effect<A, E, NativeCalls>
) =>
  Effect.acquireUseRelease(
    Effect.sync(temporary),
    ({ path }) => {
      const at = (name: string) => join(path, name)
      fs.mkdirSync(at("lower/etc"), { recursive: true })
      fs.mkdirSync(at("template"))
      fs.chownSync(at("lower"), 3, 4)
      fs.chmodSync(at("lower"), 0o1751)
      const overlay = { name: "u", scratch: "/s", upper: "/s/upper", work: "/s/work" }
      return test(at, { lower: at("lower"), root: "/r", overlay })
    },
    (directory) => Effect.sync(() => directory[Symbol.dispose]())
  ).pipe(Effect.provide(NativeCalls.layer))

const modeOf = (path: string): string => (fs.lstatSync(path).mode & 0o7777).toString(8)

describe("ScratchTemplate.write", () => {
  asRoot("makes the upper directory as the root is, mount points in it, and the pipe of the output", () =>
    withRoot((at, roots) =>
      Effect.gen(function* () {
        const points = MountPoints.of(at("lower"), [
          { kind: "volume", path: "/srv/data", source: at("template"), readonly: false }
        ])
        ScratchTemplate.write(yield* NativeCalls, at("template"), {
          roots,
          points,
          workingDirectory: "/work/here",
          records: [],
          lines: ["one", "two"],
          secrets: ["file 0 0:0 0444 key"],
          isPersistent: false
        })
        const upper = at("template/scratch/upper")
        const { gid, uid } = fs.statSync(upper)
        assert.deepStrictEqual([uid, gid, modeOf(upper)], [3, 4, "1751"])
        assert.isTrue(fs.statSync(`${upper}/srv/data`).isDirectory())
        assert.isTrue(fs.statSync(`${upper}/work/here`).isDirectory())
        assert.isTrue(fs.lstatSync(at("template/scratch/output")).isFIFO())
        assert.strictEqual(modeOf(at("template/scratch/output")), "622")
        assert.strictEqual(modeOf(at("template/scratch")), "700")
        assert.strictEqual(fs.readFileSync(at("template/mounts"), "utf8"), "one\ntwo\n")
        assert.deepStrictEqual(fs.readdirSync(at("template")).sort(), ["mounts", "scratch", "secrets"])
      })
    )
  )

  asRoot("writes records that every user can read, and places where the root is kept", () =>
    withRoot((at, roots) =>
      Effect.gen(function* () {
        ScratchTemplate.write(yield* NativeCalls, at("template"), {
          roots,
          points: [],
          workingDirectory: "/",
          records: [UserRecord.user(7, 8)],
          lines: [],
          secrets: [],
          isPersistent: true
        })
        assert.strictEqual(modeOf(at("template/users")), "755")
        const names = fs.readdirSync(at("template/users"))
        assert.include(names, "oci-u7.user")
        assert.strictEqual(modeOf(at("template/users/oci-u7.user")), "644")
        assert.isTrue(fs.existsSync(at("template/places")))
      })
    )
  )
})

describe("VolumeDirectories.ensureInside", () => {
  const volume = (directory: string, path: string): Volume => ({
    kind: "own",
    path,
    directory,
    readonly: false
  })

  it.effect("makes a volume inside another one, and leaves it when it is there", () =>
    Effect.acquireUseRelease(
      Effect.sync(temporary),
      ({ path }) =>
        Effect.gen(function* () {
          const [outer, inner] = [volume(path, "/data"), volume(join(path, "a/b"), "/data/a/b")]
          yield* VolumeDirectories.ensureInside(inner, outer)
          assert.isTrue(fs.statSync(inner.directory).isDirectory())
          fs.writeFileSync(join(inner.directory, "kept"), "")
          yield* VolumeDirectories.ensureInside(inner, outer)
          assert.deepStrictEqual(fs.readdirSync(inner.directory), ["kept"])
        }),
      (directory) => Effect.sync(() => directory[Symbol.dispose]())
    )
  )

  it.effect("follows no link of the outer volume, and says what is in the way", () =>
    Effect.acquireUseRelease(
      Effect.sync(temporary),
      ({ path }) =>
        Effect.gen(function* () {
          fs.mkdirSync(join(path, "outside"))
          fs.mkdirSync(join(path, "volume"))
          fs.symlinkSync("../outside", join(path, "volume/a"))
          const inner = volume(join(path, "volume/a/b"), "/data/a/b")
          const { message } = yield* Effect.flip(
            VolumeDirectories.ensureInside(inner, volume(join(path, "volume"), "/data"))
          )
          assert.strictEqual(
            message,
            `the volume /data/a/b cannot be made: a link or a file is in the way at ${inner.directory}`
          )
          assert.deepStrictEqual(fs.readdirSync(join(path, "outside")), [])
        }),
      (directory) => Effect.sync(() => directory[Symbol.dispose]())
    )
  )
})
