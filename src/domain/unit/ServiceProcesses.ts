/**
 * The process ids that an image's service sees, and which of its processes a stop ends (systemd.exec(5),
 * systemd.kill(5)).
 *
 * In a PID namespace of its own the service is process 1, as in a container: it can neither see nor reach
 * processes of the host or of other images, and when it ends, the kernel ends all other processes of the
 * namespace. A stop therefore only signals process 1, `KillMode=process`.
 *
 * systemd 257 and 262 learn of process 1 while its parent may still exist. They then take it for "not our child",
 * for which they do not wait: in two stops of five, SIGKILL would follow the stop signal directly. `StopUnit`
 * prevents that.
 */
import * as Either from "effect/Either"
import * as CapabilitySettings from "../settings/CapabilitySettings.ts"
import type { ImageSettings } from "../settings/ImageSettings.ts"
import * as AppArmor from "../systemd/AppArmor.ts"
import { FeatureMissing, knows } from "../systemd/SystemdVersion.ts"
import { literal } from "../systemd/UnitValue.ts"
import * as DirectiveSource from "./DirectiveSource.ts"
import type { ImageContext } from "./ImageContext.ts"
import { type Directive, directive } from "./UnitFile.ts"

type Context = Pick<ImageContext, "settings" | "origins" | "host">

/** Returns why the service is process 1 of a namespace; `undefined` if it has the host's process ids. */
export const isolation = ({
  settings,
  origins,
  host
}: Context): DirectiveSource.DirectiveSource | undefined => {
  if (!isWanted(settings) || !knows(host.systemdVersion, "PrivatePIDs")) return undefined
  return settings.pids === undefined
    ? DirectiveSource.profile(settings.profile)
    : DirectiveSource.setting(origins, "pids")
}

const isWanted = ({ pids, profile }: ImageSettings): boolean =>
  pids === undefined ? profile !== "trusted" : pids === "private"

export const directives = (context: Context): Either.Either<readonly Directive[], FeatureMissing> => {
  const { settings, host } = context
  const alone = isolation(context)
  if (alone !== undefined)
    return Either.right([
      directive("PrivatePIDs", literal("yes"), alone),
      directive("KillMode", literal("process"), alone)
    ])
  return settings.pids === "private"
    ? Either.left(
        new FeatureMissing({
          setting: "pids = private",
          feature: "PrivatePIDs",
          systemdVersion: host.systemdVersion
        })
      )
    : Either.right([KILL_MODE, ...(settings.profile === "trusted" ? [] : [APPARMOR])])
}

/**
 * Whether the service has a user namespace of its own: in `strict`, and where systemd lacks PID namespaces for
 * an image that runs as one user. The service then cannot trace a process outside, although that has the same
 * user (ptrace(2)). In such a namespace a capability counts for nothing outside, so a service that is given one has none.
 */
export const hasPrivateUsers = (context: Context, isRoot: boolean): boolean => {
  const { pids, profile } = context.settings
  if (CapabilitySettings.addsAny(context.settings)) return false
  if (profile === "strict") return true
  return profile !== "trusted" && !isRoot && pids !== "host" && isolation(context) === undefined
}

/** Returns what a hostile image can still do to the host's processes, one sentence each. */
export const notes = (context: Context, isRoot: boolean): readonly string[] => {
  if (isolation(context) !== undefined) return []
  if (!isRoot)
    return CapabilitySettings.addsAny(context.settings) && context.settings.profile !== "trusted"
      ? [
          "it has capabilities, and so no user namespace, and sees the host's process ids: a hostile image can trace processes of the host that run as its user, and change their files"
        ]
      : []
  switch (context.settings.profile) {
    case "default":
    case "nonetwork":
      return [
        `it runs as root and sees the host's process ids, so a hostile image can take over the host unless AppArmor's profile ${AppArmor.PROFILE} is loaded (oci-systemd doctor tells): for images of strangers use systemd 257 or later, another user, or profile = strict`
      ]
    case "strict":
      return [
        `it runs as root and has the host's process ids, so a hostile image can send signals to the host's processes, systemd included, unless AppArmor's profile ${AppArmor.PROFILE} is loaded (oci-systemd doctor tells): for images of strangers use systemd 257 or later, or another user`
      ]
    case "trusted":
      return []
  }
}

/** Returns a sentence if the image's program is an init that has to be process 1 and is not. */
export const initNotes = (context: Context, [program]: readonly string[]): readonly string[] =>
  isolation(context) === undefined && program !== undefined && INITS.test(program)
    ? [
        `its program ${JSON.stringify(program)} looks like an init, which works as process 1 only: that needs systemd 257 and pids = private`
      ]
    : []

/** Matches s6-overlay and images of linuxserver.io (`/init`), sysvinit and busybox (`/sbin/init`), runit, OpenRC, and systemd. */
const INITS =
  /^(?:\/init|(?:\/usr)?\/s?bin\/(?:init|runit-init|openrc-init|s6-linux-init)|(?:\/usr)?\/lib\/systemd\/systemd)$/

/** The main process gets the stop signal; processes that it leaves behind are killed. */
const KILL_MODE = directive("KillMode", literal("mixed"))

/** Keeps processes that see those of the host from reaching them; `-` ignores a host without AppArmor or the profile. */
const APPARMOR = directive("AppArmorProfile", literal(`-${AppArmor.PROFILE}`))
