/** The script behind health units, with a systemctl and a logger of the test's own. */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "vitest"
import { temporary } from "../support/LayoutWriter.ts"

const SCRIPT = fileURLToPath(new URL("../../src/host/oci-health.sh", import.meta.url))

/**
 * `start` ends as $STARTED, `is-active` as $ACTIVE; `show` says $SHOWN, the service's $JOB, when the script itself was started, or
 * when the service was, which is $AGAIN after a check; and all is written down.
 */
const SYSTEMCTL = `#!/bin/sh
echo "systemctl $*" >> "$CALLS"
[ "$1" != --job-mode=fail ] || shift
case $1 in
  start) exit "$STARTED" ;;
  is-active) exit "$ACTIVE" ;;
  show)
    case $* in
      *Job*) echo "$JOB" ;;
      *InactiveExit*) echo "$ASKED" ;;
      *StartLimit*) printf '%b' "$LIMIT" ;;
      *ActiveEnter*) if grep -q " start " "$CALLS"; then echo "$AGAIN"; else echo "$ENTERED"; fi ;;
      *) printf '%b' "$SHOWN" ;;
    esac
    ;;
esac
`
const LOGGER = `#!/bin/sh
grep -v -e PRIORITY -e IDENTIFIER | tr '\\n' ' ' >> "$CALLS"; echo >> "$CALLS"
`

const OK = "success/1/0"
const shown = (ended: string) => {
  const [result, code, status] = ended.split("/")
  return `ExecMainStatus=${status}\\nResult=${result}\\nExecMainCode=${code}\\n`
}

interface Options {
  readonly retries?: number
  readonly period?: number
  readonly action?: string
  /** What the service's unit says of the limit of its starts. */
  readonly limit?: string
  readonly started?: number
  readonly active?: number
  /** Of the service. */
  readonly job?: string
  /** Microseconds: when the check was asked for, and when the service had been started, before and after it. */
  readonly asked?: number
  readonly entered?: number
  readonly again?: number
}

/** One check after another: what was told, and whether the health unit was failed, after each. */
const checks = (ended: readonly string[], options: Options = {}, before = "") => {
  using directory = temporary()
  const bin = join(directory.path, "bin")
  const state = join(directory.path, "state")
  const calls = join(directory.path, "calls")
  mkdirSync(bin)
  writeFileSync(join(bin, "systemctl"), SYSTEMCTL, { mode: 0o755 })
  writeFileSync(join(bin, "logger"), LOGGER, { mode: 0o755 })
  if (before !== "") writeFileSync(state, before)
  const { retries = 2, period = 0, action = "log", started = 0, active = 0, job = "" } = options
  const { limit = "StartLimitBurst=5\\nStartLimitIntervalUSec=10s\\n" } = options
  const { asked = 3_600_000_000, entered = 0, again = entered } = options
  return ended.map((end) => {
    rmSync(calls, { force: true })
    const { status, stderr } = spawnSync(
      "sh",
      [
        SCRIPT,
        "check",
        "h.service",
        "c.service",
        "u.service",
        state,
        `${retries}`,
        `${period}`,
        "5000",
        action
      ],
      {
        encoding: "utf8",
        env: {
          PATH: `${bin}:/usr/bin:/bin`,
          CALLS: calls,
          STARTED: `${started}`,
          ACTIVE: `${active}`,
          JOB: job,
          LIMIT: limit,
          SHOWN: shown(end),
          ENTERED: `${entered}`,
          AGAIN: `${again}`,
          ASKED: `${asked}`
        }
      }
    )
    assert.strictEqual(stderr, "")
    const lines = existsSync(calls) ? readFileSync(calls, "utf8").split("\n") : []
    return {
      failed: status === 1,
      made: lines.includes("systemctl --job-mode=fail start -- c.service"),
      told: lines.flatMap((line) => /^MESSAGE=(.*) OBJECT_SYSTEMD_UNIT=u\.service $/.exec(line)?.[1] ?? []),
      asked: lines.filter((line) => /try-restart|reset-failed| kill /.test(line))
    }
  })
}
const told = (...args: Parameters<typeof checks>) => checks(...args).map(({ told }) => told.join())
const failed = (...args: Parameters<typeof checks>) => checks(...args).map(({ failed }) => failed)

