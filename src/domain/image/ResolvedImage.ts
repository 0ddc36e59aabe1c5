/** An image as its layout describes it. Its units are made from nothing else. */

import type { Digest, Sha256 } from "../document/Digest.ts"
import * as ChainId from "./ChainId.ts"
import type { Descriptor } from "./Descriptor.ts"
import type { ImageConfig } from "./ImageConfig.ts"
import type { ImageManifest } from "./ImageManifest.ts"
import * as Platform from "./Platform.ts"

/** The documents of an image, read and checked. */
export interface ResolvedImage {
  /** The digest that the layout gives the image's name: of the manifest, or of the index that lists it. */
  readonly namedDigest: Digest
  readonly manifestDigest: Digest
  readonly manifest: ImageManifest
  readonly configDescriptor: Descriptor
  readonly config: ImageConfig
  /** The platform that the image is for, as `Platform.decide` found it. */
  readonly platform: Platform.PlatformName
  /** Unusual facts about the image's documents, one sentence each. */
  readonly notes: readonly string[]
  /** The name of the extracted root. Images with equal layers share one root. */
  readonly chainId: Digest
  /** The file of the public key that has signed the image; missing if its settings ask for no signature. */
  readonly signedBy?: string
}

/**
 * Makes an image from a configuration alone. The manifest is made up of the configuration, no layers, and
 * `annotations`; it has a digest, because units name one.
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
  const manifestDigest = digestOf(JSON.stringify(manifest), sha256)
  return {
    namedDigest: manifestDigest,
    manifestDigest,
    manifest,
    configDescriptor,
    config,
    platform: Platform.normalise(config) ?? { os: "linux", architecture: "" },
    notes: [],
    chainId: ChainId.fromDiffIds(config.rootfs.diff_ids, sha256)
  }
}

const digestOf = (text: string, sha256: Sha256): Digest => `sha256:${sha256(text)}` as Digest

/** The formats of image-spec media-types.md. */
const CONFIG = "application/vnd.oci.image.config.v1+json"
