import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as CapabilitySettings from "../../../src/domain/settings/CapabilitySettings.ts"
import * as ImageSettings from "../../../src/domain/settings/ImageSettings.ts"
import * as DirectiveSource from "../../../src/domain/unit/DirectiveSource.ts"
import * as ImageUnits from "../../../src/domain/unit/ImageUnits.ts"
import { contextOf, imageOf } from "../../support/unitArbitraries.ts"

const PLACE = { file: "/etc/oci-generator.conf", line: 7 }

const rendered = (
  text: string,
  { profile = "default", user = "0", version = 257, ports = {} }: Partial<Options> = {}
) => {
  const capabilities = ImageSettings.KEYS.capabilities.add?.(
    [],
    Either.getOrThrow(CapabilitySettings.parse(text))
  )
  const context = contextOf({
    settings: { ...ImageSettings.DEFAULTS, profile, capabilities: capabilities ?? [] },
    origins: { capabilities: (capabilities ?? []).map(() => PLACE) },
    host: { ...contextOf().host, systemdVersion: version }
  })
  return ImageUnits.render(
    context,
    imageOf({ Entrypoint: ["/bin/app"], User: user, ExposedPorts: ports }),
    {}
  )
}

interface Options {
  readonly profile: ImageSettings.Profile
  readonly user: string
  readonly version: number
  readonly ports: Readonly<Record<string, object>>
}

/** The service's lines that the configuration makes, each seen to name its line. */
const lines = (text: string, options: Partial<Options> = {}): readonly string[] => {
  const [service] = Either.getOrThrow(rendered(text, options)).files
  return (service?.sections ?? [])
    .flatMap(({ directives }) => directives)
    .filter(({ source }) => DirectiveSource.display(source) === "/etc/oci-generator.conf:7: capabilities")
    .map(({ key, value }) => `${key}=${value}`)
}

/** All of a service's lines with a key, as systemd reads them. */
const all = (key: string, text: string, options: Partial<Options> = {}): readonly string[] =>
  (Either.getOrThrow(rendered(text, options)).files[0]?.sections ?? [])
    .flatMap(({ directives }) => directives)
    .filter((each) => each.key === key)
    .map(({ value }) => value)

/** What each capability needs in `default`, and more that it needs in `strict`. */
const TABLE: Readonly<
  Record<CapabilitySettings.Capability, readonly [anywhere: readonly string[], strict?: string] | string>
> = {
  CHOWN: [[], "SystemCallFilter=@chown"],
  DAC_OVERRIDE: [[]],
  DAC_READ_SEARCH: [[], "SystemCallFilter=name_to_handle_at open_by_handle_at"],
  FOWNER: [[]],
  FSETID: [[], "RestrictSUIDSGID=no"],
  KILL: [[]],
  SETGID: [[], "SystemCallFilter=@setuid"],
  SETUID: [[], "SystemCallFilter=@setuid"],
  SETPCAP: [[], "SystemCallFilter=capset"],
  LINUX_IMMUTABLE: [[]],
  NET_BIND_SERVICE: [[]],
  NET_BROADCAST: [[]],
  NET_ADMIN: [["RestrictAddressFamilies=AF_NETLINK"]],
  NET_RAW: [["RestrictAddressFamilies=AF_NETLINK AF_PACKET"]],
  IPC_LOCK: [[]],
  IPC_OWNER: [[]],
  SYS_MODULE: [["ProtectKernelModules=no", "SystemCallFilter=@module"]],
  SYS_RAWIO: "no devices",
  SYS_CHROOT: [[], "SystemCallFilter=chroot"],
  SYS_PTRACE: [[], "SystemCallFilter=kcmp pidfd_getfd process_vm_readv process_vm_writev ptrace"],
  SYS_PACCT: [[], "SystemCallFilter=acct"],
  SYS_ADMIN: [
    ["RestrictNamespaces=no", "SystemCallFilter=bpf perf_event_open"],
    "SystemCallFilter=bpf perf_event_open @mount fanotify_init quotactl"
  ],
  SYS_BOOT: [["SystemCallFilter=@reboot"]],
  SYS_NICE: [["RestrictRealtime=no"], "SystemCallFilter=@resources"],
  SYS_RESOURCE: [[], "SystemCallFilter=@resources"],
  SYS_TIME: [["ProtectClock=no", "SystemCallFilter=@clock"]],
  SYS_TTY_CONFIG: [[], "SystemCallFilter=vhangup"],
  MKNOD: "no devices",
  LEASE: [[]],
  AUDIT_WRITE: [["RestrictAddressFamilies=AF_NETLINK"]],
  AUDIT_CONTROL: [["RestrictAddressFamilies=AF_NETLINK"]],
  SETFCAP: [[]],
  MAC_OVERRIDE: [[]],
  MAC_ADMIN: "cannot be written",
  SYSLOG: [["ProtectKernelLogs=no"], "SystemCallFilter=syslog"],
  WAKE_ALARM: [["ProtectClock=no"]],
  BLOCK_SUSPEND: [[]],
  AUDIT_READ: [["RestrictAddressFamilies=AF_NETLINK"]],
  PERFMON: [["SystemCallFilter=perf_event_open"]],
  BPF: [["SystemCallFilter=bpf"]],
  CHECKPOINT_RESTORE: [["RestrictNamespaces=no"]]
}

