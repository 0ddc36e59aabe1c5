/** Looks whether the devices that the configuration gives to a service are there. */
import { statSync } from "node:fs"
import * as Effect from "effect/Effect"
import type { DeviceAccess } from "../../domain/settings/DeviceSettings.ts"
import { TaggedError } from "../../domain/text/TaggedError.ts"

/** A device that a service needs is missing, or something else is in its place. */
export class DeviceUnfit extends TaggedError("DeviceUnfit")<{
  readonly path: string
  /** A clause that follows the path: "is missing on this host". */
  readonly reason: string
}> {
  override get message(): string {
    return `the device ${this.path} ${this.reason}`
  }
}

/** Fails for the first device that is not a node on the host. */
export const require = (devices: readonly DeviceAccess[]): Effect.Effect<void, DeviceUnfit> =>
  Effect.gen(function* () {
    for (const { host, image } of devices) {
      if (image === undefined) continue
      const reason = faultOf(host)
      if (reason !== undefined) return yield* Effect.fail(new DeviceUnfit({ path: host, reason }))
    }
  })

const faultOf = (path: string): string | undefined => {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return "is missing on this host"
  if (stat.isDirectory()) return "is a directory: name the devices in it, each in a line of its own"
  return stat.isCharacterDevice() || stat.isBlockDevice() ? undefined : "is not a device"
}
