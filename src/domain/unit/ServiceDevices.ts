/**
 * The devices of the host that the configuration gives to a service (systemd.exec(5), systemd.resource-control(5)).
 *
 * A confined service has a `/dev` of its own, in which systemd binds the nodes, and a list of devices that it may open, to which they are
 * added. No process of an image writes to that `/dev`, so nothing leads the mounts elsewhere. A trusted service has the host's `/dev` with all
 * devices. A list with one entry would take the others away, and a node with another name would be made in the `/dev` of the host.
 */
import * as Either from "effect/Either"
import * as DeviceSettings from "../settings/DeviceSettings.ts"
import { bind, literal } from "../systemd/UnitValue.ts"
import { TaggedError } from "../text/TaggedError.ts"
import * as DirectiveSource from "./DirectiveSource.ts"
import type { ImageContext } from "./ImageContext.ts"
import { type Directive, directive } from "./UnitFile.ts"

/** A trusted service cannot have a device under another name. */
export class DeviceRefused extends TaggedError("DeviceRefused")<{ readonly device: string }> {
  override get message(): string {
    return `devices = ${this.device} needs another profile than trusted, with which the service has the host's /dev and every device its own name`
  }
}

export const directives = ({
  origins,
  settings: { devices, profile }
}: Pick<ImageContext, "origins" | "settings">): Either.Either<readonly Directive[], DeviceRefused> => {
  if (profile === "trusted") {
    const renamed = devices.find(({ host, image }) => image !== undefined && image !== host)
    return renamed === undefined
      ? Either.right([])
      : Either.left(new DeviceRefused({ device: DeviceSettings.print(renamed) }))
  }
  return Either.right(
    devices.flatMap(({ host, image, mode }, index) => {
      const source = DirectiveSource.entry(origins, "devices", index)
      return [
        ...(image === undefined ? [] : [directive("BindPaths", bind(host, image), source)]),
        directive("DeviceAllow", literal(`${host} ${mode}`), source)
      ]
    })
  )
}

/** Returns the nodes of the host without which the service does not start. */
export const needed = ({ settings: { devices } }: Pick<ImageContext, "settings">): readonly string[] =>
  devices.flatMap(({ host, image }) => (image === undefined ? [] : [host]))
