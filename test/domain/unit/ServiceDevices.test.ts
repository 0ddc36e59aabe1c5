import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as DeviceSettings from "../../../src/domain/settings/DeviceSettings.ts"
import * as ImageSettings from "../../../src/domain/settings/ImageSettings.ts"
import * as ServiceDevices from "../../../src/domain/unit/ServiceDevices.ts"

const directives = (profile: ImageSettings.Profile, ...texts: readonly string[]) => {
  const devices = texts.map((text) => Either.getOrThrow(DeviceSettings.parse(text)))
  return ServiceDevices.directives({
    settings: { ...ImageSettings.DEFAULTS, profile, devices },
    origins: {}
  }).pipe(Either.map((made) => made.map(({ key, value }) => `${key}=${value}`)))
}

describe("devices of a service", () => {
  it("are bound into its /dev, and may be opened", () =>
    assert.deepStrictEqual(
      Either.getOrThrow(directives("default", "/dev/kvm", "/dev/a%b:/dev/c:r", "char-drm")),
      [
        "BindPaths=/dev/kvm:/dev/kvm",
        "DeviceAllow=/dev/kvm rw",
        "BindPaths=/dev/a%%b:/dev/c",
        "DeviceAllow=/dev/a%%b r",
        "DeviceAllow=char-drm rw"
      ]
    ))

  it("are all there where it is trusted, each under its own name", () => {
    assert.deepStrictEqual(Either.getOrThrow(directives("trusted", "/dev/kvm", "char-drm")), [])
    assert.isTrue(Either.isLeft(directives("trusted", "/dev/a:/dev/b")))
  })

  it("are printed so that they are read back", () => {
    for (const text of ["/dev/kvm:rw", "/dev/a:/dev/b:rwm", "block-*:r"])
      assert.strictEqual(DeviceSettings.print(Either.getOrThrow(DeviceSettings.parse(text))), text)
  })
})
