import { constants } from "node:os"
import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as StopSignal from "../../../src/domain/process/StopSignal.ts"

describe("StopSignal.successStatus", () => {
  it.each([
    ["SIGTERM", "143"],
    ["SIGINT", "130"],
    ["SIGQUIT", "131 SIGQUIT"],
    ["SIGUSR1", "138 SIGUSR1"],
    ["SIGRTMIN+3", "165 SIGRTMIN+3"],
    ["SIGKILL", undefined]
  ])("%s: %s", (signal, expected) => assert.strictEqual(StopSignal.successStatus(signal), expected))
})

describe("StopSignal.parse", () => {
  for (const [signal, expected] of [
    ["SIGTERM", "SIGTERM"],
    ["TERM", "SIGTERM"],
    ["sigquit", "SIGQUIT"],
    ["15", "SIGTERM"],
    ["9", "SIGKILL"],
    ["09", "SIGKILL"],
    ["31", "SIGSYS"],
    ["SIGCLD", "SIGCHLD"],
    ["IOT", "SIGABRT"],
    ["POLL", "SIGIO"],
    ["34", "SIGRTMIN+0"],
    ["64", "SIGRTMIN+30"],
    ["SIGRTMIN", "SIGRTMIN+0"],
    ["SIGRTMIN+3", "SIGRTMIN+3"],
    ["RTMAX", "SIGRTMIN+30"],
    ["SIGRTMAX-1", "SIGRTMIN+29"],
    ["RTMIN+30", "SIGRTMIN+30"]
  ] as const) {
    it(`${signal} → ${expected}`, () =>
      assert.strictEqual(Either.getOrThrow(StopSignal.parse(signal)), expected))
  }

  for (const signal of [
    "",
    "0",
    "32",
    "33",
    "65",
    "-1",
    "015",
    "1.0",
    "SIG",
    "SIGSIGTERM",
    "SIG15",
    "SIGFOO",
    "RTMIN-1",
    "RTMIN+31",
    "RTMAX+1",
    "RTMAX-31",
    "SIGTERM\n",
    " SIGTERM",
    "SIGTERM\nUser=0",
    "__proto__",
    "toString",
    "constructor"
  ]) {
    it(`refuses ${JSON.stringify(signal)}`, () => {
      const parsed = StopSignal.parse(signal)
      if (Either.isRight(parsed)) assert.fail(parsed.right)
      assert.include(parsed.left.message, JSON.stringify(signal))
    })
  }

  it("agrees with this machine's numbers", ({ skip }) => {
    if (!["x64", "arm64", "arm"].includes(process.arch)) return skip("signal numbers of x86 and ARM only")
    for (const [name, number] of Object.entries(constants.signals)) {
      const byNumber = Either.getOrThrow(StopSignal.parse(`${number}`))
      assert.strictEqual(Either.getOrThrow(StopSignal.parse(name)), byNumber, name)
    }
  })
})
