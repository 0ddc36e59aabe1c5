/** The machine that tests take themselves to be on. */

import type { HostPlatform } from "../../src/domain/image/Platform.ts"
import type { UnitHost } from "../../src/domain/unit/ImageContext.ts"

export const PLATFORM: HostPlatform = {
  os: "linux",
  architecture: process.arch === "x64" ? "amd64" : process.arch,
  variants: []
}

export const HOST: UnitHost = {
  systemdVersion: 257,
  cli: ["/usr/bin/oci-systemd"],
  configFile: undefined,
  servesRecords: true
}
