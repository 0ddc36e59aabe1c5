import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { dirname } from "node:path"
import * as Command from "@effect/platform/Command"
import * as CommandExecutor from "@effect/platform/CommandExecutor"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Volume } from "../../../src/domain/unit/ImageVolumes.ts"
import { NativeCalls } from "../../../src/services/files/NativeCalls.ts"
import * as TreeRemoval from "../../../src/services/files/TreeRemoval.ts"
import { VolumeDirectories } from "../../../src/services/root/VolumeDirectories.ts"
import * as Exchanger from "../../support/Exchanger.ts"

const asRoot = process.geteuid?.() === 0 ? it.scopedLive : it.scopedLive.skip

interface Place {
  readonly root: string
  readonly at: (path: string) => Volume
  readonly host: (path: string) => Volume
  readonly inImage: (path: string) => string
}

/** A root filesystem, and where its volumes go. */
const place: Effect.Effect<Place, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(`${tmpdir()}/oci-volumes-`)),
  (path) => TreeRemoval.remove(path, (cause) => cause).pipe(Effect.orDie)
).pipe(
  Effect.map((path) => {
    fs.mkdirSync(`${path}/root`)
    const volume =
      (kind: Volume["kind"], directory: string) =>
      (at: string): Volume => ({
        kind,
        path: at,
        directory: `${directory}/${at.slice(1).replaceAll("/", "%2F")}`,
        readonly: false
      })
    return {
      root: `${path}/root`,
      at: volume("own", `${path}/volumes/U`),
      host: volume("host", `${path}/srv`),
      inImage: (at: string) => {
        fs.mkdirSync(`${path}/root${at}`, { recursive: true })
        return `${path}/root${at}`
      }
    }
  })
)

const layer = VolumeDirectories.layer.pipe(Layer.provide(NativeCalls.layer), Layer.provide(NodeContext.layer))
const ensure = ({ root }: Place, volume: Volume) =>
  Effect.flatMap(VolumeDirectories, (volumes) => volumes.ensure(volume, root)).pipe(Effect.provide(layer))
const refusal = (at: Place, volume: Volume) =>
  Effect.map(Effect.flip(ensure(at, volume)), (error) => error.message)
const namesIn = (volume: Volume) => fs.readdirSync(dirname(volume.directory))

