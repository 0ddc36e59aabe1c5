/** What an extraction leaves out because it may not or the file system cannot. */
import { assert, describe, it } from "vitest"
import { fromText } from "../../../src/domain/text/ByteString.ts"
import * as MissingPrivileges from "../../../src/services/files/MissingPrivileges.ts"

const failing = (code: string) => () => {
  throw Object.assign(new Error(code), { code })
}

describe("as root", () => {
  const attempt = (lack: MissingPrivileges.Lack, code: string) => {
    const missing = MissingPrivileges.make(true)
    return { done: missing.attempt(lack, fromText("bin/app"), failing(code)), missing: missing.all() }
  }

  it.each(["ENOTSUP", "EOPNOTSUPP"])(
    "an attribute that the file system answers with %s is left out",
    (code) => {
      const { done, missing } = attempt("xattr", code)
      assert.isFalse(done)
      assert.deepEqual(missing.map(MissingPrivileges.render), [
        `on this file system extended attributes that could not be set: 1, the first of them bin/app (${code})`
      ])
    }
  )

  it("everything else that is refused is an error", () => {
    assert.throws(() => attempt("xattr", "EPERM"), "EPERM")
    assert.throws(() => attempt("xattr", "ENOSPC"), "ENOSPC")
    assert.throws(() => attempt("owner", "EOPNOTSUPP"), "EOPNOTSUPP")
    assert.throws(() => attempt("device", "ENOTSUP"), "ENOTSUP")
  })
})

it("without root, what takes privileges is left out too", () => {
  const missing = MissingPrivileges.make(false)
  assert.isFalse(missing.attempt("xattr", fromText("a"), failing("EPERM")))
  assert.isFalse(missing.attempt("xattr", fromText("b"), failing("EPERM")))
  assert.deepEqual(missing.all().map(MissingPrivileges.render), [
    "without root extended attributes that could not be set: 2, the first of them a (EPERM)"
  ])
})
