/** Whether images can be mounted is tried once, and what the kernel said is remembered. */
import * as fs from "node:fs"
import { assert, describe, it } from "vitest"
import * as MountProbe from "../../../src/services/extracts/MountProbe.ts"
import { type MountCalls, MountRefused } from "../../../src/services/files/MountCalls.ts"
import { temporary } from "../../support/LayoutWriter.ts"

/** Native calls that can only open, and what they were asked to. */
const opening = (open: () => number) => {
  const sources: Array<string> = []
  const mounts = {
    open: (_: string, options: ReadonlyArray<readonly [string, string]>) => {
      sources.push(options[0]?.[1] ?? "")
      return open()
    }
  } as unknown as MountCalls
  return { mounts, sources }
}

describe.skipIf(process.getuid?.() !== 0)("a try whether images can be mounted", () => {
  it("is made once where they can, and leaves nothing", () => {
    using directory = temporary()
    const { mounts, sources } = opening(() => fs.openSync("/dev/null", "r"))
    const whyNot = MountProbe.remembering(mounts)
    assert.deepStrictEqual([whyNot(directory.path), whyNot(directory.path)], [undefined, undefined])
    assert.deepStrictEqual(sources, [`${directory.path}/probe.erofs`])
    assert.deepStrictEqual(fs.readdirSync(directory.path), [])
  })

  it("is made once where the kernel refuses, whose words are kept", () => {
    using directory = temporary()
    const { mounts, sources } = opening(() => {
      throw new MountRefused("ENOTBLK", "")
    })
    const whyNot = MountProbe.remembering(mounts)
    const reason = whyNot(directory.path)
    assert.match(reason ?? "", /^the kernel mounts no EROFS image from a file of this file system: ENOTBLK$/)
    assert.strictEqual(whyNot(directory.path), reason)
    assert.lengthOf(sources, 1)
  })

  it("is made again after an error that passes, such as a full disk", () => {
    using directory = temporary()
    const full = Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" })
    let isFull = true
    const { mounts, sources } = opening(() => {
      if (isFull) throw full
      return fs.openSync("/dev/null", "r")
    })
    const whyNot = MountProbe.remembering(mounts)
    assert.match(whyNot(directory.path) ?? "", /ENOSPC/)
    isFull = false
    assert.isUndefined(whyNot(directory.path))
    assert.lengthOf(sources, 2)
  })
})
