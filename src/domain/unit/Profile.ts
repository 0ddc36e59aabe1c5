/**
 * What an image's service may not do to its host, by the name of the profile (systemd.exec(5)).
 *
 *     default     an ordinary image runs as it was built: what container engines allow, and little more
 *     nonetwork   the same, without a network: `ServiceNetwork` makes that
 *     strict      no capabilities, a root that cannot be written, the usual system calls only
 *     trusted     its own root directory, and otherwise what any service of the host may do
 *
 * From 255 on, filters of system calls leave setuid programs alone. Before, they imply `NoNewPrivileges=` for any user
 * but root (systemd's NEWS of 255), and nothing can be said against it: such an image's `sudo` needs `trusted` there.
 */
import * as DirectiveSource from "./DirectiveSource.ts"
import type { Profile } from "../settings/ImageSettings.ts"
import { knows } from "../systemd/SystemdVersion.ts"
import { type Directive, directive } from "./UnitFile.ts"
import { literal } from "../systemd/UnitValue.ts"

/** What Podman gives a container by default; Docker adds AUDIT_WRITE, MKNOD and NET_RAW. */
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

export const LOW_PORTS = "CAP_NET_BIND_SERVICE"

export interface ProfileContext {
  readonly systemdVersion: number
  /** The image's, as Go calls it. */
  readonly architecture: string
  /** Does it get the capability for ports below 1024 on its way? */
  readonly needsLowPorts: boolean
}

export const directives = (profile: Profile, context: ProfileContext): readonly Directive[] => {
  const { systemdVersion, architecture, needsLowPorts } = context
  const question = `${profile} ${systemdVersion} ${needsLowPorts} ${callsOf(architecture)}`
  const known = answers.get(question)
  if (known !== undefined) return known
  const source = DirectiveSource.profile(profile)
  const made = assignments(profile, context).map(([key, value]) => directive(key, literal(value), source))
  answers.set(question, made)
  return made
}

/** By all that they depend on: nearly all images of a machine have the same. */
const answers = new Map<string, readonly Directive[]>()

/** Docker's stop timeout belongs with it: a process 1 that handles no signal ignores all but the last. */
export const isProcessOne = (profile: Profile, systemdVersion: number): boolean =>
  profile !== "trusted" && knows(systemdVersion, "PrivatePIDs")

/** Are its `/tmp` and `/var/tmp` systemd's to make? */
export const hasPrivateTmp = (profile: Profile): boolean => profile === "strict"

type Assignment = readonly [key: string, value: string]

const assignments = (profile: Profile, context: ProfileContext): readonly Assignment[] => {
  switch (profile) {
    case "default":
    case "nonetwork":
      return [
        ["CapabilityBoundingSet", CONTAINER_CAPABILITIES.join(" ")],
        ...walls(context),
        // No AF_PACKET: in the host's network it would read what is others'.
        ["RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK"],
        // What container engines refuse and no missing capability does. @mount would take chroot(2) along.
        ["SystemCallFilter", `~@clock @module @obsolete @raw-io @reboot @swap ${REFUSED_CALLS}`],
        ["SystemCallErrorNumber", "EPERM"]
      ]
    case "strict":
      return [
        ["CapabilityBoundingSet", context.needsLowPorts ? LOW_PORTS : ""],
        ["NoNewPrivileges", "yes"],
        ...walls(context),
        // In a user namespace of its own the capability would not count for the host's ports.
        ...(context.needsLowPorts ? [] : ([["PrivateUsers", "yes"]] as const)),
        ["PrivateTmp", "yes"],
        ["ProtectSystem", "strict"],
        ["ProtectHome", "read-only"],
        // "+": inside the root. Process ids and sockets go there.
        ["ReadWritePaths", "-+/run"],
        ["RemoveIPC", "yes"],
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

/** What both kinds of confinement have. */
const walls = ({ systemdVersion, architecture }: ProfileContext): readonly Assignment[] => [
  ["MountAPIVFS", "yes"],
  ["PrivateDevices", "yes"],
  ["PrivateIPC", "yes"],
  // POSIX shared memory is no part of it.
  ["TemporaryFileSystem", "/dev/shm:mode=1777"],
  ["PrivateMounts", "yes"],
  ...(knows(systemdVersion, "PrivatePIDs") ? ([["PrivatePIDs", "yes"]] as const) : []),
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

/** An architecture is any word that an image says. */
const callsOf = (architecture: string): string =>
  Object.hasOwn(FOREIGN_CALLS, architecture) ? `native ${FOREIGN_CALLS[architecture]}` : "native"

/** Images of these may run on a machine of another architecture, whose native calls are not theirs. */
const FOREIGN_CALLS: Readonly<Record<string, string>> = {
  "386": "x86",
  arm: "arm",
  mips: "mips",
  mipsle: "mips-le"
}

const REFUSED_CALLS = "add_key bpf keyctl perf_event_open request_key userfaultfd"
