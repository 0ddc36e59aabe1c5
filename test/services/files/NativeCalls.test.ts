import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { assert, describe, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberStatus from "effect/FiberStatus"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { type ByteString, fromBytes, fromText } from "../../../src/domain/text/ByteString.ts"
import * as DeviceNumber from "../../../src/services/files/DeviceNumber.ts"
import { type Calls, NativeCalls } from "../../../src/services/files/NativeCalls.ts"

const isRoot = process.geteuid?.() === 0
const asRoot = isRoot ? it.scoped : it.scoped.skip
const NEEDS_ROOT = isRoot ? "" : " (skipped: needs root)"

const withDirectory = <A, E>(
  body: (calls: Calls, directory: string) => Effect.Effect<A, E, Scope.Scope>
): Effect.Effect<A, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const calls = yield* NativeCalls
    const directory = yield* Effect.acquireRelease(
      Effect.sync(() => fs.mkdtempSync(`${tmpdir()}/oci-native-`)),
      (path) => Effect.sync(() => fs.rmSync(path, { recursive: true, force: true }))
    )
    return yield* body(calls, directory)
  }).pipe(Effect.provide(NativeCalls.layer))

const open = (path: string) =>
  Effect.acquireRelease(
    Effect.sync(() => fs.openSync(path, "a+")),
    (fd) => Effect.sync(() => fs.closeSync(fd))
  )

const bytes = (text: string) => Buffer.from(text)
const thrown = (body: () => void): NodeJS.ErrnoException => {
  try {
    body()
  } catch (cause) {
    return cause as NodeJS.ErrnoException
  }
  return assert.fail("nothing was thrown")
}
/** Seconds and nanoseconds as coreutils has them: an oracle that is not Node. */
const modified = (path: string) =>
  execFileSync("stat", ["-c", "%.9Y %.9X", path], { encoding: "utf8" }).trim()

describe("device numbers", () => {
  it("are encoded as gnu_dev_makedev(3) does", () => {
    for (const [major, minor, device] of DEVICES) assert.strictEqual(DeviceNumber.of(major, minor), device)
  })

  it("come apart again", () => {
    for (const [major, minor, device] of DEVICES)
      assert.deepStrictEqual(DeviceNumber.parts(device), { major, minor })
  })
})

