/** An image as its layout describes it: everything that its units are made from. */
import type { Descriptor } from "./Descriptor.ts"
import type { Digest } from "./Digest.ts"
import type { ImageConfig } from "./ImageConfig.ts"
import type { ImageManifest } from "./ImageManifest.ts"

export interface ResolvedImage {
  readonly manifestDigest: Digest
  readonly manifest: ImageManifest
  readonly configDescriptor: Descriptor
  readonly config: ImageConfig
  /** Names the extracted root: images with equal layers share it. */
  readonly chainId: Digest
}

/** The image with the configuration's user in place of its own, where there is one. */
export const withUser = (image: ResolvedImage, user: string | undefined): ResolvedImage =>
  user === undefined
    ? image
    : { ...image, config: { ...image.config, config: { ...image.config.config, User: user } } }
