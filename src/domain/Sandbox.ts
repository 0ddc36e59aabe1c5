/** What an image's service may not do to its host: what people expect of a container (systemd.exec(5)). */
import { knows } from "./SystemdVersion.ts"
import { type Directive, directive } from "./UnitFile.ts"
import { literal } from "./UnitValue.ts"

/** The capabilities that container engines give by default. */
const CAPABILITIES = [
  "CAP_AUDIT_WRITE",
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_MKNOD",
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_RAW",
  "CAP_SETFCAP",
  "CAP_SETGID",
  "CAP_SETPCAP",
  "CAP_SETUID",
  "CAP_SYS_CHROOT"
]

/** An ordinary image runs unchanged within these. */
export const sandbox = (systemdVersion: number): readonly Directive[] => [
  directive("CapabilityBoundingSet", literal(CAPABILITIES.join(" "))),
  ...[
    "MountAPIVFS",
    "PrivateDevices",
    "PrivateIPC",
    "ProtectProc",
    "ProtectClock",
    "ProtectControlGroups",
    "ProtectHostname",
    "ProtectKernelLogs",
    "ProtectKernelModules",
    "ProtectKernelTunables",
    "LockPersonality",
    "RestrictRealtime"
  ].map((key) => directive(key, literal(key === "ProtectProc" ? "invisible" : "yes"))),
  directive("RestrictNamespaces", literal("yes")),
  directive("SystemCallArchitectures", literal("native")),
  directive("BindReadOnlyPaths", literal("-/etc/resolv.conf -/etc/hosts")),
  ...(knows(systemdVersion, "BindLogSockets")
    ? [directive("BindLogSockets", literal("yes"))]
    : [
        directive(
          "BindReadOnlyPaths",
          literal("-/run/systemd/journal/socket -/run/systemd/journal/dev-log -/run/systemd/journal/stdout")
        )
      ])
]
