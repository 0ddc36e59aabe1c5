/** The keys of an `[image PATTERN]` section: how an image is run. */
import * as Either from "effect/Either"
import type { Platform } from "../image/Descriptor.ts"
import * as PlatformName from "../image/Platform.ts"
import * as TimeSpan from "../systemd/TimeSpan.ts"
import { refuse } from "../text/ValueRefused.ts"
import * as CapabilitySettings from "./CapabilitySettings.ts"
import * as CommandSettings from "./CommandSettings.ts"
import * as DeviceSettings from "./DeviceSettings.ts"
import * as EnvironmentSettings from "./EnvironmentSettings.ts"
import * as HealthSettings from "./HealthSettings.ts"
import * as SecretSettings from "./SecretSettings.ts"
import { oneOf, optional, type SettingKey, type SettingKeys, units, yesOrNo } from "./SettingKey.ts"
import * as SignatureSettings from "./SignatureSettings.ts"
import * as VolumeBind from "./VolumeBind.ts"

/** The values of `root`. */
export const ROOT_MODES = ["ephemeral", "persistent", "readonly"] as const
/** What happens to writes to the root: they are discarded on stop, or kept, or impossible. */
export type RootMode = (typeof ROOT_MODES)[number]

/** The values of `profile`. */
export const PROFILES = ["default", "strict", "nonetwork", "trusted"] as const
/** What the service may do to its host. */
export type Profile = (typeof PROFILES)[number]

/** The values of `network`. */
export const NETWORKS = ["host", "none"] as const
/** The network of the service: the host's, or none. */
export type Network = (typeof NETWORKS)[number]

/** The values of `pids`. */
export const PIDS = ["private", "host"] as const
/** The process ids that the service sees: those of a namespace in which it is process 1, or the host's. */
export type Pids = (typeof PIDS)[number]

/** The values of `ports`. */
export const PORT_RULES = ["free", "enforce"] as const
/** The ports on which the service may listen: any, or only those that the image exposes. */
export type PortRule = (typeof PORT_RULES)[number]

/** The values of `health`. */
export const HEALTH_ACTIONS = ["log", "restart", "off"] as const
/** What happens when the service becomes unhealthy. */
export type HealthAction = (typeof HEALTH_ACTIONS)[number]

/** The values of `output`. */
export const OUTPUTS = ["pipe", "journal"] as const
/** Where the output of the service goes. */
export type Output = (typeof OUTPUTS)[number]

/** The values of `restart` (systemd.service(5), "Restart="). */
export const RESTARTS = [
  "no",
  "on-success",
  "on-failure",
  "on-abnormal",
  "on-watchdog",
  "on-abort",
  "always"
] as const
/** When systemd restarts the service. */
export type Restart = (typeof RESTARTS)[number]

/** The settings of an image, described in docs/configuration.md. */
export interface ImageSettings
  extends CapabilitySettings.CapabilitySettings,
    CommandSettings.CommandSettings,
    DeviceSettings.DeviceSettings,
    HealthSettings.HealthSettings,
    EnvironmentSettings.EnvironmentSettings,
    SecretSettings.SecretSettings,
    SignatureSettings.SignatureSettings {
  readonly root: RootMode
  readonly profile: Profile
  readonly network: Network
  readonly ports: PortRule
  /** If missing, process ids are private in each profile but `trusted`, as far as systemd can make them so. */
  readonly pids: Pids | undefined
  /** Replaces the image's `User`, in the same form. */
  readonly user: string | undefined
  /** Whether the image's volumes are directories of their own that outlive its root. */
  readonly volumes: boolean
  readonly volume: readonly VolumeBind.VolumeBind[]
  readonly health: HealthAction
  readonly output: Output
  /** Whether the sockets of the journal are in the root. */
  readonly logsockets: boolean
  readonly restart: Restart
  /** Milliseconds between the stop signal and SIGKILL, in place of the image's. */
  readonly stoptimeout: number | undefined
  readonly wantedby: readonly string[]
  readonly requiredby: readonly string[]
  readonly upheldby: readonly string[]
  readonly alias: readonly string[]
  /** Replaces the platform of this machine. */
  readonly platform: Pick<Platform, "os" | "architecture" | "variant"> | undefined
}