describe("VolumeDirectories.ensure", () => {
  asRoot("copies what the image has there, with all that belongs to it", () =>
    Effect.gen(function* () {
      const at = yield* place
      const data = at.inImage("/data/sub")
      fs.writeFileSync(`${data}/file`, "x", { mode: 0o640 })
      fs.linkSync(`${data}/file`, `${data}/same`)
      fs.symlinkSync("/etc/passwd", `${data}/out`)
      fs.chownSync(`${data}/file`, 7, 8)
      fs.lutimesSync(`${data}/out`, 5, 6)
      fs.utimesSync(`${data}/file`, 1, 2)
      fs.chownSync(dirname(data), 3, 4)
      fs.chmodSync(dirname(data), 0o3711)
      fs.utimesSync(dirname(data), 10, 11)
      const volume = at.at("/data")
      yield* ensure(at, volume)
      const top = fs.statSync(volume.directory)
      assert.deepStrictEqual([top.uid, top.gid, top.mode & 0o7777, top.mtimeMs], [3, 4, 0o3711, 11_000])
      const [file, same] = ["file", "same"].map((name) => fs.statSync(`${volume.directory}/sub/${name}`))
      assert.deepStrictEqual(
        [file?.uid, file?.gid, (file?.mode ?? 0) & 0o7777, file?.mtimeMs],
        [7, 8, 0o640, 2000]
      )
      assert.strictEqual(file?.ino, same?.ino)
      assert.notStrictEqual(file?.ino, fs.statSync(`${data}/file`).ino)
      assert.strictEqual(fs.readlinkSync(`${volume.directory}/sub/out`), "/etc/passwd")
      assert.deepStrictEqual(namesIn(volume), ["data"])
      assert.strictEqual(fs.statSync(dirname(volume.directory)).mode & 0o777, 0o700)
    })
  )

  it.scopedLive("is done once: what is there stays, even when it is empty", () =>
    Effect.gen(function* () {
      const at = yield* place
      fs.writeFileSync(`${at.inImage("/data")}/file`, "x")
      const volume = at.at("/data")
      yield* ensure(at, volume)
      fs.rmSync(`${volume.directory}/file`)
      yield* ensure(at, volume)
      assert.deepStrictEqual(fs.readdirSync(volume.directory), [])
    })
  )

  it.scopedLive("a copy that fails is no volume, and leaves nothing", () =>
    Effect.gen(function* () {
      const at = yield* place
      fs.writeFileSync(`${at.inImage("/data")}/file`, "x")
      const volume = at.at("/data")
      const failing = Layer.map(NodeContext.layer, (context) => {
        const real = Context.get(context, CommandExecutor.CommandExecutor)
        const half = (_: Command.Command) =>
          real.start(
            Command.make("sh", "-c", `mkdir -p ${dirname(volume.directory)}/.new/x/volume/half; exit 1`)
          )
        return Context.add(context, CommandExecutor.CommandExecutor, CommandExecutor.makeExecutor(half))
      })
      const broken = VolumeDirectories.layer.pipe(Layer.provide(NativeCalls.layer), Layer.provide(failing))
      const error = yield* Effect.flatMap(VolumeDirectories, (volumes) =>
        volumes.ensure(volume, at.root)
      ).pipe(Effect.provide(broken), Effect.flip)
      assert.include(error.message, "the volume /data cannot be filled: cp ended with exit code 1")
      assert.isFalse(fs.existsSync(volume.directory))
      // What it did leave, as a power cut would, the next run removes.
      assert.deepStrictEqual(namesIn(volume), [".new"])
      yield* ensure(at, volume)
      assert.deepStrictEqual(namesIn(volume), ["data"])
      assert.deepStrictEqual(fs.readdirSync(volume.directory), ["file"])
    })
  )

  it.scopedLive("several at a time make one", () =>
    Effect.gen(function* () {
      const at = yield* place
      fs.writeFileSync(`${at.inImage("/data")}/file`, "x")
      const volume = at.at("/data")
      yield* Effect.all(
        Array.from({ length: 5 }, () => ensure(at, volume)),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(namesIn(volume), ["data"])
      assert.deepStrictEqual(fs.readdirSync(volume.directory), ["file"])
    })
  )

  it.scopedLive("an empty directory where the image has none, or nothing behind a link", () =>
    Effect.gen(function* () {
      const at = yield* place
      fs.symlinkSync("/nowhere/at/all", `${at.root}/dangling`)
      fs.symlinkSync("round", `${at.root}/round`)
      for (const path of ["/missing/deep", "/dangling", "/round"]) {
        yield* ensure(at, at.at(path))
        assert.deepStrictEqual(fs.readdirSync(at.at(path).directory), [])
        assert.strictEqual(fs.statSync(at.at(path).directory).mode & 0o7777, 0o755)
      }
    })
  )

  it.scopedLive("links are followed inside the root, and never out of it", () =>
    Effect.gen(function* () {
      const at = yield* place
      fs.writeFileSync(`${at.inImage("/etc")}/of-the-image`, "")
      fs.symlinkSync("/../../../../etc", `${at.root}/up`)
      yield* ensure(at, at.at("/up"))
      assert.deepStrictEqual(fs.readdirSync(at.at("/up").directory), ["of-the-image"])
    })
  )

  it.scopedLive("what no directory is in the image is told, and so is the root itself", () =>
    Effect.gen(function* () {
      const at = yield* place
      fs.writeFileSync(`${at.root}/file`, "")
      at.inImage("/proc/1")
      fs.symlinkSync(".", `${at.root}/whole`)
      fs.symlinkSync("/proc/1", `${at.root}/kernel`)
      const wanted = [
        ["/file", "is a file in the image, not a directory"],
        ["/file/below", "lies in /file, which is a file in the image"],
        ["/whole", "leads to the root itself"],
        ["/kernel", "leads to /proc/1, which belongs to the kernel"]
      ] as const
      for (const [path, why] of wanted)
        assert.strictEqual(yield* refusal(at, at.at(path)), `the volume ${path} ${why}`)
    })
  )

  it.scopedLive("a volume that was moved is followed, and a disk that is missing is told", () =>
    Effect.gen(function* () {
      const at = yield* place
      const volume = at.at("/data")
      fs.mkdirSync(dirname(volume.directory), { recursive: true })
      fs.symlinkSync("../elsewhere", volume.directory)
      assert.match(
        yield* refusal(at, volume),
        /is kept at .*, which leads to \.\.\/elsewhere, which does not exist$/
      )
      fs.mkdirSync(`${dirname(volume.directory)}/../elsewhere`)
      yield* ensure(at, volume)
      assert.deepStrictEqual(fs.readdirSync(volume.directory), [])
    })
  )

  asRoot(
    "a directory of the host is used as it is; a missing one is made, empty, as the image's is owned",
    () =>
      Effect.gen(function* () {
        const at = yield* place
        fs.writeFileSync(`${at.inImage("/data")}/file`, "x")
        fs.chownSync(`${at.root}/data`, 7, 8)
        const volume = at.host("/data")
        yield* ensure(at, volume)
        const made = fs.statSync(volume.directory)
        assert.deepStrictEqual([made.uid, made.gid, fs.readdirSync(volume.directory)], [7, 8, []])
        fs.chownSync(volume.directory, 1, 1)
        yield* ensure(at, volume)
        assert.strictEqual(fs.statSync(volume.directory).uid, 1)
      })
  )

  asRoot("gives away nothing that another process puts in the place of a directory of the host", () =>
    Effect.gen(function* () {
      const at = yield* place
      fs.chownSync(at.inImage("/data"), 7, 8)
      const volume = at.host("/data")
      const precious = `${dirname(dirname(volume.directory))}/precious`
      const link = `${dirname(volume.directory)}/link`
      fs.mkdirSync(precious)
      fs.writeFileSync(`${precious}/file`, "")
      fs.mkdirSync(dirname(volume.directory))
      const volumes = yield* Effect.provide(VolumeDirectories, layer)
      yield* Exchanger.start([[volume.directory, link]])
      for (let round = 0; round < 300; round++) {
        fs.symlinkSync(precious, link)
        // It may fail, and must not go on with what it did not make.
        yield* Effect.either(volumes.ensure(volume, at.root))
        assert.strictEqual(fs.statSync(precious).uid, 0)
        for (const path of [link, volume.directory]) {
          yield* TreeRemoval.remove(path, (cause) => cause).pipe(Effect.ignore)
        }
        for (const path of fs.readdirSync(dirname(volume.directory))) {
          yield* TreeRemoval.remove(`${dirname(volume.directory)}/${path}`, (cause) => cause)
        }
      }
    })
  )
})