describe("a capability that is added", () => {
  it.each(CapabilitySettings.NAMES)("brings what it needs: %s", (name) => {
    const needs = TABLE[name]
    const text = `+${name}`
    const own = `CapabilityBoundingSet=CAP_${name}`
    if (typeof needs === "string") {
      for (const profile of ["default", "nonetwork", "strict"] as const) {
        const refused = rendered(text, { profile })
        assert.isTrue(Either.isLeft(refused))
        if (Either.isLeft(refused))
          assert.match(refused.left.message, /^capabilities = \+\w+ needs profile = trusted: /)
      }
    } else {
      const [anywhere, strict] = needs
      assert.sameMembers([...lines(text)], [own, ...anywhere])
      const key = strict?.split("=")[0]
      const others = anywhere.filter((line) => line.split("=")[0] !== key)
      assert.sameMembers(
        [...lines(text, { profile: "strict" })],
        [own, "PrivateUsers=no", ...others, ...(strict === undefined ? [] : [strict])]
      )
      assert.sameMembers(
        [...lines(text, { user: "1000:1000" })],
        [own, `AmbientCapabilities=CAP_${name}`, ...anywhere]
      )
    }
    // There is nothing that could hinder it, and a list of one would leave it alone with that.
    assert.deepEqual(lines(text, { profile: "trusted" }), [])
    assert.deepEqual(lines(text, { profile: "trusted", user: "1:1" }), [`AmbientCapabilities=CAP_${name}`])
  })

  it("takes the user namespace away, in which it would be of no use", () => {
    assert.deepEqual(all("PrivateUsers", "-all", { profile: "strict" }), ["yes"])
    assert.deepEqual(all("PrivateUsers", "+KILL", { profile: "strict" }), ["no"])
    assert.deepEqual(all("PrivateUsers", "-KILL", { version: 252, user: "1:1" }), ["yes"])
    assert.deepEqual(all("PrivateUsers", "+KILL", { version: 252, user: "1:1" }), [])
    const { walls } = Either.getOrThrow(rendered("+KILL", { version: 252, user: "1:1" }))
    assert.match(walls.join(), /can trace processes of the host that run as its user/)
  })

  it("is a note where a hostile image can do much with it", () => {
    assert.deepEqual(Either.getOrThrow(rendered("+SYS_ADMIN")).walls, [
      "capabilities = +SYS_ADMIN lets a hostile image take over the host"
    ])
    assert.deepEqual(Either.getOrThrow(rendered("+KILL")).walls, [])
  })
})

describe("the set of capabilities", () => {
  it("loses what is taken away", () => {
    assert.deepEqual(lines("-CHOWN -net_raw"), [
      "CapabilityBoundingSet=~CAP_CHOWN",
      "CapabilityBoundingSet=~CAP_NET_RAW"
    ])
    assert.deepEqual(lines("-chown", { profile: "trusted" }), ["CapabilityBoundingSet=~CAP_CHOWN"])
    // systemd reads a first line of this kind as all but this one.
    assert.notInclude(lines("-CHOWN", { user: "1:1" }).join(), "Ambient")
  })

  it("is emptied first, wherever that stands", () => {
    for (const text of ["+NET_RAW -all", "-ALL +cap_net_raw"])
      assert.deepEqual(lines(text).slice(0, 2), [
        "CapabilityBoundingSet=",
        "CapabilityBoundingSet=CAP_NET_RAW"
      ])
    assert.deepEqual(lines("-all +KILL", { profile: "trusted" }), [
      "CapabilityBoundingSet=",
      "CapabilityBoundingSet=CAP_KILL"
    ])
  })

  it("is full in trusted alone", () => {
    assert.isTrue(Either.isLeft(rendered("+all")))
    assert.deepEqual(lines("+all -KILL", { profile: "trusted" }), ["CapabilityBoundingSet=~CAP_KILL"])
    assert.deepEqual(lines("+all -KILL", { profile: "trusted", user: "1:1" }), [
      "AmbientCapabilities=~",
      "CapabilityBoundingSet=~CAP_KILL",
      "AmbientCapabilities=~CAP_KILL"
    ])
  })

  it("has no capability for low ports that is taken away", () => {
    const options = { user: "1:1", ports: { "80/tcp": {} } }
    assert.deepEqual(all("AmbientCapabilities", "", options), ["CAP_NET_BIND_SERVICE"])
    assert.deepEqual(all("AmbientCapabilities", "-NET_BIND_SERVICE", options), [])
    assert.deepEqual(all("AmbientCapabilities", "-all", options), [])
  })
})
