import { assert, describe, it } from "@effect/vitest"
import * as ExposedPorts from "../../../src/domain/process/ExposedPorts.ts"

describe("ExposedPorts.parse", () => {
  for (const [key, shown] of [
    ["80/tcp", "80/tcp"],
    ["80", "80/tcp"],
    ["53/udp", "53/udp"],
    ["9899/sctp", "9899/sctp"],
    ["8000-8010/tcp", "8000-8010/tcp"],
    ["1", "1/tcp"],
    ["65535/udp", "65535/udp"],
    ["007/tcp", "7/tcp"]
  ] as const) {
    it(`${key} is ${shown}`, () => {
      const { ports, odd } = ExposedPorts.parse([key])
      assert.deepStrictEqual([ports.map(ExposedPorts.display), odd], [[shown], []])
    })
  }

  for (const key of [
    "",
    "0",
    "65536",
    "80/",
    "80/TCP",
    "80/icmp",
    "tcp",
    "-1",
    "9-8",
    "1-65536",
    "80/tcp\n",
    " 80",
    "80\nUser=0"
  ]) {
    it(`${JSON.stringify(key)} is no port`, () =>
      assert.deepStrictEqual(ExposedPorts.parse([key]), { ports: [], odd: [key] }))
  }

  it("sorts by protocol and number, and takes each once", () =>
    assert.deepStrictEqual(
      ExposedPorts.parse(["443/tcp", "53/udp", "80", "80", "x", "53-54/tcp"]).ports.map(ExposedPorts.display),
      ["53-54/tcp", "80/tcp", "443/tcp", "53/udp"]
    ))

  it("the rules that systemd takes", () =>
    assert.deepStrictEqual(ExposedPorts.parse(["80", "1-2/udp", "9/sctp"]).ports.map(ExposedPorts.rule), [
      undefined,
      "tcp:80",
      "udp:1-2"
    ]))

  it("low ports begin below 1024", () =>
    assert.deepStrictEqual(ExposedPorts.parse(["1023", "1024", "1000-2000"]).ports.map(ExposedPorts.isLow), [
      true,
      true,
      false
    ]))
})
