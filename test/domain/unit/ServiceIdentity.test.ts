import { assert, describe, it } from "vitest"
import * as ServiceIdentity from "../../../src/domain/unit/ServiceIdentity.ts"

const notes = (uid: number, servesRecords = true) =>
  ServiceIdentity.notes(
    {
      host: {
        systemdVersion: 257,
        cli: ["/usr/bin/oci-systemd"],
        configFile: undefined,
        servesRecords,
        logins: new Map([[1000, "alice"]])
      }
    },
    { uid, gid: uid, supplementaryGids: [], home: "/" }
  )

describe("ServiceIdentity.notes", () => {
  it("names the person of the host whose number the image's user has", () =>
    assert.deepStrictEqual(notes(1000), [
      "it runs as user 1000, which is alice on this host: alice can read and change its files, volumes and memory; user = gives it another number"
    ]))

  it("says nothing of numbers that nobody has, and of root", () => {
    assert.deepStrictEqual(notes(1001), [])
    assert.deepStrictEqual(notes(0, false), [])
  })

  it("says where groups of the host come along", () => {
    assert.lengthOf(notes(1000, false), 2)
    assert.match(notes(1001, false)[0] ?? "", /the service gets that user's groups/)
  })
})
