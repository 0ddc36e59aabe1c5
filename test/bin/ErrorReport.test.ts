/** What people are told of a failure, and the exit status. */
import * as Effect from "effect/Effect"
import { afterEach, assert, describe, it, vi } from "vitest"
import * as ErrorReport from "../../src/bin/ErrorReport.ts"
import type { Mapped } from "../../src/bin/ExitStatus.ts"
import * as Style from "../../src/bin/text/Style.ts"
import { NoSuchImage } from "../../src/program/Selection.ts"
import * as HostProgram from "../../src/services/host/HostProgram.ts"
import { asUser, NOBODY } from "../support/AsUser.ts"

const told = async (error: Mapped, user = 0) => {
  let text = ""
  vi.spyOn(process.stderr, "write").mockImplementation((chunk) => {
    text += chunk
    return true
  })
  await Effect.runPromise(
    user === 0 ? ErrorReport.report(Effect.fail(error)) : asUser(user, ErrorReport.report(Effect.fail(error)))
  )
  const status = process.exitCode
  process.exitCode = 0
  return { text, status }
}

afterEach(() => void vi.restoreAllMocks())

describe("an error", () => {
  it("that a program of the host said in several lines has those lines", async () => {
    const { status, text } = await told(
      new HostProgram.ProgramFailed({
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

  it.skipIf(process.getuid?.() !== 0)(
    "by which systemd refuses who is not root is one of privileges",
    async () => {
      const refused = HostProgram.failed(
        "systemctl stop oci.slice",
        "Failed to stop oci.slice: Access denied\nSee system logs and 'systemctl status oci.slice' for details."
      )
      const { status, text } = await told(refused, NOBODY)
      assert.match(text, /^ {2}hint: this needs root: run it with sudo, or as root$/m)
      assert.equal(status, 5)
      assert.equal((await told(refused)).status, 1)
    }
  )

  it("of a word from a command line or an image is one line, whatever is in it", async () => {
    const { text } = await told(new NoSuchImage({ wanted: "a\nerror: b", known: [] }))
    assert.match(text, /^error: .*\n {2}hint: .*\n$/)
  })
})

it("fits the terminal, broken between words", () => {
  const stream = process.stderr as { isTTY?: boolean; columns?: number }
  const before = { isTTY: stream.isTTY, columns: stream.columns }
  let text = ""
  vi.spyOn(process.stderr, "write").mockImplementation((chunk) => {
    text += chunk
    return true
  })
  Object.assign(stream, { isTTY: true, columns: 40 })
  try {
    ErrorReport.unknownCommand("logs", [], "journalctl -u library.nginx.ref.stable.service follows it")
  } finally {
    Object.assign(stream, before)
    process.exitCode = 0
  }
  const lines = Style.strip(text).trimEnd().split("\n")
  assert.deepEqual(lines, [
    'error: there is no command "logs"',
    "  hint: journalctl -u",
    "      library.nginx.ref.stable.service",
    "      follows it"
  ])
})
