import { assert, describe, it } from "@effect/vitest"
import * as ImageSettings from "../../../src/domain/settings/ImageSettings.ts"
import * as Profile from "../../../src/domain/unit/Profile.ts"

const CONTEXT: Profile.ProfileContext = { systemdVersion: 257, architecture: "amd64", privateUsers: false }

const lines = (profile: ImageSettings.Profile, context: Partial<Profile.ProfileContext> = {}) =>
  Profile.directives(profile, { ...CONTEXT, ...context }).map(({ key, value }) => `${key}=${value}`)

describe("Profile.directives", () => {
  it("says nothing that only newer systemds know", () => {
    const newer = /^ProtectControlGroups=strict/
    for (const profile of ImageSettings.PROFILES) {
      assert.isFalse(lines(profile, { systemdVersion: 256 }).some((line) => newer.test(line)))
      assert.strictEqual(
        lines(profile, { systemdVersion: 257 }).some((line) => newer.test(line)),
        profile !== "trusted"
      )
    }
  })

  it("lets through the calls of the image's architecture beside the machine's, whatever word that is", () => {
    const calls = (architecture: string) =>
      lines("default", { architecture }).filter((line) => line.startsWith("SystemCallArchitectures="))
    assert.deepEqual(calls("arm"), ["SystemCallArchitectures=native arm"])
    assert.deepEqual(calls("386"), ["SystemCallArchitectures=native x86"])
    for (const word of ["amd64", "constructor", "__proto__", ""])
      assert.deepEqual(calls(word), ["SystemCallArchitectures=native"])
  })

  it("default leaves setuid programs, chroot and the root's own directories alone", () => {
    const text = lines("default").join("\n")
    assert.notMatch(text, /NoNewPrivileges|@mount|@privileged|ProtectSystem|PrivateUsers|RestrictSUIDSGID/)
    assert.match(text, /^CapabilityBoundingSet=.*CAP_SYS_CHROOT$/m)
  })

  it("strict has no capability, and a namespace of users", () => {
    assert.include(lines("strict"), "CapabilityBoundingSet=")
    assert.include(lines("strict"), "PrivateUsers=yes")
  })

  it("the others have a namespace of users where that is the wall", () => {
    for (const profile of ["default", "nonetwork"] as const) {
      assert.notInclude(lines(profile), "PrivateUsers=yes")
      assert.include(lines(profile, { privateUsers: true }), "PrivateUsers=yes")
    }
  })

  it("trusted has a root of its own and no walls", () =>
    assert.deepStrictEqual(lines("trusted"), ["MountAPIVFS=yes"]))

  for (const [architecture, calls] of [
    ["amd64", "native"],
    ["arm64", "native"],
    ["386", "native x86"],
    ["arm", "native arm"]
  ] as const) {
    it(`an image for ${architecture} makes ${calls} system calls`, () =>
      assert.include(lines("default", { architecture }), `SystemCallArchitectures=${calls}`))
  }
})
