/**
 * What follows from the capabilities that the configuration gives to a service or takes from it (systemd.exec(5)).
 *
 * A capability alone is often of no use: filters of system calls and address families refuse what it allows, and several
 * `Protect…=` take it away again. The table has what each needs to have an effect, after the profiles that container engines make
 * from their own capabilities (containers/common, seccomp.json).
 *
 * A user other than root gets an added capability as an ambient one too, as with podman: without that, its program would not have it.
 */
import * as Either from "effect/Either"
import type { Capability, CapabilityChange } from "../settings/CapabilitySettings.ts"
import type { Profile } from "../settings/ImageSettings.ts"
import { literal } from "../systemd/UnitValue.ts"
import { TaggedError } from "../text/TaggedError.ts"
import * as DirectiveSource from "./DirectiveSource.ts"
import type { ImageContext } from "./ImageContext.ts"
import { type Directive, directive } from "./UnitFile.ts"

/** The profile does not let a service have the capability. */
export class CapabilityRefused extends TaggedError("CapabilityRefused")<{
  readonly name: Capability | "all"
  readonly reason: string
}> {
  override get message(): string {
    return `capabilities = +${this.name} needs profile = trusted: ${this.reason}`
  }
}

/** What a capability needs besides itself. */
export interface CapabilityNeeds {
  /** Address families. */
  readonly families?: string
  /** System calls that every confined profile refuses. */
  readonly calls?: string
  /** System calls that `strict` refuses too. */
  readonly strictCalls?: string
  /**
   * Directives of the profile that take the capability away or refuse its use: each becomes `no`. `PrivateUsers=` does so for each
   * capability, since none counts outside the namespace.
   */
  readonly lifts?: readonly string[]
  /** What a hostile image can do with it. */
  readonly danger?: string
  /** Why no confined profile can give it. */
  readonly refused?: string
}

const TAKES_OVER = "take over the host"
const OF_DEVICES = "in the others the service has a /dev of its own, and can make no devices"

/** @internal */
export const NEEDS: Readonly<Record<Capability, CapabilityNeeds>> = {
  CHOWN: { strictCalls: "@chown" },
  DAC_OVERRIDE: {},
  DAC_READ_SEARCH: {
    strictCalls: "name_to_handle_at open_by_handle_at",
    danger: "read all files of the file systems that it sees a part of"
  },
  FOWNER: {},
  FSETID: { lifts: ["RestrictSUIDSGID"] },
  KILL: {},
  SETGID: { strictCalls: "@setuid" },
  SETUID: { strictCalls: "@setuid" },
  SETPCAP: { strictCalls: "capset" },
  LINUX_IMMUTABLE: {},
  NET_BIND_SERVICE: {},
  NET_BROADCAST: {},
  NET_ADMIN: { families: "AF_NETLINK", danger: "change the network of the host, if it has that" },
  NET_RAW: {
    families: "AF_NETLINK AF_PACKET",
    danger: "read and forge what others send and receive, if it has the host's network"
  },
  IPC_LOCK: {},
  IPC_OWNER: {},
  SYS_MODULE: { calls: "@module", lifts: ["ProtectKernelModules"], danger: TAKES_OVER },
  SYS_RAWIO: { refused: OF_DEVICES },
  SYS_CHROOT: { strictCalls: "chroot" },
  SYS_PTRACE: {
    strictCalls: "kcmp pidfd_getfd process_vm_readv process_vm_writev ptrace",
    danger: "take over every process that it sees: the host's, if it has the host's process ids"
  },
  SYS_PACCT: { strictCalls: "acct" },
  SYS_ADMIN: {
    calls: "bpf perf_event_open",
    strictCalls: "@mount fanotify_init quotactl",
    lifts: ["RestrictNamespaces"],
    danger: TAKES_OVER
  },
  SYS_BOOT: { calls: "@reboot", danger: "boot another kernel" },
  SYS_NICE: { strictCalls: "@resources", lifts: ["RestrictRealtime"] },
  SYS_RESOURCE: { strictCalls: "@resources" },
  SYS_TIME: { calls: "@clock", lifts: ["ProtectClock"], danger: "set the clock of the host" },
  SYS_TTY_CONFIG: { strictCalls: "vhangup" },
  MKNOD: { refused: OF_DEVICES },
  LEASE: {},
  AUDIT_WRITE: { families: "AF_NETLINK" },
  AUDIT_CONTROL: { families: "AF_NETLINK", danger: "change the audit rules of the host" },
  SETFCAP: {},
  MAC_OVERRIDE: {},
  MAC_ADMIN: { refused: "in the others the policy of the host cannot be written" },
  SYSLOG: { strictCalls: "syslog", lifts: ["ProtectKernelLogs"], danger: "read the messages of the kernel" },
  WAKE_ALARM: { lifts: ["ProtectClock"] },
  BLOCK_SUSPEND: {},
  AUDIT_READ: { families: "AF_NETLINK", danger: "read the audit records of the host" },
  PERFMON: { calls: "perf_event_open", danger: "read the memory of the kernel" },
  BPF: { calls: "bpf", danger: "read the memory of the kernel" },
  CHECKPOINT_RESTORE: { lifts: ["RestrictNamespaces"] }
}