/** The keys in the order in which they are printed. @internal */
export const KEYS: SettingKeys<ImageSettings> = {
  root: oneOf(
    ROOT_MODES,
    "What happens to writes to the image's root: discarded on stop, kept, or refused (except below /run, /tmp and /var/tmp)."
  ),
  profile: oneOf(
    PROFILES,
    "What the service may do to its host: default as much as a container, strict almost nothing, nonetwork like default without network, trusted all that root may."
  ),
  network: oneOf(
    NETWORKS,
    "The network of the service: the host's, or only a loopback interface of its own."
  ),
  ports: oneOf(
    PORT_RULES,
    "The ports on which the service may listen: any, or only those that the image exposes."
  ),
  pids: optional(
    PIDS.join(" | "),
    "The process ids that the service sees: private, as process 1 of a namespace of its own (systemd 257 or later), or the host's; empty: private in each profile but trusted, if systemd can.",
    (value) => {
      const word = PIDS.find((known) => known === value)
      return word === undefined ? refuse(`one of ${PIDS.join(", ")} is expected`) : Either.right(word)
    },
    (pids) => pids
  ),
  user: optional(
    "USER[:GROUP]",
    "The user that runs the service, as numbers or as names known inside the image; empty: the image's.",
    (value) =>
      USER.test(value) ? Either.right(value) : refuse("USER or USER:GROUP without spaces is expected"),
    (user) => user
  ),
  ...CommandSettings.KEYS,
  ...EnvironmentSettings.KEYS,
  ...SecretSettings.KEYS,
  ...CapabilitySettings.KEYS,
  ...DeviceSettings.KEYS,
  volumes: yesOrNo(
    true,
    "Whether the image's volumes are kept, each in a directory of its own, or are ordinary directories of its root."
  ),
  volume: {
    takes: "HOST:IMAGE[:ro]",
    default: [],
    help: "A directory of the host that replaces one of the image, one line for each; empty cancels all lines before it.",
    parse: (value) =>
      value === "" ? Either.right([]) : Either.map(VolumeBind.parse(value), (bind) => [bind]),
    print: (binds) => binds.map(VolumeBind.print).join(" "),
    add: VolumeBind.add
  },
  health: oneOf(
    HEALTH_ACTIONS,
    "What happens when the service becomes unhealthy: it is only logged, or the service is restarted; off: no checks are made."
  ),
  ...HealthSettings.KEYS,
  output: oneOf(
    OUTPUTS,
    "How the output gets to the journal: through a pipe, which programs can open as /dev/stdout, as in a container, or directly, with the number of each process and the priority of its messages."
  ),
  logsockets: yesOrNo(
    true,
    "Whether programs of the image can log by the journal's sockets, as syslog does; a program that runs as root can log as another service there. Output is logged in any case."
  ),
  restart: oneOf(RESTARTS, "When systemd restarts the service, see systemd.service(5)."),
  stoptimeout: optional(
    "TIME",
    "Time that the service has to stop before it is killed; empty: the image's, up to 600s.",
    TimeSpan.parse,
    TimeSpan.print
  ),
  wantedby: units("Units that start the service when they start, for example multi-user.target."),
  requiredby: units("Units that start the service when they start, and fail if it fails."),
  upheldby: units("Units that keep the service running as long as they are active."),
  alias: units(
    "More names for the service, ending in .service.",
    /^[^@]+\.service$/,
    "a service that is not a template"
  ),
  platform: optional(
    "OS/ARCHITECTURE[/VARIANT]",
    "The platform to run of an image for several platforms, for example linux/arm/v7; empty: this machine's.",
    (value) => {
      const [, os, architecture, variant] = PLATFORM.exec(value) ?? []
      return os === undefined || architecture === undefined
        ? refuse("linux/ARCHITECTURE or linux/ARCHITECTURE/VARIANT is expected")
        : Either.right({ os, architecture, ...(variant === undefined ? {} : { variant }) })
    },
    PlatformName.display
  ),
  ...SignatureSettings.KEYS
}

/** The settings of an image that no section mentions. */
export const DEFAULTS: ImageSettings = Object.fromEntries(
  Object.entries(KEYS).map(([key, { default: value }]) => [key, value])
) as unknown as ImageSettings

/** Keys whose lines add up. @internal */
export const ADDING = (Object.keys(KEYS) as ReadonlyArray<keyof ImageSettings>).filter(
  (key) => KEYS[key].add !== undefined
)

/** Adds more settings. A more exact or later setting replaces an earlier one, or adds to it. @internal */
export const merge = (before: ImageSettings, more: Partial<ImageSettings>): ImageSettings =>
  ADDING.reduce((merged, key) => added(merged, before, more, key), { ...before, ...more })

const added = <K extends keyof ImageSettings>(
  merged: ImageSettings,
  before: ImageSettings,
  more: Partial<ImageSettings>,
  key: K
): ImageSettings => {
  const list = more[key]
  const { add } = KEYS[key] as SettingKey<ImageSettings[K]>
  return list === undefined || add === undefined ? merged : { ...merged, [key]: add(before[key], list) }
}

/** Matches a user: at most one `:`. The image decides which user a name means. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const USER = /^[^\s:\u0000-\u001f\u007f]+(?::[^\s:\u0000-\u001f\u007f]+)?$/u
/** Only Linux's run; the rest are Go's names, lower case. */
const PLATFORM = /^(linux)\/([a-z0-9]+)(?:\/([a-z0-9]+))?$/
