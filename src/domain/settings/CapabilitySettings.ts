/**
 * The capabilities that a service gets or loses, relative to its profile.
 *
 *     capabilities = 1*( ( "+" | "-" ) ( [ "CAP_" ] NAME | "all" ) )        capabilities(7), in upper or lower case
 *
 * As with podman's options, `all` counts first wherever it stands in its line: `+NET_RAW -all` is NET_RAW alone.
 */
import * as Either from "effect/Either"
import * as Resemblance from "../naming/Resemblance.ts"
import { refuse, type ValueRefused } from "../text/ValueRefused.ts"
import { adding, type SettingKeys } from "./SettingKey.ts"

/** The capabilities of Linux, in the order of their numbers. */
export const NAMES = [
  "CHOWN",
  "DAC_OVERRIDE",
  "DAC_READ_SEARCH",
  "FOWNER",
  "FSETID",
  "KILL",
  "SETGID",
  "SETUID",
  "SETPCAP",
  "LINUX_IMMUTABLE",
  "NET_BIND_SERVICE",
  "NET_BROADCAST",
  "NET_ADMIN",
  "NET_RAW",
  "IPC_LOCK",
  "IPC_OWNER",
  "SYS_MODULE",
  "SYS_RAWIO",
  "SYS_CHROOT",
  "SYS_PTRACE",
  "SYS_PACCT",
  "SYS_ADMIN",
  "SYS_BOOT",
  "SYS_NICE",
  "SYS_RESOURCE",
  "SYS_TIME",
  "SYS_TTY_CONFIG",
  "MKNOD",
  "LEASE",
  "AUDIT_WRITE",
  "AUDIT_CONTROL",
  "SETFCAP",
  "MAC_OVERRIDE",
  "MAC_ADMIN",
  "SYSLOG",
  "WAKE_ALARM",
  "BLOCK_SUSPEND",
  "AUDIT_READ",
  "PERFMON",
  "BPF",
  "CHECKPOINT_RESTORE"
] as const
/** The name of a capability without `CAP_`. */
export type Capability = (typeof NAMES)[number]

/** A capability that is added to those of the profile, or taken from them. */
export interface CapabilityChange {
  readonly name: Capability | "all"
  readonly isAdded: boolean
}

/** Settings of a service's capabilities. */
export interface CapabilitySettings {
  readonly capabilities: readonly CapabilityChange[]
}

/** Whether the settings add a capability. */
export const addsAny = ({ capabilities }: CapabilitySettings): boolean =>
  capabilities.some(({ isAdded }) => isAdded)

/** Whether the settings take a capability away. */
export const drops = ({ capabilities }: CapabilitySettings, name: Capability): boolean => {
  const own = capabilities.find((change) => change.name === name)
  return (own ?? capabilities.find((change) => change.name === "all"))?.isAdded === false
}

export const parse = (text: string): Either.Either<readonly CapabilityChange[], ValueRefused> => {
  const changes: CapabilityChange[] = []
  for (const word of text.split(/\s+/).filter((each) => each !== "")) {
    const [, sign, said = ""] = WORD.exec(word) ?? []
    if (sign === undefined) return refuse("+NAME or -NAME is expected, for example +NET_RAW -CHOWN")
    const upper = said.toUpperCase()
    const name = upper === "ALL" ? "all" : NAMES.find((known) => known === upper)
    if (name === undefined) {
      const near = Resemblance.nearest(upper, NAMES)
      const meant = near.length === 0 ? "" : `: did you mean ${near.join(" or ")}?`
      return refuse(`${JSON.stringify(said)} is not a capability of Linux${meant}`)
    }
    changes.push({ name, isAdded: sign === "+" })
  }
  return Either.right(changes)
}

/** Prints a change so that `parse` reads it back. */
export const print = ({ isAdded, name }: CapabilityChange): string => `${isAdded ? "+" : "-"}${name}`

const byName = adding<CapabilityChange>(({ name }) => name)

/** Adds a later line. One with `all` takes the place of all before it. */
const add = (
  before: readonly CapabilityChange[],
  more: readonly CapabilityChange[]
): readonly CapabilityChange[] =>
  more.length > 0 && more.some(({ name }) => name === "all") ? byName([], more) : byName(before, more)

const WORD = /^([+-])(?:CAP_)?([A-Za-z_]+)$/i

/** @internal */
export const KEYS: SettingKeys<CapabilitySettings> = {
  capabilities: {
    takes: "+NAME -NAME …",
    default: [],
    help: "Capabilities that the service gets or loses besides those of its profile, with what else would hinder their use; lines add up, all is every capability, and empty cancels all lines before it.",
    parse,
    print: (changes) => changes.map(print).join(" "),
    add
  }
}
