/** The network that an image's service sees, and the ports that it may listen on (systemd.exec(5), systemd.resource-control(5)). */
import * as DirectiveSource from "./DirectiveSource.ts"
import type { ExposedPort } from "../process/ExposedPorts.ts"
import * as ExposedPorts from "../process/ExposedPorts.ts"
import type { ProcessConfig } from "../image/ImageConfig.ts"
import type { ImageContext } from "./ImageContext.ts"
import { LOW_PORTS } from "./Profile.ts"
import { type Directive, directive } from "./UnitFile.ts"
import { literal } from "../systemd/UnitValue.ts"

/** Is it alone? The setting, the profile and the image can each say so. */
export const isolation = (
  { settings, origins }: Pick<ImageContext, "settings" | "origins">,
  config: ProcessConfig
): DirectiveSource.DirectiveSource | undefined => {
  if (settings.network === "none") return DirectiveSource.setting(origins, "network")
  if (settings.profile === "nonetwork") return DirectiveSource.profile(settings.profile)
  return config.NetworkDisabled === true ? DirectiveSource.image("NetworkDisabled") : undefined
}

/** In a container's network anybody may listen below 1024; in the host's that takes a capability, which root has. */
export const needsLowPorts = (ports: readonly ExposedPort[], isRoot: boolean): boolean =>
  !isRoot && ports.some(ExposedPorts.isLow)

export const directives = (
  context: Pick<ImageContext, "settings" | "origins">,
  config: ProcessConfig,
  ports: readonly ExposedPort[],
  isRoot: boolean
): readonly Directive[] => {
  const alone = isolation(context, config)
  const enforced = context.settings.ports === "enforce"
  const bySetting = DirectiveSource.setting(context.origins, "ports")
  return [
    ...(alone === undefined ? [] : [directive("PrivateNetwork", literal("yes"), alone)]),
    ...(needsLowPorts(ports, isRoot)
      ? [directive("AmbientCapabilities", literal(LOW_PORTS), DirectiveSource.image("ExposedPorts", "User"))]
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

/** What of it does not work out, one sentence each. */
export const notes = (
  { settings }: Pick<ImageContext, "settings">,
  ports: readonly ExposedPort[],
  isRoot: boolean
): readonly string[] => [
  ...(settings.ports === "enforce"
    ? ports
        .filter((port) => ExposedPorts.rule(port) === undefined)
        .map(
          (port) =>
            `the port ${ExposedPorts.display(port)} cannot be opened by itself: systemd has no rules for SCTP`
        )
    : []),
  ...(settings.profile === "strict" && isRoot
    ? ports
        .filter(ExposedPorts.isLow)
        .map(
          (port) =>
            `the profile strict leaves root without the capability to listen on ${ExposedPorts.display(port)}`
        )
    : [])
]
