/** A stop takes away what a start made; user records last as long as a service that needs them. */
import { spawn } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs"
import { assert, describe, it } from "vitest"
import * as UserRecord from "../../src/domain/unit/UserRecord.ts"
import { temporary } from "../support/LayoutWriter.ts"
import * as LockFiles from "../support/LockFiles.ts"
import { place } from "../support/RootScripts.ts"

const OK = "0 "

describe("oci-release", () => {
  it.each(["ephemeral", "readonly"] as const)(
    "removes everything, even if a process is inside: %s",
    (mode) => {
      using directory = temporary()
      const at = place(directory.path)
      at.template("U")
      at.prepare("U", mode)
      assert.strictEqual(at.release("U", mode), OK)
      assert.deepStrictEqual(readdirSync(at.at("scratch")), [])
      assert.deepStrictEqual(at.said().slice(-5), ["umount", "-q", "--lazy", "--", at.paths("U").root])
    }
  )

  it("leaves what persists", () => {
    using directory = temporary()
    const at = place(directory.path)
    at.template("U")
    at.prepare("U", "persistent")
    at.write(`${at.paths("U").scratch}/health`)
    assert.strictEqual(at.release("U", "persistent"), OK)
    assert.deepStrictEqual(readdirSync(at.paths("U").scratch).sort(), ["upper", "work"])
    assert.deepStrictEqual(at.said().slice(-5), ["umount", "-q", "--recursive", "--", at.paths("U").root])
  })

  it("has nothing to do where nothing was made", () => {
    using directory = temporary()
    const at = place(directory.path)
    for (const mode of ["ephemeral", "persistent"] as const) assert.strictEqual(at.release("U", mode), OK)
  })
})

describe("user records", () => {
  const started = (path: string, services: Readonly<Record<string, readonly UserRecord.Records[]>>) => {
    const at = place(path)
    for (const [name, users] of Object.entries(services)) {
      at.template(name, { users })
      assert.strictEqual(at.prepare(name, "ephemeral"), OK)
    }
    const holders = () => readdirSync(at.at("users")).filter((name) => name !== ".lock")
    return { ...at, records: () => readdirSync(at.at("userdb")).sort(), holders }
  }

  it("are there once for all services that need them, and gone with the last", () => {
    using directory = temporary()
    const at = started(directory.path, {
      one: [UserRecord.user(7, 8), UserRecord.group(8), UserRecord.group(9)],
      two: [UserRecord.user(7, 9), UserRecord.group(9)],
      none: []
    })
    at.write(at.at("userdb/somebody.user"))
    assert.deepStrictEqual(at.holders().sort(), ["one", "two"])
    assert.strictEqual(at.release("one", "ephemeral"), OK)
    assert.deepStrictEqual(at.records(), [
      "7.user",
      "9.group",
      "oci-g9.group",
      "oci-u7.user",
      "somebody.user"
    ])
    assert.strictEqual(at.release("two", "ephemeral"), OK)
    assert.deepStrictEqual(at.records(), ["somebody.user"])
    assert.deepStrictEqual(at.holders(), [])
  })

  it("are made again at a start that follows a power cut or a stop that was not made", () => {
    using directory = temporary()
    const at = started(directory.path, { one: [UserRecord.user(7, 8)] })
    assert.strictEqual(at.prepare("one", "ephemeral"), OK)
    assert.deepStrictEqual(at.records(), ["7.user", "oci-u7.user"])
    at.release("one", "ephemeral")
    assert.strictEqual(at.prepare("one", "ephemeral"), OK)
    assert.deepStrictEqual(at.records(), ["7.user", "oci-u7.user"])
  })

  it("leave a number alone that is somebody else's", () => {
    using directory = temporary()
    mkdirSync(`${directory.path}/userdb`)
    writeFileSync(`${directory.path}/userdb/somebody.user`, "")
    symlinkSync("somebody.user", `${directory.path}/userdb/7.user`)
    const at = started(directory.path, { one: [UserRecord.user(7, 8)] })
    assert.deepStrictEqual(at.records(), ["7.user", "oci-u7.user", "somebody.user"])
    at.release("one", "ephemeral")
    assert.deepStrictEqual(at.records(), ["7.user", "somebody.user"])
  })

  it("are neither made nor removed while somebody else holds the lock", async () => {
    using directory = temporary()
    const at = started(directory.path, { one: [UserRecord.user(7, 8)] })
    at.template("two", { users: [UserRecord.user(7, 8)] })
    const holder = spawn("flock", [at.at("users/.lock"), "sh", "-c", "echo; read line"], {
      stdio: ["pipe", "pipe", "ignore"]
    })
    await new Promise((resolve) => holder.stdout.once("data", resolve))
    let ended = false
    const preparing = at.preparing("two", "ephemeral").finally(() => {
      ended = true
    })
    await LockFiles.waitedFor(at.at("users/.lock"))
    assert.isFalse(ended)
    assert.isFalse(existsSync(at.at("users/two")))
    holder.stdin.end("\n")
    assert.strictEqual(await preparing, 0)
    assert.deepStrictEqual(at.holders().sort(), ["one", "two"])
  })
})