type Context = Pick<ImageContext, "origins" | "settings">

/** Returns the profile's directives with the changes of the configuration. */
export const over = (
  context: Context,
  own: readonly Directive[],
  isRoot: boolean
): Either.Either<readonly Directive[], CapabilityRefused> => {
  const { origins, settings } = context
  const { profile } = settings
  if (settings.capabilities.length === 0) return Either.right(own)
  const changes = settings.capabilities.map((change, index) => ({
    ...change,
    source: DirectiveSource.entry(origins, "capabilities", index)
  }))
  const lifted = new Map<string, DirectiveSource.DirectiveSource>()
  for (const { name, isAdded, source } of changes) {
    if (!isAdded || profile === "trusted") continue
    const refused = refusal(name)
    if (refused !== undefined) return Either.left(refused)
    for (const key of ["PrivateUsers", ...(needsOf(name).lifts ?? [])])
      if (!lifted.has(key)) lifted.set(key, source)
  }
  const all = changes.find(({ name }) => name === "all")
  const isFull = profile === "trusted" && all?.isAdded !== false
  const hasAll = all?.isAdded === true
  return Either.right([
    ...own.map((each) => {
      const source = lifted.get(each.key)
      return source === undefined ? each : directive(each.key, literal("no"), source)
    }),
    ...allFirst(changes).flatMap((change) =>
      assignments(change, { profile, isRoot, isFull, hasAll }).map(([key, value]) =>
        directive(key, literal(value), change.source)
      )
    )
  ])
}

/** Returns what a hostile image can do with the capabilities that it is given, a sentence for each. */
export const notes = ({ settings }: Pick<Context, "settings">): readonly string[] =>
  settings.profile === "trusted"
    ? []
    : settings.capabilities.flatMap(({ isAdded, name }) => {
        const { danger } = needsOf(name)
        return isAdded && danger !== undefined
          ? [`capabilities = +${name} lets a hostile image ${danger}`]
          : []
      })

/** Whether a directive of the profile is `no`, so that a capability can be used. */
export const isLifted = ({ settings }: Pick<Context, "settings">, key: string): boolean =>
  settings.capabilities.some(({ isAdded, name }) => isAdded && needsOf(name).lifts?.includes(key) === true)

const allFirst = <C extends CapabilityChange>(changes: readonly C[]): readonly C[] => [
  ...changes.filter(({ name }) => name === "all"),
  ...changes.filter(({ name }) => name !== "all")
]

const needsOf = (name: CapabilityChange["name"]): CapabilityNeeds => (name === "all" ? {} : NEEDS[name])

const refusal = (name: CapabilityChange["name"]): CapabilityRefused | undefined => {
  const reason = name === "all" ? "the others cannot give all" : NEEDS[name].refused
  return reason === undefined ? undefined : new CapabilityRefused({ name, reason })
}

interface Service {
  readonly profile: Profile
  readonly isRoot: boolean
  /** Whether its bounding set has all capabilities, at first or but for those that it loses. */
  readonly isFull: boolean
  /** Whether it is given all, which a user other than root gets as ambient ones. */
  readonly hasAll: boolean
}

/**
 * Returns the lines for one change. systemd takes the first line for what it has not read anything of yet for the whole set: a capability
 * that is added to all is then the only one, and all are ambient but the one that is taken away (`config_parse_capability_set()`).
 * Such lines are left out.
 */
const assignments = (
  { isAdded, name }: CapabilityChange,
  service: Service
): ReadonlyArray<readonly [key: string, value: string]> => {
  const ambient = service.isRoot ? [] : ["AmbientCapabilities"]
  if (!isAdded)
    return name === "all"
      ? [["CapabilityBoundingSet", ""]]
      : ["CapabilityBoundingSet", ...(service.hasAll ? ambient : [])].map(
          (key) => [key, `~CAP_${name}`] as const
        )
  const { calls, families, strictCalls } = needsOf(name)
  const allowed = [calls, service.profile === "strict" ? strictCalls : undefined].filter(
    (each) => each !== undefined
  )
  return [
    ...(service.isFull ? [] : ["CapabilityBoundingSet"]).map((key) => [key, `CAP_${name}`] as const),
    ...ambient.map((key) => [key, name === "all" ? "~" : `CAP_${name}`] as const),
    ...(service.profile === "trusted"
      ? []
      : [
          ...(families === undefined ? [] : [["RestrictAddressFamilies", families] as const]),
          ...(allowed.length === 0 ? [] : [["SystemCallFilter", allowed.join(" ")] as const])
        ])
  ]
}