describe("NativeCalls", () => {
  it.scoped("finds the data of a sparse file", () =>
    withDirectory((calls, directory) =>
      Effect.gen(function* () {
        const fd = yield* open(`${directory}/sparse`)
        fs.ftruncateSync(fd, 2 ** 33)
        assert.isUndefined(calls.nextData(fd, 0))
        const other = fs.openSync(`${directory}/sparse`, "r+")
        fs.writeSync(other, Buffer.from("data"), 0, 4, 2 ** 32)
        fs.closeSync(other)
        assert.strictEqual(calls.nextData(fd, 0), 2 ** 32)
        assert.isUndefined(calls.nextData(fd, 2 ** 32 + 2 ** 20))
      })
    )
  )

  it.effect("without koffi, says so", () =>
    Effect.gen(function* () {
      vi.doMock("koffi", () => {
        throw new Error("not installed")
      })
      const error = yield* Effect.flip(Effect.scoped(Layer.build(NativeCalls.layer)))
      assert.strictEqual(error._tag, "NativeCallsUnavailable")
      assert.include(error.message, process.arch)
    }).pipe(Effect.ensuring(Effect.sync(() => vi.doUnmock("koffi"))))
  )

  it.scoped("makes a fifo", () =>
    withDirectory((calls, directory) =>
      Effect.sync(() => {
        calls.makeNode(bytes(`${directory}/pipe`), "fifo", 0o600, 0, 0)
        assert.isTrue(fs.lstatSync(`${directory}/pipe`).isFIFO())
        assert.strictEqual(fs.lstatSync(`${directory}/pipe`).mode & 0o7777, 0o600)
      })
    )
  )

  asRoot(`makes devices, large minors included${NEEDS_ROOT}`, () =>
    withDirectory((calls, directory) =>
      Effect.sync(() => {
        calls.makeNode(bytes(`${directory}/null`), "character", 0o600, 1, 3)
        calls.makeNode(bytes(`${directory}/disk`), "block", 0o640, 4095, 1048575)
        assert.isTrue(fs.lstatSync(`${directory}/null`).isCharacterDevice())
        assert.strictEqual(fs.lstatSync(`${directory}/null`).rdev, 0x103)
        const disk = execFileSync("stat", ["-c", "%F %Hr %Lr %a", `${directory}/disk`], { encoding: "utf8" })
        assert.strictEqual(disk, "block special file 4095 1048575 640\n")
      })
    )
  )

  it.scoped("throws errors that look like Node's", () =>
    withDirectory((calls, directory) =>
      Effect.sync(() => {
        const path = `${directory}/no/thing`
        const error = thrown(() => calls.makeNode(bytes(path), "fifo", 0o600, 0, 0))
        const node = thrown(() => fs.mkdirSync(path))
        assert.strictEqual(error.code, "ENOENT")
        assert.strictEqual(error.errno, node.errno)
        assert.strictEqual(error.path, path)
        assert.strictEqual(error.syscall, "mknod")
        assert.strictEqual(error.message, `ENOENT: no such file or directory, mknod '${path}'`)
        assert.strictEqual(
          thrown(() => calls.setModifiedOfFile(9999, { seconds: 0, nanoseconds: 0 })).code,
          "EBADF"
        )
        const cut = thrown(() => calls.makeNode(Buffer.from(`${directory}/a\0b`), "fifo", 0o600, 0, 0))
        assert.strictEqual(cut.code, "EINVAL")
        assert.deepStrictEqual(fs.readdirSync(directory), [])
      })
    )
  )

  it.scoped("sets and lists extended attributes, binary, empty and large ones", () =>
    withDirectory((calls, directory) =>
      Effect.gen(function* () {
        const path = `${directory}/file`
        const fd = yield* open(path)
        assert.strictEqual(calls.listXattrs(bytes(path)).size, 0)
        const large = new Uint8Array(2000).map((_, index) => index % 256)
        const odd = fromBytes(Uint8Array.of(0x75, 0x73, 0x65, 0x72, 0x2e, 0xff, 0x0a))
        calls.setXattr(bytes(path), fromText("user.large"), large)
        calls.setXattr(bytes(path), fromText("user.empty"), new Uint8Array(0))
        calls.setXattrOfFile(fd, odd, Uint8Array.of(0, 1, 0, 255))
        const listed = calls.listXattrs(bytes(path))
        assert.deepStrictEqual([...listed.keys()].sort(), ["user.empty", "user.large", odd].sort())
        assert.deepStrictEqual([...(listed.get(fromText("user.large")) ?? [])], [...large])
        assert.deepStrictEqual([...(listed.get(fromText("user.empty")) ?? [1])], [])
        assert.deepStrictEqual([...(listed.get(odd) ?? [])], [0, 1, 0, 255])
        assert.deepStrictEqual([...(calls.getXattr(bytes(path), odd) ?? [])], [0, 1, 0, 255])
        assert.isUndefined(calls.getXattr(bytes(path), fromText("user.missing")))
        assert.throws(() => calls.getXattr(bytes(`${path}.missing`), odd), /ENOENT.*lgetxattr/)
      })
    )
  )

  asRoot(`sets attributes of a link, not of what it leads to${NEEDS_ROOT}`, () =>
    withDirectory((calls, directory) =>
      Effect.sync(() => {
        fs.writeFileSync(`${directory}/file`, "")
        fs.symlinkSync("file", `${directory}/link`)
        calls.setXattr(bytes(`${directory}/link`), "trusted.of" as ByteString, bytes("link"))
        assert.strictEqual(calls.listXattrs(bytes(`${directory}/file`)).size, 0)
        assert.deepStrictEqual([...calls.listXattrs(bytes(`${directory}/link`)).keys()], ["trusted.of"])
      })
    )
  )

  it.scoped("sets times to the nanosecond, negative and far ones", () =>
    withDirectory((calls, directory) =>
      Effect.gen(function* () {
        const path = `${directory}/file`
        const fd = yield* open(path)
        for (const [seconds, nanoseconds, shown] of TIMES) {
          calls.setModified(bytes(path), { seconds, nanoseconds })
          assert.strictEqual(modified(path), `${shown} ${shown}`)
          calls.setModifiedOfFile(fd, { seconds: 0, nanoseconds: 0 })
          calls.setModifiedOfFile(fd, { seconds, nanoseconds })
          assert.strictEqual(modified(path), `${shown} ${shown}`)
        }
      })
    )
  )

  it.scoped("sets the times of a link, not of what it leads to", () =>
    withDirectory((calls, directory) =>
      Effect.sync(() => {
        fs.writeFileSync(`${directory}/file`, "")
        fs.symlinkSync("file", `${directory}/link`)
        calls.setModified(bytes(`${directory}/file`), { seconds: 1, nanoseconds: 0 })
        calls.setModified(bytes(`${directory}/link`), { seconds: 2, nanoseconds: 0 })
        assert.strictEqual(fs.lstatSync(`${directory}/file`).mtimeMs, 1000)
        assert.strictEqual(fs.lstatSync(`${directory}/link`).mtimeMs, 2000)
      })
    )
  )

  it.scoped("locks exclude each other, shared ones only the exclusive", () =>
    withDirectory((calls, directory) =>
      Effect.gen(function* () {
        const [one, two] = [yield* open(`${directory}/lock`), yield* open(`${directory}/lock`)]
        assert.isTrue(calls.lock(one, "exclusive"))
        assert.isFalse(calls.lock(two, "exclusive"))
        assert.isFalse(calls.lock(two, "shared"))
        assert.isTrue(calls.lock(one, "shared"))
        assert.isTrue(calls.lock(two, "shared"))
        assert.isFalse(calls.lock(two, "exclusive"))
      })
    )
  )

  it.scopedLive("waiting for a lock can be interrupted, and ends when it is let go", () =>
    withDirectory((calls, directory) =>
      Effect.gen(function* () {
        const two = yield* open(`${directory}/lock`)
        const one = fs.openSync(`${directory}/lock`, "r")
        assert.isTrue(calls.lock(one, "exclusive"))
        const waiting = Effect.gen(function* () {
          const fiber = yield* Effect.fork(calls.lockWaiting(two, "exclusive"))
          while (!FiberStatus.isSuspended(yield* Fiber.status(fiber))) yield* Effect.yieldNow()
          return fiber
        })
        yield* Fiber.interrupt(yield* waiting)
        const kept = yield* waiting
        fs.closeSync(one)
        yield* Fiber.join(kept)
        const three = yield* open(`${directory}/lock`)
        assert.isFalse(calls.lock(three, "shared"))
      })
    )
  )

  it.scopedLive("flushes a file system, on this thread and off it", () =>
    withDirectory((calls, directory) =>
      Effect.gen(function* () {
        const fd = yield* open(`${directory}/file`)
        calls.syncFileSystem(fd)
        yield* calls.syncFileSystemWaiting(fd)
        assert.strictEqual(thrown(() => calls.syncFileSystem(9999)).code, "EBADF")
        const error = yield* Effect.flip(calls.syncFileSystemWaiting(9999))
        assert.strictEqual(error.code, "EBADF")
        assert.strictEqual(error.syscall, "syncfs")
      })
    )
  )
})

const TIMES: ReadonlyArray<readonly [seconds: number, nanoseconds: number, shown: string]> = [
  [0, 0, "0.000000000"],
  [1_700_000_000, 123_456_789, "1700000000.123456789"],
  [-1, 0, "-1.000000000"],
  // half a second before 1970
  [-1, 500_000_000, "-0.500000000"],
  [4_102_444_800, 1, "4102444800.000000001"]
]

/** Made with glibc. */
const DEVICES: ReadonlyArray<readonly [major: number, minor: number, device: bigint]> = [
  [1, 3, 0x103n],
  [0, 0, 0n],
  [8, 256, 0x100800n],
  [259, 1048575, 0xfff103ffn],
  [4095, 255, 0xfffffn],
  [4096, 1, 0x100000000001n],
  [0xffffffff, 0xffffffff, 0xffffffffffffffffn]
]
