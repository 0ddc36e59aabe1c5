/** Which of an index's manifests this machine runs (image-spec image-index.md, "platform"). */
import type { Descriptor, Platform } from "./Descriptor.ts"

/** What this machine is. `variants` are those it runs, the best first; the architecture without variant goes last. */
export interface HostPlatform {
  readonly os: string
  readonly architecture: string
  readonly variants: readonly string[]
}

/** A variant that is not written down means these (image-spec image-index.md, "Platform Variants"). */
const DEFAULT_VARIANT: Readonly<Record<string, string>> = { arm: "v7", arm64: "v8", amd64: "v1" }

const wantedVariant = (platform: Pick<Platform, "architecture" | "variant">): string | undefined =>
  platform.variant || DEFAULT_VARIANT[platform.architecture]

/** Can this machine run it? A variant that the machine's list does not know is not run. */
export const runs = (
  host: HostPlatform,
  platform: Pick<Platform, "architecture" | "os" | "variant">
): boolean => rank(host, platform) >= 0

/** 0 is the best, −1 cannot run. */
const rank = (host: HostPlatform, platform: Pick<Platform, "architecture" | "os" | "variant">): number => {
  if (platform.os !== host.os || platform.architecture !== host.architecture) return -1
  const variant = wantedVariant(platform)
  return variant === undefined || host.variants.length === 0 ? 0 : host.variants.indexOf(variant)
}

/**
 * What the machine runs, the best variant first, and of equal ones in their order. Those that name no platform come
 * after all that do: their configurations, or the manifests in them, tell later.
 */
export const candidates = (host: HostPlatform, manifests: readonly Descriptor[]): readonly Descriptor[] =>
  manifests
    .map((descriptor) => ({
      descriptor,
      fit: descriptor.platform === undefined ? Number.MAX_SAFE_INTEGER : rank(host, descriptor.platform)
    }))
    .filter(({ fit }) => fit >= 0)
    .sort((a, b) => a.fit - b.fit)
    .map(({ descriptor }) => descriptor)

/** `linux/arm/v7` */
export const display = (platform: Pick<Platform, "architecture" | "os" | "variant">): string =>
  [platform.os, platform.architecture, platform.variant].filter(Boolean).join("/")

/** A machine that runs images of this platform, and of the variants below it. */
export const machineOf = ({
  os,
  architecture,
  variant
}: Pick<Platform, "architecture" | "os" | "variant">): HostPlatform => ({
  os,
  architecture,
  variants: compatibleVariants(architecture, variant ?? DEFAULT_VARIANT[architecture])
})

/** The variants that a machine of this architecture runs, the best first, given its own. */
export const compatibleVariants = (architecture: string, variant: string | undefined): readonly string[] => {
  const order = VARIANTS[architecture]
  if (order === undefined) return variant === undefined ? [] : [variant]
  return order.slice(Math.max(0, variant === undefined ? order.length - 1 : order.indexOf(variant)))
}

/** Each runs those after it. */
const VARIANTS: Readonly<Record<string, readonly string[]>> = {
  arm: ["v8", "v7", "v6", "v5"],
  arm64: ["v9", "v8"],
  amd64: ["v4", "v3", "v2", "v1"]
}
