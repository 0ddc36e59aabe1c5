/** User records last as long as a service that holds them. */
import { spawnSync } from "node:child_process"
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import { assert, describe, it } from "vitest"
import * as UserRecord from "../../src/domain/UserRecord.ts"
import { NativeCalls } from "../../src/services/NativeCalls.ts"
import * as UserHolds from "../../src/services/UserHolds.ts"
import { temporary } from "../support/LayoutWriter.ts"

const SCRIPT = fileURLToPath(new URL("../../src/bin/oci-release.sh", import.meta.url))

const place = (path: string) => {
  const [holds, records] = [join(path, "users"), join(path, "userdb")]
  mkdirSync(records)
  const write = ({ files, links }: UserRecord.Records) => {
    for (const { name, content } of files) writeFileSync(join(records, name), content)
    for (const { name, target } of links) symlinkSync(target, join(records, name))
  }
  return {
    records: () => readdirSync(records).sort(),
    holders: () => readdirSync(holds).filter((name) => name !== ".lock"),
    write,
    link: (name: string, target: string) => symlinkSync(target, join(records, name)),
    hold: (
      holder: string,
      uid: number,
      gid: number,
      supplementaryGids: readonly number[] = [],
      make = Effect.void
    ) =>
      Effect.runPromise(
        Effect.flatMap(NativeCalls, (calls) =>
          UserHolds.hold(calls, holder, { uid, gid, supplementaryGids, home: "/" }, make, holds)
        ).pipe(Effect.provide(NativeCalls.layer))
      ),
    release: (holder: string) => {
      const env = { PATH: "/usr/bin:/bin", OCI_HOLDS: holds, OCI_RECORDS: records }
      const { status, stderr } = spawnSync("sh", [SCRIPT, holder], { env, encoding: "utf8" })
      assert.strictEqual(`${status} ${stderr}`, "0 ")
    }
  }
}

describe("oci-release", () => {
  it("removes what nobody holds any more, and nothing else", async () => {
    using directory = temporary()
    const at = place(directory.path)
    at.write(UserRecord.user(7, 8))
    at.write(UserRecord.group(8))
    at.write(UserRecord.group(9))
    at.write(UserRecord.user(70, 80))
    await at.hold("one", 7, 8, [9])
    await at.hold("two", 7, 9)
    at.release("one")
    assert.deepStrictEqual(at.records(), [
      "7.user",
      "70.user",
      "9.group",
      "oci-g9.group",
      "oci-u7.user",
      "oci-u70.user"
    ])
    at.release("two")
    assert.deepStrictEqual(at.records(), ["70.user", "oci-u70.user"])
    assert.deepStrictEqual(at.holders(), [])
  })

  it("leaves a number alone that is somebody else's", async () => {
    using directory = temporary()
    const at = place(directory.path)
    at.write({ ...UserRecord.user(7, 8), links: [] })
    at.link("7.user", "somebody.user")
    await at.hold("one", 7, 8)
    at.release("one")
    assert.deepStrictEqual(at.records(), ["7.user"])
  })

  it("waits while records are being made", async () => {
    using directory = temporary()
    const at = place(directory.path)
    at.write(UserRecord.user(7, 8))
    await at.hold("one", 7, 8)
    let released = false
    await at.hold(
      "two",
      7,
      8,
      [],
      Effect.sync(() => {
        const env = {
          PATH: "/usr/bin:/bin",
          OCI_HOLDS: join(directory.path, "users"),
          OCI_RECORDS: "/nonexistent"
        }
        released = spawnSync("sh", [SCRIPT, "one"], { env, timeout: 300 }).status !== null
      })
    )
    assert.isFalse(released)
    at.release("one")
    assert.deepStrictEqual(at.records(), ["7.user", "oci-u7.user"])
  })

  it("has nothing to do for who holds nothing", () => {
    using directory = temporary()
    place(directory.path).release("nobody")
  })
})
