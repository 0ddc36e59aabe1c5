/** An image as its layout describes it: everything that its units are made from. */
import * as ChainId from "./ChainId.ts"
import type { Descriptor } from "./Descriptor.ts"
import type { Digest, Sha256 } from "../document/Digest.ts"
import * as HealthSettings from "../settings/HealthSettings.ts"
import type { ImageConfig } from "./ImageConfig.ts"
import type { ImageManifest } from "./ImageManifest.ts"

/** Documents that were read and checked. */
export interface ResolvedImage {
  readonly manifestDigest: Digest
  readonly manifest: ImageManifest
  readonly configDescriptor: Descriptor
  readonly config: ImageConfig
  /** Names the extracted root: images with equal layers share it. */
  readonly chainId: Digest
}

/**
 * An image that is known by its configuration alone. Its manifest is made up: the configuration, no layers, and
 * `annotations`; it has a digest all the same, which units name.
 */
export const fromConfig = (
  config: ImageConfig,
  sha256: Sha256,
  annotations: Readonly<Record<string, string>> = {}
): ResolvedImage => {
  const text = JSON.stringify(config)
  const configDescriptor: Descriptor = {
    mediaType: CONFIG,
    digest: digestOf(text, sha256),
    size: new TextEncoder().encode(text).length
  }
  const manifest: ImageManifest = { schemaVersion: 2, config: configDescriptor, layers: [], annotations }
  return {
    manifestDigest: digestOf(JSON.stringify(manifest), sha256),
    manifest,
    configDescriptor,
    config,
    chainId: ChainId.fromDiffIds(config.rootfs.diff_ids, sha256)
  }
}

const digestOf = (text: string, sha256: Sha256): Digest => `sha256:${sha256(text)}` as Digest

/** image-spec media-types.md */
const CONFIG = "application/vnd.oci.image.config.v1+json"

/** The image with the configuration's user and health check in place of its own, where they are said. */
export const withSettings = (
  image: ResolvedImage,
  settings: HealthSettings.HealthSettings & { readonly user: string | undefined }
): ResolvedImage => {
  const own = image.config.config
  const Healthcheck = HealthSettings.over(own?.Healthcheck, settings)
  if (settings.user === undefined && Healthcheck === own?.Healthcheck) return image
  const config = {
    ...own,
    ...(settings.user === undefined ? {} : { User: settings.user }),
    ...(Healthcheck === undefined ? {} : { Healthcheck })
  }
  return { ...image, config: { ...image.config, config } }
}
