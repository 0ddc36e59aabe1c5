/** The record of an installation is read by root, and removed is what it says. */
import * as Option from "effect/Option"
import { assert, describe, it } from "vitest"
import * as InstallManifest from "../../../src/domain/machine/InstallManifest.ts"

const GOOD: InstallManifest.InstallManifest = {
  version: "1.0.0",
  files: ["/usr/local/bin/oci-systemd", "/usr/local/lib/oci-systemd-generator/code/..x.cjs"],
  configuration: null,
  directories: ["/usr/local/lib/oci-systemd-generator"]
}

describe("InstallManifest.parse", () => {
  it("parses what is printed", () =>
    assert.deepStrictEqual(InstallManifest.parse(InstallManifest.print(GOOD)), Option.some(GOOD)))

  for (const path of ["/..", "/usr/../../etc/passwd", "/a/./b", "", "/", "relative", "/a\0b"]) {
    it(`refuses the path ${JSON.stringify(path)}`, () => {
      for (const key of ["files", "directories"] as const)
        assert.isTrue(Option.isNone(InstallManifest.parse(InstallManifest.print({ ...GOOD, [key]: [path] }))))
    })
  }
})
