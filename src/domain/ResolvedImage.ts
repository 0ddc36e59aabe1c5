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
