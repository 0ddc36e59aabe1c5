/** Selects the manifests of an index that this machine can run (image-spec image-index.md, "platform"). */
import type { Descriptor, Platform } from "./Descriptor.ts"

/** Everything that decides whether a machine runs an image. */
export type PlatformName = Pick<Platform, "architecture" | "os" | "variant">

/** The platform that a descriptor or an image configuration states. Each part may be missing. */
export type SaidPlatform = { readonly [field in keyof PlatformName]?: PlatformName[field] | null }

/**
 * The platform in the words of image-spec: `x86_64` is amd64, `aarch64` is arm64, `armhf` is arm/v7, in any case.
 * Without an architecture, the result is `undefined`. Without an operating system, Linux is meant.
 */
export const normalise = (said: SaidPlatform | null | undefined): PlatformName | undefined => {
  const spelled = (said?.architecture ?? "").trim().toLowerCase()
  if (spelled === "") return undefined
  const [architecture, implied] = Object.hasOwn(SPELLINGS, spelled)
    ? (SPELLINGS[spelled] as Spelling)
    : ([spelled] as const)
  const variant =
    (said?.variant ?? "")
      .trim()
      .toLowerCase()
      .replace(/^(?=\d)/, "v") || implied
  return {
    os: (said?.os ?? "").trim().toLowerCase() || "linux",
    architecture,
    ...(variant === undefined ? {} : { variant })
  }
}

/** Reads `OS/ARCHITECTURE[/VARIANT]`, or an architecture alone, which means Linux; `undefined` where it is neither. */
export const parse = (text: string): PlatformName | undefined => {
  const parts = text.split("/")
  if (parts.length > 3 || parts.some((part) => !/^[A-Za-z0-9_.-]+$/.test(part))) return undefined
  const [os, architecture, variant = null] = parts.length === 1 ? ["linux", text] : parts
  return normalise({ os: os ?? null, architecture: architecture ?? null, variant })
}

type Spelling = readonly [architecture: string, variant?: string]

/** How uname(1), Debian and older builders spell architectures that image-spec names as Go does. */
const SPELLINGS: Readonly<Record<string, Spelling>> = {
  x86_64: ["amd64"],
  "x86-64": ["amd64"],
  aarch64: ["arm64"],
  armhf: ["arm", "v7"],
  armv7l: ["arm", "v7"],
  armel: ["arm", "v6"],
  armv6l: ["arm", "v6"],
  i386: ["386"],
  i486: ["386"],
  i586: ["386"],
  i686: ["386"],
  x86: ["386"]
}

/** The platform that an image is taken for. */
export interface Decision {
  readonly platform: PlatformName
  /** One sentence on what was decided, if the documents contradict each other or state nothing. */
  readonly note: string | undefined
}

/**
 * Decides what platform an image is for. If the descriptor in the index names a platform, the descriptor decides,
 * since builders that cross-build often leave their own machine's platform in the configuration. Otherwise the
 * configuration decides. An image that names no platform counts as one for this machine.
 */
export const decide = (
  host: HostPlatform,
  described: SaidPlatform | null | undefined,
  configured: SaidPlatform
): Decision => {
  const index = normalise(described)
  const config = normalise(configured)
  if (index === undefined && config === undefined) {
    const platform = { os: host.os, architecture: host.architecture }
    return {
      platform,
      note: `neither the index nor the image's configuration names a platform, so the image is taken for ${display(platform)}`
    }
  }
  if (index === undefined) return { platform: config as PlatformName, note: undefined }
  const note =
    config === undefined || isSame(index, config)
      ? undefined
      : `the index says that the image is for ${display(index)}, its configuration says ${display(config)}: the index decides`
  return { platform: index, note }
}

/** A variant that only one of the two documents names is no contradiction. */
const isSame = (a: PlatformName, b: PlatformName): boolean =>
  a.os === b.os && a.architecture === b.architecture && (!a.variant || !b.variant || a.variant === b.variant)

/**
 * The platform of this machine. `variants` lists those that it runs, the best first; images without a variant come
 * last.
 */
export interface HostPlatform {
  readonly os: string
  readonly architecture: string
  readonly variants: readonly string[]
  /** Whether the platform was requested and is not this machine's. Messages then do not mention this machine. */
  readonly isWanted?: true
}

/** The variant that counts where an image names none (image-spec image-index.md, "Platform Variants"). */
const DEFAULT_VARIANT: Readonly<Record<string, string>> = { arm: "v7", arm64: "v8", amd64: "v1" }

const wantedVariant = (platform: Pick<PlatformName, "architecture" | "variant">): string | undefined =>
  platform.variant || DEFAULT_VARIANT[platform.architecture]

/** Whether this machine can run the platform. Variants missing from the machine's list cannot run. */
export const runs = (host: HostPlatform, platform: PlatformName): boolean =>
  rank(host, normalise(platform) ?? platform) >= 0

/** Ranks a platform: 0 is the best, −1 cannot run. */
const rank = (host: HostPlatform, platform: PlatformName): number => {
  if (platform.os !== host.os || platform.architecture !== host.architecture) return -1
  const variant = wantedVariant(platform)
  return variant === undefined || host.variants.length === 0 ? 0 : host.variants.indexOf(variant)
}

/**
 * Returns the manifests that the machine can run, the best variant first, equal ones in their order. Manifests
 * without a platform come last: their configurations, or the manifests inside them, name it later.
 */
export const candidates = (host: HostPlatform, manifests: readonly Descriptor[]): readonly Descriptor[] =>
  manifests
    .map((descriptor) => {
      const platform = normalise(descriptor.platform)
      return { descriptor, fit: platform === undefined ? Number.MAX_SAFE_INTEGER : rank(host, platform) }
    })
    .filter(({ fit }) => fit >= 0)
    .sort((a, b) => a.fit - b.fit)
    .map(({ descriptor }) => descriptor)

/** Prints a platform: `linux/arm/v7`. */
export const display = (platform: PlatformName): string =>
  [platform.os, platform.architecture, platform.variant].filter(Boolean).join("/")

/** Describes a machine that runs images of this platform and of the variants below it. */
export const machineOf = ({ os, architecture, variant }: PlatformName): HostPlatform => ({
  os,
  architecture,
  variants: compatibleVariants(architecture, variant ?? DEFAULT_VARIANT[architecture]),
  isWanted: true
})

/** Returns the variants that a machine of this architecture runs, the best first, given its own variant. */
export const compatibleVariants = (architecture: string, variant: string | undefined): readonly string[] => {
  const order = VARIANTS[architecture]
  if (order === undefined) return variant === undefined ? [] : [variant]
  return order.slice(Math.max(0, variant === undefined ? order.length - 1 : order.indexOf(variant)))
}

/** The variants of architectures. Each variant runs those after it. */
const VARIANTS: Readonly<Record<string, readonly string[]>> = {
  arm: ["v8", "v7", "v6", "v5"],
  arm64: ["v9", "v8"],
  amd64: ["v4", "v3", "v2", "v1"]
}
