/** What people are told of a failure, and the exit status. */
import * as Effect from "effect/Effect"
import { afterEach, assert, describe, it, vi } from "vitest"
import * as ErrorReport from "../../src/bin/ErrorReport.ts"
import type { Mapped } from "../../src/bin/ExitStatus.ts"
import { NoSuchImage } from "../../src/program/Selection.ts"
import { ProgramFailed } from "../../src/services/HostProgram.ts"

const told = async (error: Mapped) => {
  let text = ""
  vi.spyOn(process.stderr, "write").mockImplementation((chunk) => {
    text += chunk
    return true
  })
  await Effect.runPromise(ErrorReport.report(Effect.fail(error)))
  const status = process.exitCode
  process.exitCode = 0
  return { text, status }
}

afterEach(() => void vi.restoreAllMocks())

describe("an error", () => {
  it("that a program of the host said in several lines has those lines", async () => {
    const { status, text } = await told(
      new ProgramFailed({
        command: "systemctl start -- a.service",
        said: "Job for a.service failed.\nSee \u001b logs."
      })
    )
    assert.equal(
      text,
      "error: systemctl start -- a.service failed:\n    Job for a.service failed.\n    See \\x1b logs.\n"
    )
    assert.equal(status, 1)
  })

  it("of a word from a command line or an image is one line, whatever is in it", async () => {
    const { text } = await told(new NoSuchImage({ wanted: "a\nerror: b", known: [] }))
    assert.match(text, /^error: .*\n {2}hint: .*\n$/)
  })
})
