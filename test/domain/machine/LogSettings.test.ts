import { assert, describe, it } from "vitest"
import * as LogSettings from "../../../src/domain/machine/LogSettings.ts"

const of = (environment: LogSettings.Environment, kernelCommandLine?: string, isDebug = false) =>
  LogSettings.of(environment, {
    pid: 7,
    isDebug,
    ...(kernelCommandLine === undefined ? {} : { kernelCommandLine })
  })

const BY_SYSTEMD = { SYSTEMD_EXEC_PID: "7" }

describe("LogSettings.of", () => {
  it("by hand: standard error, and everything but what is for debugging", () =>
    assert.deepEqual(of({}), {
      level: 6,
      target: "console",
      color: undefined,
      time: false,
      tid: false,
      isRateLimited: true
    }))

  it("run by systemd: the kernel's log", () => assert.equal(of(BY_SYSTEMD).target, "kmsg"))

  it("run by something that systemd runs: as by hand", () =>
    assert.equal(of({ SYSTEMD_EXEC_PID: "8" }).target, "console"))

  for (const [text, level] of [
    ["emerg", 0],
    ["err", 3],
    ["warning", 4],
    ["info", 6],
    ["debug", 7],
    ["0", 0],
    ["7", 7],
    ["8", 6],
    ["error", 6],
    ["", 6]
  ] as const) {
    it(`SYSTEMD_LOG_LEVEL=${text} is ${level}`, () =>
      assert.equal(of({ SYSTEMD_LOG_LEVEL: text }).level, level))
  }

  it("-debug tells all, whatever the environment says", () =>
    assert.equal(of({ SYSTEMD_LOG_LEVEL: "err" }, undefined, true).level, 7))

  for (const [text, target] of [
    ["console", "console"],
    ["console-prefixed", "console-prefixed"],
    ["kmsg", "kmsg"],
    ["journal", "kmsg"],
    ["journal-or-kmsg", "kmsg"],
    ["syslog", "kmsg"],
    ["null", "null"],
    ["auto", "console"],
    ["nonsense", "console"]
  ] as const) {
    it(`SYSTEMD_LOG_TARGET=${text} is ${target}`, () =>
      assert.equal(of({ SYSTEMD_LOG_TARGET: text }).target, target))
  }

  it("takes systemd's booleans, and NO_COLOR", () => {
    const said = of({
      SYSTEMD_LOG_COLOR: "yes",
      SYSTEMD_LOG_TIME: "on",
      SYSTEMD_LOG_TID: "1",
      SYSTEMD_LOG_RATELIMIT_KMSG: "false",
      NO_COLOR: "1"
    })
    assert.deepEqual([said.color, said.time, said.tid, said.isRateLimited], [true, true, true, false])
    assert.equal(of({ NO_COLOR: "1" }).color, false)
    assert.equal(of({ SYSTEMD_LOG_COLOR: "maybe" }).color, undefined)
  })

  it("takes the kernel's command line where systemd runs it, and the environment before that", () => {
    const line = "quiet systemd.log_level=err systemd.log-target=console root=/dev/sda1"
    assert.deepEqual([of(BY_SYSTEMD, line).level, of(BY_SYSTEMD, line).target], [3, "console"])
    assert.equal(of({ ...BY_SYSTEMD, SYSTEMD_LOG_LEVEL: "notice" }, line).level, 5)
    assert.equal(of({}, line).level, 6)
    assert.equal(of(BY_SYSTEMD, "debug").level, 7)
  })
})

it("a container is told from a virtual machine", () => {
  assert.isTrue(LogSettings.isContainer({ SYSTEMD_VIRTUALIZATION: "container:systemd-nspawn" }))
  assert.isFalse(LogSettings.isContainer({ SYSTEMD_VIRTUALIZATION: "vm:kvm" }))
  assert.isFalse(LogSettings.isContainer({}))
})
