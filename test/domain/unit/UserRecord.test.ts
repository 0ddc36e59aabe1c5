import { assert, describe, it } from "@effect/vitest"
import * as UserRecord from "../../../src/domain/unit/UserRecord.ts"

describe("UserRecord.areServed", () => {
  for (const [text, expected] of [
    ["passwd: files systemd\ngroup: files systemd\n", true],
    ["passwd:\tfiles  systemd sss\n# x\n  group : systemd\n", true],
    ["passwd: files systemd\ngroup: files [SUCCESS=merge] systemd\n", true],
    ["passwd:systemd\ngroup:systemd", true],
    ["passwd: files systemd\ngroup: files\n", false],
    ["passwd: files # systemd\ngroup: files systemd\n", false],
    ["#passwd: systemd\n#group: systemd\n", false],
    ["passwd: files\n systemd\ngroup: files systemd\n", false],
    ["passwd_compat: systemd\ngroup: systemd\n", false],
    ["passwd: files nss-systemd\ngroup: systemd\n", false],
    ["", false]
  ] as const) {
    it(`${JSON.stringify(text)}: ${expected}`, () => assert.strictEqual(UserRecord.areServed(text), expected))
  }
})
