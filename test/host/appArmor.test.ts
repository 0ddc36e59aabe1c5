/** The AppArmor profile, as its parser reads it: no kernel is needed for that. */
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "vitest"
import * as AppArmor from "../../src/domain/systemd/AppArmor.ts"

const FILE = fileURLToPath(new URL("../../src/host/oci-systemd-image.apparmor", import.meta.url))
const parse = (text: string) =>
  spawnSync("apparmor_parser", ["--skip-kernel-load", "--skip-cache", "--names"], {
    input: text,
    encoding: "utf8",
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }
  })
const installed = parse("profile x {}").error === undefined

describe.skipIf(!installed && process.env.OCI_SYSTEMD_E2E !== "required")("the AppArmor profile", () => {
  const text = readFileSync(FILE, "utf8")

  it("is read, and has the name that units say", () => {
    const { status, stdout, stderr } = parse(text)
    assert.strictEqual(status, 0, stderr)
    assert.strictEqual(stdout.trim(), AppArmor.PROFILE)
  })

  it("allows to trace and to signal none but its own", () => {
    const rules = text.split("\n").filter((line) => /^ *(?:ptrace|signal)/.test(line))
    assert.deepStrictEqual(
      rules.map((rule) => rule.trim()),
      [
        "ptrace peer=oci-systemd-image,",
        "ptrace (readby, tracedby),",
        "signal peer=oci-systemd-image,",
        "signal receive,"
      ]
    )
  })
})
