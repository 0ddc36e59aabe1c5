/** The state of a service in a few words. */
import { assert, describe, it } from "vitest"
import * as StateText from "../../../src/bin/view/StateText.ts"
import { NOT_STARTED, type ServiceState } from "../../../src/domain/unit/ServiceState.ts"

const SINCE = "2025-11-30T22:50:00.000Z"
const RUNNING: ServiceState = { ...NOT_STARTED, active: "active", sub: "running", since: SINCE }
const text = (state: Partial<ServiceState>, seconds: number) =>
  StateText.render({ ...RUNNING, ...state }, Date.parse(SINCE) + seconds * 1000)

describe("StateText", () => {
  it.each([
    [0, "0 s"],
    [119, "119 s"],
    [120, "2 min"],
    [7199, "119 min"],
    [7200, "2 h"],
    [172_799, "47 h"],
    [172_800, "2 d"],
    [-5, "0 s"]
  ])("says for how long: %d seconds are %s", (seconds, span) => {
    assert.strictEqual(text({}, seconds), `running ${span}`)
  })

  it.each([
    [{ sub: "exited" }, "exited 5 s"],
    [{ health: "healthy", restarts: 1 }, "running 5 s, healthy, 1 restart"],
    [{ health: "unhealthy", restarts: 3 }, "running 5 s, unhealthy, 3 restarts"],
    [{ active: "failed", sub: "failed" }, "failed 5 s"],
    [{ active: "activating", sub: "auto-restart", restarts: 7 }, "activating 5 s, 7 restarts"],
    [{ active: "inactive", sub: "dead" }, "inactive"],
    [{ since: null }, "running"]
  ] as const)("says what is so: %j", (state, said) => {
    assert.strictEqual(text(state, 5), said)
  })
})
