import { assert, describe, it } from "vitest"
import * as NativeCallsOnDemand from "../../src/library/NativeCallsOnDemand.ts"
import { type Calls, NativeCallsUnavailable } from "../../src/services/files/NativeCalls.ts"

describe("native calls on demand", () => {
  it("are loaded at the first call, once", () => {
    let loads = 0
    const calls = NativeCallsOnDemand.onDemand(() => {
      loads++
      return { lock: (fd: number) => fd === 7 } as unknown as Calls
    })
    assert.strictEqual(loads, 0)
    assert.isTrue(calls.lock(7, "shared"))
    assert.isFalse(calls.lock(8, "shared"))
    assert.strictEqual(loads, 1)
  })

  it("are so for mounts too, which are a group of their own", () => {
    let loads = 0
    const asked: Array<readonly [string, string]> = []
    const calls = NativeCallsOnDemand.onDemand(() => {
      loads++
      return {
        mounts: { bind: (from: string, at: string) => asked.push([from, at]), open: () => 9 }
      } as unknown as Calls
    })
    const { mounts } = calls
    assert.strictEqual(loads, 0)
    assert.strictEqual(mounts.open("erofs", []), 9)
    mounts.bind("/from", "/at")
    assert.deepStrictEqual(asked, [["/from", "/at"]])
    assert.strictEqual(loads, 1)
  })

  it("say at each call that they cannot be loaded, behind whatever error that becomes", () => {
    const missing = new Error("Cannot find module 'koffi'")
    const calls = NativeCallsOnDemand.onDemand(() => {
      throw missing
    })
    let thrown: unknown
    try {
      calls.syncFileSystem(0)
    } catch (error) {
      thrown = error
    }
    assert.instanceOf(thrown, NativeCallsUnavailable)
    assert.strictEqual((thrown as Error).cause, missing)
    const outer = new Error("cannot take the lock", { cause: new Error("x", { cause: thrown }) })
    assert.strictEqual(NativeCallsOnDemand.causeIn(outer), thrown)
    assert.isUndefined(NativeCallsOnDemand.causeIn(missing))
    assert.isUndefined(NativeCallsOnDemand.causeIn("text"))
  })
})

describe("native calls that are not available", () => {
  const messageOn = (platform: string) => new NativeCallsUnavailable({ platform, cause: undefined }).message

  it("say what is lacking, by platform", () => {
    assert.match(messageOn("linux-x64"), /the koffi package cannot be loaded$/)
    assert.match(messageOn("darwin-arm64"), /darwin-arm64: extraction needs Linux$/)
  })
})
