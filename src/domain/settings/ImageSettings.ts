/** The keys of an `[image PATTERN]` section: how one image is run. */
import * as Either from "effect/Either"
import type { Platform } from "../image/Descriptor.ts"
import * as HealthSettings from "./HealthSettings.ts"
import * as PlatformName from "../image/Platform.ts"
import { oneOf, optional, type SettingKeys, units, yesOrNo } from "./SettingKey.ts"
import * as VolumeBind from "./VolumeBind.ts"

/** What `root` takes. */
export const ROOT_MODES = ["ephemeral", "persistent", "readonly"] as const
/** What is written to the root is thrown away on stop, or kept, or nothing can be written. */
export type RootMode = (typeof ROOT_MODES)[number]

/** What `profile` takes. */
export const PROFILES = ["default", "strict", "nonetwork", "trusted"] as const
/** What the service may do to its host. */
export type Profile = (typeof PROFILES)[number]

/** What `network` takes. */
export const NETWORKS = ["host", "none"] as const
/** The network that it sees: the host's, or none. */
export type Network = (typeof NETWORKS)[number]

/** What `ports` takes. */
export const PORT_RULES = ["free", "enforce"] as const
/** The ports it may listen on: any, or only those that the image exposes. */
export type PortRule = (typeof PORT_RULES)[number]

/** What `health` takes. */
export const HEALTH_ACTIONS = ["log", "restart", "off"] as const
/** What happens when its health check fails for good. */
export type HealthAction = (typeof HEALTH_ACTIONS)[number]

/** What `output` takes. */
export const OUTPUTS = ["auto", "journal", "pipe"] as const
/** Where its output goes. */
export type Output = (typeof OUTPUTS)[number]

/** What `restart` takes (systemd.service(5), "Restart="). */
export const RESTARTS = [
  "no",
  "on-success",
  "on-failure",
  "on-abnormal",
  "on-watchdog",
  "on-abort",
  "always"
] as const
/** When systemd starts it again by itself. */
export type Restart = (typeof RESTARTS)[number]

/** The keys of an `[image PATTERN]` section, see docs/configuration.md. */
export interface ImageSettings extends HealthSettings.HealthSettings {
  readonly root: RootMode
  readonly profile: Profile
  readonly network: Network
  readonly ports: PortRule
  /** In place of the image's `User`, and of its form. */
  readonly user: string | undefined
  /** Are the image's volumes directories of their own, which outlive its root? */
  readonly volumes: boolean
  readonly volume: readonly VolumeBind.VolumeBind[]
  readonly health: HealthAction
  readonly output: Output
  readonly restart: Restart
  readonly wantedby: readonly string[]
  readonly requiredby: readonly string[]
  readonly upheldby: readonly string[]
  readonly alias: readonly string[]
  /** In place of this machine's. */
  readonly platform: Pick<Platform, "os" | "architecture" | "variant"> | undefined
}

/** In the order in which they are printed. @internal */
export const KEYS: SettingKeys<ImageSettings> = {
  root: oneOf(
    ROOT_MODES,
    "What is written to the image's root: thrown away on stop, kept, or not possible (but for /run, /tmp and /var/tmp)."
  ),
  profile: oneOf(
    PROFILES,
    "What the service may do to its host: default as a container, strict close to nothing, nonetwork as default but alone, trusted all that root may."
  ),
  network: oneOf(NETWORKS, "The network that it sees: the host's, or none but a loopback of its own."),
  ports: oneOf(PORT_RULES, "The ports it may listen on: any, or only those that the image exposes."),
  user: optional(
    "USER[:GROUP]",
    "Who it runs as, numbers or names of the image's own; empty: as the image says.",
    (value) =>
      USER.test(value) ? Either.right(value) : Either.left("USER or USER:GROUP is wanted, without blanks"),
    (user) => user
  ),
  volumes: yesOrNo(
    true,
    "Are the image's volumes kept, each in a directory of its own, or are they directories of its root like any other?"
  ),
  volume: {
    takes: "HOST:IMAGE[:ro]",
    default: [],
    help: "A directory of the host in place of one of the image's, a line for each; empty takes back all before it.",
    parse: (value) =>
      value === "" ? Either.right([]) : Either.map(VolumeBind.parse(value), (bind) => [bind]),
    print: (binds) => binds.map(VolumeBind.print).join(" ")
  },
  health: oneOf(
    HEALTH_ACTIONS,
    "When the health check fails for good: only log it, or restart the service; off: no checks are made."
  ),
  ...HealthSettings.KEYS,
  output: oneOf(
    OUTPUTS,
    "Where its output goes: to the journal, or through a pipe, which programs can open by the name /dev/stdout; auto: a pipe where the image has logs that lead there."
  ),
  restart: oneOf(RESTARTS, "When systemd starts it again by itself, see systemd.service(5)."),
  wantedby: units("Units that start it with them, for example multi-user.target."),
  requiredby: units("Units that start it with them, and fail where it does."),
  upheldby: units("Units that, as long as they are active, start it again whenever it is not."),
  alias: units(
    "More names for its service, ending in .service.",
    /^[^@]+\.service$/,
    "a service that is no template"
  ),
  platform: optional(
    "OS/ARCHITECTURE[/VARIANT]",
    "Which of an image's platforms is run, for example linux/arm/v7; empty: this machine's.",
    (value) => {
      const [, os, architecture, variant] = PLATFORM.exec(value) ?? []
      return os === undefined || architecture === undefined
        ? Either.left("linux/ARCHITECTURE or linux/ARCHITECTURE/VARIANT is wanted")
        : Either.right({ os, architecture, ...(variant === undefined ? {} : { variant }) })
    },
    PlatformName.display
  )
}

/** What counts where nothing is said. */
export const DEFAULTS: ImageSettings = Object.fromEntries(
  Object.entries(KEYS).map(([key, { default: value }]) => [key, value])
) as unknown as ImageSettings

/** What a more exact or later line says replaces what was said before; only volumes add up. @internal */
export const merge = (before: ImageSettings, more: Partial<ImageSettings>): ImageSettings => ({
  ...before,
  ...more,
  ...(more.volume === undefined ? {} : { volume: VolumeBind.add(before.volume, more.volume) })
})

/** At most one `:`; who that is, the image tells. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const USER = /^[^\s:\u0000-\u001f\u007f]+(?::[^\s:\u0000-\u001f\u007f]+)?$/u
/** Only Linux's run; the rest are Go's names, lower case. */
const PLATFORM = /^(linux)\/([a-z0-9]+)(?:\/([a-z0-9]+))?$/
