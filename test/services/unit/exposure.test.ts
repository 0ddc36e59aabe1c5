/** What `systemd-analyze security` says of the golden images' services, by profile: the README has the same figures. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import * as HostFacts from "../../../src/services/host/HostFacts.ts"
import { generate, images, input } from "../../support/GoldenImages.ts"

const SYSTEMD_ANALYZE = "systemd-analyze"
const installed = spawnSync(SYSTEMD_ANALYZE, ["--version"]).status === 0

/** 0 is nothing, 10 is all. */
const exposure = (unit: string, text: string): number => {
  const directory = mkdtempSync(join(tmpdir(), "oci-exposure-"))
  try {
    const file = join(directory, unit)
    writeFileSync(file, text)
    const { stdout, stderr } = spawnSync(
      SYSTEMD_ANALYZE,
      ["security", "--offline=true", "--no-pager", file],
      { encoding: "utf8" }
    )
    const level = /Overall exposure level for \S+: ([0-9.]+)/.exec(stdout)?.[1]
    assert.isDefined(level, stderr)
    return Number(level)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const AT_MOST = { default: 4, nonetwork: 3.5, strict: 1.5 } as const

describe.skipIf(!installed)("exposure, as the systemd that is installed sees it", () => {
  const version = HostFacts.systemdVersion()
  for (const image of images.filter((name) => name !== "windows")) {
    for (const [profile, most] of Object.entries(AT_MOST)) {
      it(`${image} with the profile ${profile} has at most ${most}`, () => {
        const own = input(image, "oci-generator.conf") ?? ""
        // What is added to a profile is no part of it.
        const exact = `[image example.org/${image}:v1]\nprofile = ${profile}\nnetwork = host\ncapabilities =\ndevices =\n`
        const made = generate(image, `${own}\n[system]\nsystemdversion = ${version}\n${exact}`)
        const unit = `org.example.${image}.ref.v1.service`
        const text = made.get(unit) ?? ""
        assert.include(text, "RootDirectory=")
        assert.isAtMost(exposure(unit, text), most)
      })
    }
  }

  it("says more of a service with capabilities that the configuration adds", () => {
    const unit = "org.example.nginx.ref.v1.service"
    const level = (more: string) => exposure(unit, generate("nginx", `[image *]\n${more}\n`).get(unit) ?? "")
    assert.isAbove(level("capabilities = +NET_ADMIN +SYS_PTRACE"), level("profile = default"))
  })

  it("says more of a service that is trusted", () => {
    const unit = "org.example.nginx.ref.v1.service"
    const text = generate("nginx", "[image *]\nprofile = trusted\n").get(unit) ?? ""
    assert.isAbove(exposure(unit, text), AT_MOST.default)
  })
})
