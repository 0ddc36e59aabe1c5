/**
 * The confinement of an image's service, by the name of the profile (systemd.exec(5)).
 *
 *     default     an ordinary image runs as it was built: what container engines allow, and little more
 *     nonetwork   the same, without a network: `ServiceNetwork` makes that
 *     strict      no capabilities, a root that cannot be written, the usual system calls only
 *     trusted     its own root directory, and otherwise what any service of the host may do
 *
 * From 255 on, filters of system calls do not affect setuid programs. Before, they imply `NoNewPrivileges=` for all
 * users but root (systemd's NEWS of 255), and no directive can undo that: the `sudo` of an image needs `trusted`
 * there.
 */

import type { Profile } from "../settings/ImageSettings.ts"
import { knows } from "../systemd/SystemdVersion.ts"
import { literal } from "../systemd/UnitValue.ts"
import * as DirectiveSource from "./DirectiveSource.ts"
import { type Directive, directive } from "./UnitFile.ts"

/** The capabilities of a container in Podman by default. Docker adds AUDIT_WRITE, MKNOD and NET_RAW. */
const CONTAINER_CAPABILITIES = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_NET_BIND_SERVICE",
  "CAP_SETFCAP",
  "CAP_SETGID",
  "CAP_SETPCAP",
  "CAP_SETUID",
  "CAP_SYS_CHROOT"
]

export interface ProfileContext {
  readonly systemdVersion: number
  /** The architecture of the image in Go's spelling. */
  readonly architecture: string
  /** Whether a user namespace separates the service from the host's processes. It maps the service's own user only. */
  readonly privateUsers: boolean
}

export const directives = (profile: Profile, context: ProfileContext): readonly Directive[] => {
  const { systemdVersion, architecture, privateUsers } = context
  const question = `${profile} ${systemdVersion} ${privateUsers} ${callsOf(architecture)}`
  const known = answers.get(question)
  if (known !== undefined) return known
  const source = DirectiveSource.profile(profile)
  const made = assignments(profile, context).map(([key, value]) => directive(key, literal(value), source))
  answers.set(question, made)
  return made
}

/**
 * Results by everything that they depend on. There are few, because nearly all images of a machine share one. Without
 * this memo, three thousand images take the generator tens of milliseconds more.
 */
const answers = new Map<string, readonly Directive[]>()

/** Whether the root is read-only to the service, whatever `root` says. */
export const isReadOnly = (profile: Profile): boolean => profile === "strict"

/** Whether device nodes of an image open devices: not where the service has a `/dev` of its own (`PrivateDevices=`). */
export const hasDevices = (profile: Profile): boolean => profile === "trusted"

/** Whether setuid programs of an image run as their owner: not where `NoNewPrivileges=` is set. */
export const hasSetuidPrograms = (profile: Profile): boolean => profile !== "strict"

type Assignment = readonly [key: string, value: string]

const assignments = (profile: Profile, context: ProfileContext): readonly Assignment[] => {
  switch (profile) {
    case "default":
    case "nonetwork":
      return [
        ["CapabilityBoundingSet", CONTAINER_CAPABILITIES.join(" ")],
        ...walls(context),
        ...(context.privateUsers ? ([["PrivateUsers", "yes"]] as const) : []),
        // AF_PACKET is left out, because in the host's network it could read the traffic of others.
        ["RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK"],
        // System calls that container engines refuse and that no missing capability prevents. @mount would also cover
        // chroot(2).
        ["SystemCallFilter", `~@clock @module @obsolete @raw-io @reboot @swap ${REFUSED_CALLS}`],
        ["SystemCallErrorNumber", "EPERM"]
      ]
    case "strict":
      return [
        ["CapabilityBoundingSet", ""],
        ["NoNewPrivileges", "yes"],
        ...walls(context),
        ["PrivateUsers", "yes"],
        // Over what is mounted there for every profile: a mount point cannot be exchanged for a link.
        ["PrivateTmp", "yes"],
        ["ProtectSystem", "strict"],
        ["ProtectHome", "read-only"],
        ["RestrictSUIDSGID", "yes"],
        ["RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6"],
        ["SystemCallFilter", "@system-service"],
        ["SystemCallFilter", "~@privileged @resources"],
        ["SystemCallErrorNumber", "EPERM"]
      ]
    case "trusted":
      return [["MountAPIVFS", "yes"]]
  }
}

/** The directives that all confined profiles share. */
const walls = ({ systemdVersion, architecture }: ProfileContext): readonly Assignment[] => [
  ["MountAPIVFS", "yes"],
  ["PrivateDevices", "yes"],
  ["PrivateIPC", "yes"],
  // This does not include POSIX shared memory.
  ["TemporaryFileSystem", "/dev/shm:mode=1777,nosuid,nodev,noexec"],
  ["PrivateMounts", "yes"],
  ["ProtectProc", "invisible"],
  ["ProtectClock", "yes"],
  ["ProtectControlGroups", knows(systemdVersion, "PrivateControlGroups") ? "strict" : "yes"],
  ["ProtectHostname", "yes"],
  ["ProtectKernelLogs", "yes"],
  ["ProtectKernelModules", "yes"],
  ["ProtectKernelTunables", "yes"],
  ["LockPersonality", "yes"],
  ["RestrictRealtime", "yes"],
  ["RestrictNamespaces", "yes"],
  ["SystemCallArchitectures", callsOf(architecture)]
]

/** Returns the system call architectures. An image may name any word as its architecture. */
const callsOf = (architecture: string): string =>
  Object.hasOwn(FOREIGN_CALLS, architecture) ? `native ${FOREIGN_CALLS[architecture]}` : "native"

/** Architectures whose images may run on a machine of another one, with other native system calls. */
const FOREIGN_CALLS: Readonly<Record<string, string>> = {
  "386": "x86",
  arm: "arm",
  mips: "mips",
  mipsle: "mips-le"
}

const REFUSED_CALLS = "add_key bpf keyctl perf_event_open request_key userfaultfd"
