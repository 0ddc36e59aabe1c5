/** What systemctl prints of services, as 252, 257 and 262 print it. */
import { assert, describe, it } from "vitest"
import * as ServiceState from "../../../src/domain/unit/ServiceState.ts"

const RUNNING = `Id=a.service
ActiveState=active
SubState=running
ActiveEnterTimestamp=@1764543000
InactiveExitTimestamp=@1764542999
InactiveEnterTimestamp=@1764542000
NRestarts=2
MemoryCurrent=4096`

describe("ServiceState", () => {
  it("is read of several units in any order of properties", () => {
    const failed = `MemoryCurrent=[not set]
NRestarts=0
InactiveEnterTimestamp=@1764542000
ActiveEnterTimestamp=@1764541000
SubState=failed
ActiveState=failed
Id=b\\x2dc.service`
    assert.deepEqual(
      [...ServiceState.parse(`${RUNNING}\n\n${failed}\n`)],
      [
        [
          "a.service",
          {
            active: "active",
            sub: "running",
            since: "2025-11-30T22:50:00.000Z",
            restarts: 2,
            memory: 4096,
            health: null
          }
        ],
        [
          "b\\x2dc.service",
          {
            active: "failed",
            sub: "failed",
            since: "2025-11-30T22:33:20.000Z",
            restarts: 0,
            memory: null,
            health: null
          }
        ]
      ]
    )
  })

  it.each([
    ["activating", "InactiveExitTimestamp=@1764542999"],
    ["inactive", "InactiveEnterTimestamp=@1764542999"],
    ["deactivating", "ActiveEnterTimestamp=@1764542999"]
  ])("is %s since the time that systemd says for it", (active, line) => {
    const state = ServiceState.parse(`Id=a.service\nActiveState=${active}\n${line}`).get("a.service")
    assert.strictEqual(state?.since, "2025-11-30T22:49:59.000Z")
  })

  it.each(["", "ActiveEnterTimestamp=", "ActiveEnterTimestamp=n/a", "ActiveEnterTimestamp=@0"])(
    "has no time where systemd says %j",
    (line) => {
      const state = ServiceState.parse(`Id=a.service\nActiveState=active\n${line}`).get("a.service")
      assert.strictEqual(state?.since, null)
    }
  )

  it.each(["[not set]", "18446744073709551615", ""])("has no memory where systemd says %j", (memory) => {
    const state = ServiceState.parse(`Id=a.service\nMemoryCurrent=${memory}`).get("a.service")
    assert.strictEqual(state?.memory, null)
  })

  it.each([
    ["12 0 healthy\n", "healthy"],
    ["12 3 unhealthy", "unhealthy"],
    ["12 1 starting\n", "starting"],
    ["", null],
    ["12 0 well", null],
    ["healthy", null]
  ])("takes its health from %j as %s", (text, health) => {
    assert.strictEqual(ServiceState.parseHealth(text), health)
  })

  it("is asked for where systemd has loaded the unit", () => {
    const table = `oci-prepare@a.service loaded inactive dead Prepare
a.service            loaded active   running example.org/a:v1
`
    assert.deepEqual(ServiceState.listed(table), ["oci-prepare@a.service", "a.service"])
  })
})
