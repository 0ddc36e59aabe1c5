/**
 * The network of an image's service, and the ports on which it may listen (systemd.exec(5),
 * systemd.resource-control(5)).
 */

import type { ProcessConfig } from "../image/ImageConfig.ts"
import type { ExposedPort } from "../process/ExposedPorts.ts"
import * as ExposedPorts from "../process/ExposedPorts.ts"
import * as CapabilitySettings from "../settings/CapabilitySettings.ts"
import { literal } from "../systemd/UnitValue.ts"
import * as DirectiveSource from "./DirectiveSource.ts"
import type { ImageContext } from "./ImageContext.ts"
import * as ServiceProcesses from "./ServiceProcesses.ts"
import { type Directive, directive } from "./UnitFile.ts"

/** Returns why the service has no network: because of the setting, the profile or the image. */
export const isolation = (
  { settings, origins }: Pick<ImageContext, "settings" | "origins">,
  config: ProcessConfig
): DirectiveSource.DirectiveSource | undefined => {
  if (settings.network === "none") return DirectiveSource.setting(origins, "network")
  if (settings.profile === "nonetwork") return DirectiveSource.profile(settings.profile)
  return config.NetworkDisabled === true ? DirectiveSource.image("NetworkDisabled") : undefined
}

type Context = Pick<ImageContext, "settings" | "origins" | "host">

/**
 * Whether the service gets the capability to listen below 1024. In a container's network every process may listen there;
 * in the host's it takes a capability, which root has. The capability has no effect in a user namespace, and an image
 * cannot remove that namespace by the ports that it exposes.
 */
const getsLowPorts = (context: Context, ports: readonly ExposedPort[], isRoot: boolean): boolean =>
  !isRoot &&
  !ServiceProcesses.hasPrivateUsers(context, isRoot) &&
  !CapabilitySettings.drops(context.settings, "NET_BIND_SERVICE") &&
  ports.some(ExposedPorts.isLow)

export const directives = (
  context: Context,
  config: ProcessConfig,
  ports: readonly ExposedPort[],
  isRoot: boolean
): readonly Directive[] => {
  const alone = isolation(context, config)
  const enforced = context.settings.ports === "enforce"
  const bySetting = DirectiveSource.setting(context.origins, "ports")
  return [
    ...(alone === undefined ? [] : [directive("PrivateNetwork", literal("yes"), alone)]),
    ...(getsLowPorts(context, ports, isRoot)
      ? [
          directive(
            "AmbientCapabilities",
            literal("CAP_NET_BIND_SERVICE"),
            DirectiveSource.image("ExposedPorts", "User")
          )
        ]
      : []),
    ...(enforced
      ? ports.flatMap((port) => {
          const rule = ExposedPorts.rule(port)
          return rule === undefined
            ? []
            : [directive("SocketBindAllow", literal(rule), DirectiveSource.image("ExposedPorts"))]
        })
      : []),
    ...(enforced ? [directive("SocketBindDeny", literal("any"), bySetting)] : [])
  ]
}

/** Returns which ports do not work and why, one sentence each. */
export const notes = (
  context: Context,
  ports: readonly ExposedPort[],
  isRoot: boolean
): readonly string[] => [
  ...(context.settings.ports === "enforce"
    ? ports
        .filter((port) => ExposedPorts.rule(port) === undefined)
        .map(
          (port) =>
            `the port ${ExposedPorts.display(port)} cannot be opened alone: systemd has no rules for SCTP`
        )
    : []),
  ...(ServiceProcesses.hasPrivateUsers(context, isRoot)
    ? ports
        .filter(ExposedPorts.isLow)
        .map(
          (port) =>
            `it cannot listen on ${ExposedPorts.display(port)}, since it has a user namespace of its own: sysctl net.ipv4.ip_unprivileged_port_start=${port.first} allows that to every user of the host`
        )
    : [])
]