describe("oci-health check", () => {
  it("tells that a service is healthy, once", () => {
    assert.deepStrictEqual(told([OK, OK, OK]), ["healthy", "", ""])
    assert.deepStrictEqual(failed([OK, OK]), [false, false])
  })

  it("counts failures in a row, and forgets them with a success", () => {
    const bad = "success/1/3"
    assert.deepStrictEqual(told([bad, OK, bad, bad, bad, OK]), [
      "health check failed, 1 of 2: exit code 3",
      "healthy",
      "health check failed, 1 of 2: exit code 3",
      "unhealthy: 2 failed health checks in a row, the last: exit code 3",
      "",
      "healthy"
    ])
    assert.deepStrictEqual(failed([bad, OK, bad, bad, bad, OK]), [false, false, false, true, true, false])
  })

  it("says how a check ended", () => {
    const reasons = [
      ["timeout/2/9", "it took too long"],
      ["success/2/11", "ended by signal 11"],
      ["success/2/9", "ended by signal 9"],
      ["success/3/6", "ended by signal 6"],
      ["oom-kill/2/9", "ended by signal 9"],
      ["success/1/226", "exit code 226"],
      ["resources/0/0", "resources"]
    ] as const
    for (const [end, why] of reasons)
      assert.deepStrictEqual(told([end], { retries: 9 }), [`health check failed, 1 of 9: ${why}`])
  })

  it("does not count what fails in the start period, until a check has succeeded", () => {
    const options = { period: 1000, retries: 1 }
    const bad = "success/1/1"
    assert.deepStrictEqual(failed([bad, bad, bad], options), [false, false, false])
    assert.deepStrictEqual(failed([bad, OK, bad], options), [false, false, true])
    assert.deepStrictEqual(failed([bad], { ...options, period: 5 }), [true])
    assert.match(told([bad], options)[0] ?? "", /while starting, which does not count: exit code 1/)
  })

  it("tells of a single failure where one is enough", () =>
    assert.deepStrictEqual(told(["success/1/3"], { retries: 1 }), [
      "unhealthy: a failed health check: exit code 3"
    ]))

  it("passes over what is asked for before its time, as long as this run has had no check", () => {
    const MINUTE = 60_000_000
    const made = (options: Options, before = "") => checks([OK], options, before).map(({ made }) => made)
    assert.deepStrictEqual(made({ entered: MINUTE, asked: MINUTE + 60_000 }), [false])
    assert.deepStrictEqual(made({ entered: MINUTE, asked: MINUTE + 4_999_999 }), [false])
    assert.deepStrictEqual(made({ entered: MINUTE, asked: MINUTE + 5_000_000 }), [true])
    assert.deepStrictEqual(made({ entered: MINUTE, asked: MINUTE + 60_000 }, "1 0 healthy\n"), [true])
  })

  it("says nothing of a service that was started again while it was checked", () => {
    const times = { entered: 0, asked: 5_000_000, again: 6_000_000, retries: 1 }
    assert.deepStrictEqual(checks(["success/1/1"], times), [
      { made: true, failed: false, told: [], asked: [] }
    ])
  })

  it("says nothing of a service that has ended, nor of a check that ended with it", () => {
    assert.deepStrictEqual(checks(["success/1/0"], { started: 1, active: 3 }), [
      { made: true, failed: false, told: [], asked: [] }
    ])
    for (const how of [{ job: "94" }, { active: 3 }])
      assert.deepStrictEqual(checks(["success/2/9"], how), [
        { made: true, failed: false, told: [], asked: [] }
      ])
  })

  it("says nothing where no check was made, since the service is about to be stopped", () =>
    assert.deepStrictEqual(checks(["success/1/1"], { started: 1, retries: 1 }), [
      { made: true, failed: false, told: [], asked: [] }
    ]))

  it("leaves no failed unit of a check that took too long", () =>
    assert.deepStrictEqual(checks(["timeout/2/9"], { started: 1 })[0]?.asked, [
      "systemctl reset-failed -- c.service"
    ]))

  describe("restarts an unhealthy service as often as its limit of starts says", () => {
    const bad = "success/1/1"
    const asked = (ended: readonly string[], limit?: string) =>
      checks(ended, { action: "restart", retries: 1, ...(limit === undefined ? {} : { limit }) }).map(
        ({ asked }) => asked.map((line) => (line.includes(" kill ") ? "kill" : "restart")).join()
      )

    it("and then it is killed, so that it is failed", () =>
      assert.deepStrictEqual(asked([bad, bad, bad, bad, bad, bad]), [
        ...Array.from({ length: 5 }, () => "restart"),
        "kill"
      ]))

    it("and a success begins the count anew", () =>
      assert.deepStrictEqual(asked([bad, bad, OK, bad, bad, bad], "StartLimitBurst=2\\n"), [
        ...["restart", "restart", "", "restart", "restart"],
        "kill"
      ]))

    it("and for ever where the unit has none", () =>
      assert.deepStrictEqual(asked([bad, bad, bad], "StartLimitBurst=1\\nStartLimitIntervalUSec=0\\n"), [
        "restart",
        "restart",
        "restart"
      ]))
  })

  it("restarts an unhealthy service where that is wanted", () => {
    const [first, second] = checks(["success/1/1", "success/1/1"], { action: "restart" })
    assert.deepStrictEqual(first?.asked, [])
    assert.deepStrictEqual(second?.asked, ["systemctl --no-block --job-mode=fail try-restart -- u.service"])
    assert.include(second?.told.join(), "restarting the unhealthy service")
  })

  it("begins anew where the state is none", () => {
    for (const state of ["garbage", "1 2", "$(touch x) 0 healthy\n", "x y unhealthy\n"])
      assert.deepStrictEqual(told([OK], {}, state), ["healthy"])
    assert.deepStrictEqual(told([OK], {}, "1 0 healthy\n"), [""])
  })

  it("refuses what it does not know", () =>
    assert.strictEqual(spawnSync("sh", [SCRIPT, "check", "x"], { encoding: "utf8" }).status, 2))
})
