import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as ImageSettings from "../../../src/domain/settings/ImageSettings.ts"
import * as ServiceProcesses from "../../../src/domain/unit/ServiceProcesses.ts"

const host = (systemdVersion: number) => ({
  systemdVersion,
  cli: ["/usr/bin/oci-systemd"] as const,
  configFile: undefined,
  servesRecords: true
})

const context = (systemdVersion: number, said: Partial<ImageSettings.ImageSettings>) => ({
  settings: { ...ImageSettings.DEFAULTS, ...said },
  origins: said.pids === undefined ? {} : { pids: [{ file: "/etc/oci-generator.conf", line: 3 }] },
  host: host(systemdVersion)
})

const lines = (systemdVersion: number, said: Partial<ImageSettings.ImageSettings>) =>
  Either.map(ServiceProcesses.directives(context(systemdVersion, said)), (all) =>
    all.map(({ key, value }) => `${key}=${value}`)
  )

const PRIVATE = ["PrivatePIDs=yes", "KillMode=process"]
const SHARED = ["KillMode=mixed", "AppArmorProfile=-oci-systemd-image"]
const TRUSTED = ["KillMode=mixed"]

describe("ServiceProcesses.directives", () => {
  for (const [version, said, expected] of [
    [252, {}, SHARED],
    [256, { profile: "strict" }, SHARED],
    [257, {}, PRIVATE],
    [257, { profile: "nonetwork" }, PRIVATE],
    [257, { profile: "strict" }, PRIVATE],
    [257, { profile: "trusted" }, TRUSTED],
    [262, { profile: "trusted", pids: "private" }, PRIVATE],
    [262, { pids: "host" }, SHARED],
    [252, { pids: "host" }, SHARED]
  ] as const) {
    it(`${JSON.stringify(said)} on ${version} is ${expected.join(", ")}`, () =>
      assert.deepStrictEqual(lines(version, said), Either.right([...expected])))
  }

  for (const profile of ImageSettings.PROFILES) {
    it(`${profile} refuses what systemd 256 cannot make`, () => {
      const refused = lines(256, { profile, pids: "private" })
      assert.include(
        Either.isLeft(refused) ? refused.left.message : "",
        "needs systemd 257 or later, and this host has 256"
      )
    })
  }

  it("names the line of the configuration as its source, and else the profile", () => {
    const source = (said: Partial<ImageSettings.ImageSettings>) =>
      ServiceProcesses.isolation(context(257, said))
    assert.deepInclude(source({ pids: "private" }), { _tag: "Configuration", key: "pids" })
    assert.deepInclude(source({}), { _tag: "Profile" })
  })
})

describe("ServiceProcesses.hasPrivateUsers", () => {
  for (const [version, said, isRoot, expected] of [
    [252, {}, false, true],
    [252, { profile: "nonetwork" }, false, true],
    [252, {}, true, false],
    [252, { profile: "trusted" }, false, false],
    [252, { pids: "host" }, false, false],
    [257, {}, false, false],
    [257, { profile: "strict" }, false, true],
    [252, { profile: "strict" }, true, true]
  ] as const) {
    it(`${JSON.stringify(said)} on ${version} as ${isRoot ? "root" : "another user"}: ${expected}`, () =>
      assert.strictEqual(ServiceProcesses.hasPrivateUsers(context(version, said), isRoot), expected))
  }
})

describe("ServiceProcesses.notes", () => {
  for (const [version, said, isRoot, count] of [
    [252, {}, true, 1],
    [257, { pids: "host" }, true, 1],
    [252, {}, false, 0],
    [252, { profile: "strict" }, true, 1],
    [252, { profile: "strict" }, false, 0],
    [252, { profile: "trusted" }, true, 0],
    [257, {}, true, 0]
  ] as const) {
    it(`${count} for ${JSON.stringify(said)} on ${version} as ${isRoot ? "root" : "another user"}`, () =>
      assert.lengthOf(ServiceProcesses.notes(context(version, said), isRoot), count))
  }
})

describe("ServiceProcesses.initNotes", () => {
  const count = (program: string, version = 252, said: Parameters<typeof context>[1] = {}) =>
    ServiceProcesses.initNotes(context(version, said), [program]).length

  for (const program of [
    "/init",
    "/sbin/init",
    "/usr/sbin/init",
    "/lib/systemd/systemd",
    "/bin/s6-linux-init"
  ])
    it(`${program} cannot be process 1 on systemd 252, nor with the host's processes`, () => {
      assert.strictEqual(count(program), 1)
      assert.strictEqual(count(program, 257, { pids: "host" }), 1)
      assert.strictEqual(count(program, 257), 0)
    })

  for (const program of ["/usr/bin/tini", "/bin/sh", "/opt/init.sh", "init", "/app/init"])
    it(`${program} can be any process`, () => assert.strictEqual(count(program), 0))
})
